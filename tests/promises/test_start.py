"""A node that cannot work says why and stops; one whose disk fills up stays sound."""

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.promises.asks import ASKS, Ask, receipt_of
from tests.promises.stage import Stage, serving, wait_until

from unseen.client.errors import RefusedError, UnreachableError, WireError
from unseen.evidence.contracts.states import State

MEGABYTE = 1 << 20


def test_a_second_node_on_the_same_state_gives_up(stage: Stage) -> None:
    assert stage.refuses_to_start() == "STATE_LOCKED"
    assert stage.operator.node().pinned


def test_an_address_in_use_is_said_so(copy: Callable[[], Stage], stage: Stage) -> None:
    other = copy()
    assert other.refuses_to_start(UNSEEN_LISTEN=f"127.0.0.1:{stage.port}") == "CONFIG_INVALID"


def test_wrong_or_missing_keys_are_said_so(copy: Callable[[], Stage]) -> None:
    stage = copy()
    key = stage.home / "keys" / "vault.key"
    kept = key.read_bytes()
    key.chmod(0o600)
    for content in (b"00" * 32 + b"\n", b"no key"):
        key.write_bytes(content)
        assert stage.refuses_to_start() == "KEY_LOCKED"
    key.unlink()
    assert stage.refuses_to_start() == "KEY_LOCKED"
    key.write_bytes(kept)
    authority = stage.home / "keys" / "authority.key"
    authority.rename(authority.with_suffix(".gone"))
    assert stage.refuses_to_start() == "KEY_LOCKED"
    authority.with_suffix(".gone").rename(authority)
    with serving(stage):
        assert stage.operator.node().pinned


def test_a_node_drains_and_starts_again_where_it_was(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    contract = stage.contract()
    ask = ASKS["hidden"](stage.lender, contract, stage.people[1].subject)
    first = ask.send()
    process = stage.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    stage.close_clients()
    stage.start()
    again = Ask(stage.lender, ask.request, ask.parts, ask.nonce)
    second = again.send()
    assert receipt_of(stage.lender, second).index == receipt_of(stage.lender, first).index
    assert stage.lender.usage(contract).requests == 1


def test_a_worker_that_dies_costs_nothing_and_is_replaced(stage: Stage) -> None:
    contract = stage.contract()
    stage.lender.lookup(contract, stage.people[0].subject)
    assert stage.process is not None
    for child in psutil.Process(stage.process.pid).children():
        child.kill()
    asks = [ASKS["hidden"](stage.lender, contract, person.subject) for person in stage.people[:4]]
    for ask in asks:
        with contextlib.suppress(WireError):
            ask.send()
    receipts = [receipt_of(stage.lender, ask.send()) for ask in asks]
    assert len({receipt.index for receipt in receipts}) == len(asks)
    assert stage.lender.usage(contract).requests == len(asks) + 1


@pytest.fixture(params=["no file may grow", "a small file system"])
def full_disk(
    request: pytest.FixtureRequest, copy: Callable[[], Stage], tmp_path: Path
) -> Iterator[tuple[Stage, Callable[[], None], Callable[[], None]]]:
    """Return a serving stage, what fills its disk, and what frees it again."""
    stage = copy()
    if request.param == "no file may grow":
        stage.start()
        yield stage, lambda: stage.limit_files(1), lambda: stage.limit_files(-1)
        return
    kept = stage.home.rename(stage.root / "kept")
    stage.home.mkdir()
    options = ["-t", "tmpfs", "-o", "size=24m", "tmpfs", str(stage.home)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:  # noqa: S607
        pytest.skip("this machine lets nobody mount a file system")
    filler = stage.home / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    try:
        shutil.copytree(kept, stage.home, dirs_exist_ok=True)
        stage.start()
        yield stage, fill, filler.unlink
    finally:
        stage.kill()
        subprocess.run(["umount", str(stage.home)], check=True)  # noqa: S607


def test_a_full_disk_charges_nothing_and_loses_nothing(
    full_disk: tuple[Stage, Callable[[], None], Callable[[], None]],
) -> None:
    stage, fill, free = full_disk
    hidden, clear = stage.contract(), stage.contract("clear")
    lender = stage.lender
    kept = [lender.verify(clear, person.subject) for person in stage.people[:3]]
    lender.lookup(hidden, stage.people[0].subject)
    before, size = lender.usage(clear), stage.operator.log_size()
    asks = [ASKS["clear"](lender, clear, person.subject) for person in stage.people[3:9]]
    fill()
    for ask in asks:
        with pytest.raises(UnreachableError) as caught:
            ask.send()
        assert caught.value.reason == "STORAGE_FULL"
        assert not caught.value.charged
        assert caught.value.retry == "same-id"
        assert "disk" in caught.value.remedy
    with pytest.raises((RefusedError, UnreachableError)):
        stage.propose()
    assert lender.usage(clear) == before
    assert stage.operator.log_size() == size
    free()
    receipts = [receipt_of(lender, ask.send()) for ask in asks]
    assert len({receipt.index for receipt in receipts}) == len(asks)
    assert lender.usage(clear).units_used == before.units_used + len(asks)
    stage.kill()
    stage.start()
    assert stage.lender.usage(clear).units_used == before.units_used + len(asks)
    for verdict in kept:
        assert stage.lender.receipt(verdict.request_id).facts.index
    stage.lender.lookup(hidden, stage.people[1].subject)


def test_a_table_that_finds_no_room_is_built_once_there_is(
    full_disk: tuple[Stage, Callable[[], None], Callable[[], None]],
) -> None:
    stage, fill, free = full_disk
    contract = stage.propose()
    stage.operator.approve(contract)
    # Room for the state, none for the table: its folder cannot be written.
    spool = stage.home / "spool"
    shutil.rmtree(spool, ignore_errors=True)
    spool.write_bytes(b"")
    stage.lender.sign(contract)
    wait_until(lambda: "failed" in stage.output.read_text())
    fill()
    free()
    stage.stop()
    spool.unlink()
    stage.start()
    assert stage.lender.contract(contract).state is State.ACTIVE
    assert stage.lender.lookup(contract, stage.people[1].subject).found


def test_a_node_whose_clock_was_set_back_does_not_start(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start_skewed(60)
    contract = stage.contract("clear")
    stage.lender.verify(contract, stage.people[0].subject)
    stage.kill()
    assert stage.refuses_to_start() == "CLOCK_SET_BACK"
    stage.start_skewed(60)
    assert stage.lender.usage(contract).requests == 1
