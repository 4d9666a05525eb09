"""What one buyer may hold or ask for at once, and that it touches nobody else."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from tests.promises.stage import Stage, make_people, serving, wait_until, write_table

from unseen.client import Client
from unseen.client.errors import RefusedError, WireError

EVALUATE = "/unseen.v1.LookupService/Evaluate"
PLACES = 4  # twice `max_in_flight_per_party`, as the test sets it


def hold(client: Client, release: threading.Event) -> Any:
    """Open a call that sends no message until `release` is set."""

    def silent() -> Iterator[bytes]:
        release.wait(60)
        yield b""

    call: Any = client._session.channel.grpc.stream_unary(EVALUATE)
    return call.future(silent())


def test_calls_that_send_nothing_are_counted_and_ended(copy: Callable[[], Stage]) -> None:
    settings = {
        "UNSEEN_MAX_IN_FLIGHT_PER_PARTY": str(PLACES // 2),
        "UNSEEN_CALL_SECONDS": "3",
    }
    with serving(copy(), **settings) as stage:
        release = threading.Event()
        held: list[Any] = []

        def full() -> bool:
            if all(call.done() for call in held):  # at first, and where nobody looked in time
                held[:] = [hold(stage.lender, release) for _ in range(PLACES)]
            return _is_full(stage.lender)

        wait_until(full)
        assert stage.operator.parties()  # neither the operator
        assert stage.rival.node().caller == "rival"  # nor another buyer hears of it
        wait_until(lambda: all(call.done() for call in held))
        assert {call.code() for call in held} == {grpc.StatusCode.DEADLINE_EXCEEDED}
        release.set()
        assert stage.lender.node().caller == "lender"


def _is_full(client: Client) -> bool:
    try:
        client.node()
    except WireError as error:
        return error.reason == "OVERLOADED"
    return False


def test_proposals_made_at_once_know_of_each_other(stage: Stage, tmp_path: Path) -> None:
    people = make_people(100)
    write_table(tmp_path / "firms.parquet", people)
    stage.operator.register_table(
        "firms",
        str(tmp_path / "firms.parquet"),
        subject=["subject"],
        labels={"*": ("enterprise", "2")},
    )
    stage.offer("firm-check", "firms", "lookup")

    def one(_: int) -> str:
        try:
            stage.propose("firm-check", units=10)  # a tenth of the rows: all a buyer may ask
        except RefusedError as error:
            return error.clause
        return "proposed"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(one, range(8)))
    assert outcomes == ["proposed"] + ["quota.units"] * 7
