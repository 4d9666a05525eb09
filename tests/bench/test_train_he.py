"""Training on encrypted weights: bench and real data say what they are said to."""

import re

import numpy as np
import pytest

from unseen.bench import measuring, train_he
from unseen.bench.persons import Study, nhefs, rand
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.training.chain import chain_of

pytest.importorskip("tenseal.sealapi")
NOTE = re.compile(r"noise of \d+\.\d, off by (\d\.\d) times that; (\d+) blocks")


def test_both_kinds_are_measured_by_their_parts() -> None:
    given = train_he.BENCH.parameters(["rows=9000", "features=4", "own=2", "real=0"])
    found = {one.name: one for one in measuring.run(train_he.BENCH, given, 1)}
    for kind, width in (("secret", 4), ("vertical", 6)):
        provider = found[f"train_he/{kind}/provider"]
        note = NOTE.fullmatch(provider.note)
        assert note is not None
        assert note[2] == "2"
        # The largest of a few draws of a Gaussian: more is an error of arithmetic.
        assert float(note[1]) < 6
        assert provider.units == found[provider.limit].units == 9000
        assert provider.bytes_down == width * 8 * 16385
        assert provider.bytes_up == found[f"train_he/{kind}/buyer"].bytes_up
        assert found[f"train_he/{kind}/keys"].note.startswith("primes of 60, 48, 48, 48, 48, 60")
    assert found["train_he/vertical/once"].bytes_up > 2 * 3 * 16384 * 16


def test_a_bench_without_the_buyers_columns_has_one_kind() -> None:
    given = train_he.BENCH.parameters(["rows=100", "features=2", "own=0", "real=0"])
    names = [one.name for one in measuring.run(train_he.BENCH, given, 1)]
    assert names
    assert not [name for name in names if "vertical" in name]
    with pytest.raises(InputInvalidError):
        list(measuring.run(train_he.BENCH, train_he.BENCH.parameters(["rows=99", "real=0"]), 1))


@pytest.mark.parametrize(("read", "width"), [(nhefs, 17), (rand, 17)])
def test_real_rows_keep_their_norms_and_cost_what_epsilon_allows(read: object, width: int) -> None:
    assert callable(read)
    study: Study = read(4)
    task, values = study.task, study.values
    assert values.shape[1] == task.width == width
    assert np.linalg.norm(values[:, : task.columns], axis=1).max() <= float(task.norm)
    if task.vertical:
        assert np.linalg.norm(values[:, task.columns :], axis=1).max() <= float(task.own_norm)
    assert set(np.unique(study.labels)) == {0.0, 1.0}
    assert study.rows > 1000
    assert chain_of(task).rho <= task.rho
    assert study.clear() > 0.6


@pytest.mark.long
@pytest.mark.parametrize("read", [nhefs, rand])
def test_encrypted_training_is_near_clear_training(read: object) -> None:
    assert callable(read)
    study: Study = read(4)
    found = study.encrypted(seed=1)
    assert abs(found.auc - study.clear()) < 0.05
    assert found.rho <= study.task.rho * study.task.iterations
