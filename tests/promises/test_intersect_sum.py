"""Sums over intersections, on a real node: what they are worth, cost, and survive."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.promises.intersecting import contract, subjects
from tests.promises.oversight import audit
from tests.promises.stage import LABELS, Stage, serving
from tests.promises.test_intersect import refused, used

from unseen.client.catalog import Product
from unseen.client.errors import UnreachableError
from unseen.client.queries.intersected import Intersected
from unseen.client.queries.parcels import Parcels
from unseen.evidence.contracts.intersection import COUNT, SUM, Offered, Summed
from unseen.evidence.verify import verify_receipt
from unseen.node.intersecting.files import DOUBLED, OTHERS

HIGH = 60_000
OFFERED = Offered(
    outputs=(COUNT, SUM),
    most=100,
    rho="8",
    delta="0.000001",
    sum=Summed(column="earnings", low=0, high=HIGH),
)
TABLE = "earners"
DEVIATION = 22_000  # of a sum at half of this rho


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage whose earnings may be summed up."""
    made = template.copy(tmp_path_factory.mktemp("sums") / "stage")
    with serving(made) as found:
        prepare(found)
        yield found


def prepare(stage: Stage) -> None:
    stage.operator.register_table(TABLE, str(stage.table), subject=["subject"], labels=LABELS)
    offer(stage, TABLE)
    stage.operator.set_privacy_budget(TABLE, epsilon="100", delta="0.000001")


def offer(stage: Stage, product: str, **changes: Any) -> Product:
    offered = Offered(**{name: getattr(OFFERED, name) for name in _FIELDS} | changes)
    return stage.operator.register_product(
        product, table=TABLE, kind="intersect", title="Earnings in common", predicates=offered
    )


_FIELDS = ("outputs", "most", "rho", "delta", "sum")


def truth(stage: Stage, count: int) -> int:
    return sum(person.earnings or 0 for person in stage.people[:count])


def asked(stage: Stage, present: int, absent: int) -> tuple[str, Intersected]:
    identifier = contract(stage, SUM, product=TABLE, units=100, budget="60")
    return identifier, stage.lender.intersect(identifier, subjects(stage, present, absent))


def close_to(found: Intersected, count: int, total: int) -> None:
    assert found.number is not None
    assert found.total is not None
    assert abs(found.number - count) <= 6  # twelve standard deviations and more
    assert abs(found.total - total) <= 12 * DEVIATION


def test_a_sum_has_noise_and_one_charge_and_the_node_never_sees_it(
    stage: Stage, tmp_path: Path
) -> None:
    identifier, found = asked(stage, 60, 7)
    close_to(found, 60, truth(stage, 60))
    assert found.total_error == Decimal(21_213)
    assert found.present == ()
    assert used(stage, identifier) == (1, 67)
    facts = verify_receipt(found.receipt_path.read_text().strip(), stage.lender._session.trust)
    assert (facts.kind, facts.units, facts.privacy) == ("intersect", 67, "8")
    assert stage.lender.fetch_intersection(found.request_id) == found
    assert stage.operator.privacy_ledgers(TABLE)[0].spent == 8 * 10**12
    card = str(stage.lender.contract(identifier))
    assert "earnings" in card
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings


def test_below_the_smallest_group_neither_number_is_told(stage: Stage) -> None:
    identifier, found = asked(stage, 1, 5)
    assert (found.number, found.total) == (None, None)
    assert used(stage, identifier) == (1, 6)


def test_what_cannot_be_summed_is_not_offered(stage: Stage) -> None:
    for column in ("note", "payload", "nothing"):
        summed = Summed(column=column, low=0, high=9)
        error = refused(lambda: offer(stage, "wrong", sum=summed))  # noqa: B023
        assert error.clause == "product.intersect.sum.column"
    large = Summed(column="earnings", low=0, high=1 << 34)
    offer(stage, "large", sum=large)
    error = refused(lambda: contract(stage, SUM, product="large", units=100, budget="60"))
    assert error.clause == "intersect.most"


def test_an_operator_that_reviews_aggregates_lets_no_sum_out(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    prepare(stage)
    stage.operator.set_release_mode("aggregate", "review")
    identifier = contract(stage, SUM, product=TABLE, units=100, budget="60")
    error = refused(lambda: stage.lender.intersect(identifier, subjects(stage, 20, 0)))
    assert "no person could see" in str(error)
    assert used(stage, identifier) == (0, 0)


@pytest.mark.sampled
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("point", ["request.evaluated", "job.before_finish", "job.after_finish"])
def test_a_kill_on_either_side_leaves_one_run_and_one_charge(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    stage = copy()
    stage.start()
    prepare(stage)
    identifier = contract(stage, SUM, product=TABLE, units=100, budget="60")
    fetch = Parcels.fetch

    def die(*_: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(Parcels, "fetch", die)
    with pytest.raises(KeyboardInterrupt):
        stage.lender.intersect(identifier, subjects(stage, 40, 2))
    monkeypatch.setattr(Parcels, "fetch", fetch)
    (request,) = stage.lender.unanswered(identifier)
    stage.stop()
    stage.start(UNSEEN_FAILPOINT=point)
    with pytest.raises(UnreachableError):
        stage.lender.fetch_intersection(request)
    assert stage.wait_dead() == -9
    stage.start()
    found = stage.lender.fetch_intersection(request)
    close_to(found, 40, truth(stage, 40))
    assert used(stage, identifier) == (1, 42)
    assert stage.operator.privacy_ledgers(TABLE)[0].spent == 8 * 10**12


@pytest.mark.usefixtures("impatient")
def test_what_waits_to_be_mixed_is_not_masked_anew_after_a_kill(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = copy()
    stage.start()
    prepare(stage)
    identifier = contract(stage, SUM, product=TABLE, units=100, budget="60")
    stage.stop()
    stage.start(UNSEEN_FAILPOINT="job.before_finish")  # all is written, and nothing says so
    with pytest.raises(UnreachableError):
        stage.lender.intersect(identifier, subjects(stage, 40, 2))
    assert stage.wait_dead() == -9
    (folder,) = (stage.home / "intersections").iterdir()
    written = [(folder / name).read_bytes() for name in (OTHERS, DOUBLED)]
    later, fetch = [], Parcels.fetch

    def look(*asked: Any) -> None:
        later.append([(folder / name).read_bytes() for name in (OTHERS, DOUBLED)])
        fetch(*asked)

    monkeypatch.setattr(Parcels, "fetch", look)
    stage.start()
    (request,) = stage.lender.unanswered(identifier)
    found = stage.lender.fetch_intersection(request)
    assert later[0] == written
    close_to(found, 40, truth(stage, 40))
    assert used(stage, identifier) == (1, 42)


def test_a_run_that_takes_long_is_held_by_its_first_job_s_leaf(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    prepare(stage)
    identifier = contract(stage, COUNT, product=TABLE, units=100, budget="60")
    fetch = Parcels.fetch

    def die(*_: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(Parcels, "fetch", die)
    with pytest.raises(KeyboardInterrupt):
        stage.lender.intersect(identifier, subjects(stage, 40, 2))
    monkeypatch.setattr(Parcels, "fetch", fetch)
    (request,) = stage.lender.unanswered(identifier)
    stage.stop()
    stage.start_skewed(1_200)  # a request alone counts for 15 minutes
    found = stage.lender.fetch_intersection(request)
    assert found.number is not None
    assert used(stage, identifier) == (1, 42)
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings
