"""Joint logistic regression on real data: as good as was promised, and only as good as it is."""

import re
from fractions import Fraction
from statistics import mean

import numpy as np
import pytest

from unseen.bench import measuring, train, training
from unseen.bench.training import Table
from unseen.protocols import dp
from unseen.protocols.dp.zcdp import UNIT
from unseen.protocols.train import cost_of

NOTE = re.compile(
    r"AUC 0\.\d{4}, loss 0\.\d{4}; AUC [+-]0\.\d{4} \(worst split [+-]0\.\d{4}\), loss [+-]0\.\d{4}"
)
TABLES = [(training.rand, 0.01), (training.german, 0.03)]


def apart(table: Table, epsilon: int, splits: int) -> tuple[float, float]:
    """Return how far area and loss are from those of pooled rows, as means of the splits."""
    pairs = [(table.joint(epsilon, seed), table.pooled(seed)) for seed in range(splits)]
    return (
        mean(joint.auc - pooled.auc for joint, pooled in pairs),
        mean(joint.loss - pooled.loss for joint, pooled in pairs),
    )


@pytest.mark.long
@pytest.mark.parametrize(("read", "most"), TABLES)
def test_at_epsilon_4_it_is_within_its_bar_of_pooled_rows(read: object, most: float) -> None:
    assert callable(read)
    area, loss = apart(read(), 4, 20)
    assert -most <= area < most
    assert -most <= loss < most  # probabilities, not their order alone


@pytest.mark.parametrize(("read", "most"), TABLES)
def test_a_split_keeps_people_apart_and_costs_no_more(read: object, most: float) -> None:
    assert callable(read)
    table: Table = read()
    for seed in range(3):
        held = table.held_out(seed)
        assert not set(table.people[held]) & set(table.people[~held])
        assert 0.15 < held.mean() < 0.25
        spec = table.task(table.rho(4, seed))
        assert dp.epsilon_of(cost_of(spec) * UNIT, table.delta(seed)) <= 4
        assert table.delta(seed) < Fraction(1, 500)


@pytest.mark.parametrize(("read", "most"), TABLES)
def test_nobody_has_more_rows_than_are_accounted_for(read: object, most: float) -> None:
    assert callable(read)
    table: Table = read()
    people, counts = np.unique(table.people, return_counts=True)
    assert counts.max() == table.rows_per_person
    for person in people[:: len(people) // 50]:
        assert len(set(table.holder[table.people == person])) == 1
    assert len(set(table.holder)) == len(table.parties)
    assert np.isfinite(table.rows).all()
    assert 0.2 < table.labels.mean() < 0.8


def test_the_bench_sets_joint_beside_pooled() -> None:
    given = train.BENCH.parameters(["splits=1", "epsilon=8"])
    found = {one.name: one for one in measuring.run(train.BENCH, given, 1)}
    for table, parties in (("rand", 4), ("german", 3)):
        joint, masked = found[f"train/{table}/epsilon-8"], found[f"train/{table}/masked"]
        assert joint.limit == f"train/{table}/pooled"
        assert joint.units == found[joint.limit].units == 1
        assert NOTE.fullmatch(joint.note)
        assert masked.note == f"{parties} parties, 5 secure sums"
        assert masked.rounds == 25
        assert masked.bytes_up > parties * 5 * 8
