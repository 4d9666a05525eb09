"""What runs of intersections over a real node may take before they are paid for."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.promises.intersecting import Asking, contract, offer, subjects, wait_for
from tests.promises.stage import Stage

from unseen.client.errors import RefusedError
from unseen.client.queries.intersections import Intersections
from unseen.evidence.contracts.intersection import COUNT, Offered, set_bytes
from unseen.node.runs.unpaid import UNPAID
from unseen.v1 import intersect_pb2

ITEMS = 5_000


@pytest.fixture
def stage(copy: Callable[[], Stage]) -> Stage:
    """Return a stage whose node keeps one MiB of runs."""
    found = copy()
    found.start(UNSEEN_INTERSECTIONS_MB="1")
    return found


def kept(stage: Stage) -> list[str]:
    return [path.name for path in (stage.home / "intersections").glob("*")]


def refused_busy(call: Callable[[], object]) -> str:
    with pytest.raises(Exception, match="this run may take") as caught:
        call()
    error: Any = caught.value
    assert error.clause == "node.intersections_mb"
    assert "intersections_mb" in error.remedy
    return str(error.reason)


def test_files_of_all_runs_have_a_cap_and_one_without_room_is_refused_before_it_is_sent(
    stage: Stage,
) -> None:
    stage.operator.register_product(
        "common",
        table="people",
        kind="intersect",
        title="In common",
        predicates=Offered(outputs=("items",), most=20_000),
    )
    identifier = contract(stage, units=20_000, per_minute=20_000)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 1, 1))

    def begun(number: int, items: int) -> Callable[[], intersect_pb2.UploadResponse]:
        head = asking.head(request=f"{number:032x}", size=set_bytes(items))
        return lambda: asking.upload(head)

    assert refused_busy(begun(0, 12_000)) == "STORAGE_FULL"
    assert not kept(stage)
    for number in range(1, 4):
        assert begun(number, ITEMS)().offset == 0
    assert refused_busy(begun(4, ITEMS)) == "OVERLOADED"
    assert len(kept(stage)) == 3
    stage.stop()
    stage.start(UNSEEN_INTERSECTIONS_MB="1")
    asking = asking.again(stage.lender)
    assert refused_busy(begun(4, ITEMS)) == "OVERLOADED"
    end = intersect_pb2.EndRequest(contract=f"contracts/{identifier}", request=f"{1:032x}")
    stage.lender._session.call(asking.stub.End, end)
    assert begun(4, ITEMS)().offset == 0
    found = stage.lender.intersect(identifier, subjects(stage, 3, 2))
    assert len(found.found) == 3


def test_a_table_is_masked_a_few_times_for_nothing_and_anew_after_a_charge(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = copy()
    stage.start()
    offer(stage)
    stage.operator.set_privacy_budget("people", epsilon="50", delta="0.000001")
    identifier = contract(stage, COUNT)

    def masked(item: str) -> Asking:
        asking = Asking.of(stage.lender, identifier, [item])
        asking.upload()
        wait_for(stage.lender, asking.run().job)
        return asking

    for number in range(UNPAID - 1):
        asking = masked(f"item {number}")
        end = intersect_pb2.EndRequest(
            contract=f"contracts/{identifier}", request=asking.request.request
        )
        stage.lender._session.call(asking.stub.End, end)
    assert not kept(stage)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Intersections, "_mix", die)
        with pytest.raises(KeyboardInterrupt):
            stage.lender.intersect(identifier, subjects(stage, 20, 0))
    for _ in range(2):  # and a restart forgets nothing
        with pytest.raises(RefusedError) as caught:
            masked("one more")
        assert (caught.value.reason, caught.value.clause) == ("RATE_EXCEEDED", "contract.unpaid")
        assert not caught.value.charged
        stage.stop()
        stage.start()
    (request,) = stage.lender.unanswered(identifier)
    found = stage.lender.fetch_intersection(request)
    assert found.number is None or abs(found.number - 20) <= 12
    assert stage.lender.usage(identifier).units_used == 20
    masked("again")
