"""A table that is built again under its key: which further builds a client believes."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from tests.client.hidden_node import SHAPE, HiddenWorld
from tests.client.test_hidden_table import CONTRACT

from unseen.client import Answer
from unseen.client.errors import AnswerInvalidError, Cause, UnreachableError
from unseen.client.evidence import Evidence
from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.client.oversight.openings import Openings
from unseen.client.queries.tables import table_name
from unseen.evidence.canonical import b64encode
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.releases.manifest import Manifest
from unseen.protocols.lookup.lwe_pir import filters
from unseen.protocols.lookup.oprf_table import epoch_domain
from unseen.protocols.oprf import keys


@pytest.fixture
def world(home: Home, profile: Profile) -> Iterator[HiddenWorld]:
    made = HiddenWorld(home, profile)
    made.node.labels |= dict.fromkeys(range(100), b"\x02")  # so that every block has many
    yield made
    made.state.close()
    made.channel.close()


def said(world: HiddenWorld, subject: int) -> tuple[Answer, bool]:
    (verdict,) = world.lookups().many(CONTRACT, [subject])
    return verdict.answers["rich"], verdict.cached


def test_a_further_build_answers_by_its_own_labels(world: HiddenWorld) -> None:
    world.publish()
    assert said(world, 3) == (Answer.YES, False)
    assert said(world, 7) == (Answer.YES, False)
    world.node.labels[3] = b"\x01"
    del world.node.labels[7]
    world.node.labels[500] = b"\x03"
    second = world.node.build_again()
    assert said(world, 3) == (Answer.NO, False)
    assert said(world, 3) == (Answer.NO, True)
    assert said(world, 7) == (Answer.NO_USABLE_RESULT, False)
    assert said(world, 8) == (Answer.YES, False)
    assert world.state.epoch(CONTRACT) == (1, b64encode(second.id()))


def test_builds_may_be_missed(world: HiddenWorld) -> None:
    world.publish()
    assert said(world, 3) == (Answer.YES, False)
    world.node.build_again(2)
    world.node.build_again(5)
    assert said(world, 3) == (Answer.YES, False)


def refused(world: HiddenWorld) -> str:
    sent = list(world.node.sent)
    with pytest.raises(AnswerInvalidError) as caught:
        world.lookups().many(CONTRACT, [4])
    assert world.node.sent == sent
    assert len(list((world.home.root / "evidence").glob("manifest-*.json"))) == 1
    return str(caught.value.clause)


def test_another_key_under_the_same_epoch_is_refused(world: HiddenWorld) -> None:
    world.publish()
    said(world, 3)
    world.node.key = keys.generate(secrets.token_bytes)
    world.node.build_again(public_key=world.node.key.public_key)
    assert refused(world) == "manifest.public_key"


def test_a_lower_build_is_refused(world: HiddenWorld) -> None:
    world.publish()
    said(world, 3)
    world.node.build_again(3)
    said(world, 3)
    world.node.build_again(2)
    assert refused(world) == "manifest.build"


def test_the_first_build_does_not_come_back(world: HiddenWorld) -> None:
    node = world.node
    first = world.publish()
    shown = node.table, node.announced, node.announced_at
    said(world, 3)
    node.build_again()
    said(world, 3)
    node.manifest = first
    node.table, node.announced, node.announced_at = shown
    assert refused(world) == "manifest.build"


def test_two_manifests_of_one_build_are_refused(world: HiddenWorld) -> None:
    world.publish()
    said(world, 3)
    world.node.build_again()
    said(world, 3)
    world.node.build_again()
    assert refused(world) == "manifest.build"


@pytest.mark.parametrize("clause", ["snapshot", "nonce"])
def test_a_build_over_the_same_rows_or_nonce_is_refused(world: HiddenWorld, clause: str) -> None:
    first = world.publish()
    said(world, 3)
    same: dict[str, Any] = {clause: getattr(first, clause)}
    world.node.build_again(**same)
    assert refused(world) == f"manifest.{clause}"


def test_of_two_processes_the_one_behind_follows(world: HiddenWorld) -> None:
    """Between what it reads and what it keeps another process of this home sees a later build."""
    world.publish()
    said(world, 3)
    second = world.node.build_again(2)
    epochs = world.lookups()._epochs
    shown, save, kept = world.node.answer, world.state.save_epoch, list[str]()

    def late(contract: str, epoch: int, manifest: str, *, over: str = "") -> tuple[int, str]:
        if not kept:
            kept.append(manifest)
            third = world.node.build_again(3)
            other = world.lookups()._epochs
            assert other.present(CONTRACT).manifest == third
        return save(contract, epoch, manifest, over=over)

    world.state.save_epoch = late  # type: ignore[method-assign]
    assert epochs.present(CONTRACT).manifest == world.node.manifest
    assert kept == [b64encode(second.id())]
    assert shown == world.node.answer


ROW = SHAPE.hint_row_bytes


def block_of(world: HiddenWorld, subject: int) -> int:
    domain = epoch_domain(world.node.terms.id(), 1)
    return filters.block_of(SHAPE, domain, world.node.outputs[subject])


def of_block(world: HiddenWorld, block: int) -> int:
    """Return a subject of a block; none of those that tests ask about afterwards."""
    return next(each for each in range(50, 100) if block_of(world, each) == block)


def change(world: HiddenWorld, *blocks: int) -> None:
    for block in blocks:
        world.node.labels[of_block(world, block)] = b"\x01"


def begun(world: HiddenWorld) -> Manifest:
    """Have a client fetch the first build whole; then forget what it fetched."""
    first = world.publish()
    said(world, 3)
    world.asked.clear()
    world.came.clear()
    return first


def file_of(world: HiddenWorld, manifest: Manifest) -> Any:
    return world.home.table(table_name(manifest))


@pytest.mark.parametrize("blocks", [[], [0], [1], [2], [0, 1], [0, 2], [0, 1, 2]], ids=str)
def test_only_rows_that_changed_are_fetched(world: HiddenWorld, blocks: list[int]) -> None:
    begun(world)
    change(world, *blocks)
    second = world.node.build_again()
    assert said(world, 3)[1] is False
    assert sum(map(len, world.came)) == len(blocks) * ROW
    assert file_of(world, second).read_bytes() == world.node.table
    named = [
        number
        for request in world.asked
        for each in request.ranges
        for number in range(each.first, each.first + each.count)
    ]
    assert named == blocks
    assert [request.hashes for request in world.asked] == ([True, False] if blocks else [])


@pytest.mark.parametrize("asked", [(0, 2), (1, 1), (2, 0)])
def test_what_is_fetched_does_not_depend_on_who_is_asked_about(
    world: HiddenWorld, asked: tuple[int, int]
) -> None:
    begun(world)
    said(world, of_block(world, asked[0]))
    change(world, 1)
    world.node.build_again()
    said(world, of_block(world, asked[1]))
    ranges = [[(each.first, each.count) for each in request.ranges] for request in world.asked]
    assert ranges == [[], [(1, 1)]]


def test_who_has_no_hint_fetches_it_whole(world: HiddenWorld) -> None:
    first = begun(world)
    file_of(world, first).unlink()
    change(world, 1)
    world.node.build_again()
    said(world, 3)
    assert sum(map(len, world.came)) == 3 * ROW


def lost() -> NoReturn:
    raise UnreachableError(Cause("UNREACHABLE", "gone", retry="same-id"))


def test_an_interrupted_transfer_goes_on_where_it_stopped(world: HiddenWorld) -> None:
    first = begun(world)
    change(world, 0, 2)
    second = world.node.build_again()
    world.between = lambda: lost() if len(world.came) == 2 else None
    with pytest.raises(UnreachableError):
        world.lookups().many(CONTRACT, [4])
    assert file_of(world, first).exists()
    assert not file_of(world, second).exists()
    world.between = lambda: None
    world.asked.clear()
    assert said(world, 4) == (Answer.YES, False)
    (ranges,) = [request.ranges for request in world.asked if request.ranges]
    assert [(each.first, each.count) for each in ranges] == [(2, 1)]
    assert file_of(world, second).read_bytes() == world.node.table


def test_a_build_whose_hint_was_never_fetched_is_passed_over(world: HiddenWorld) -> None:
    begun(world)
    change(world, 0)
    world.node.build_again(2)
    world.hashed = lambda _: lost()
    with pytest.raises(UnreachableError):
        world.lookups().many(CONTRACT, [4])
    world.hashed = lambda hashes: hashes
    change(world, 1)
    world.node.build_again(3)
    said(world, 4)
    assert sum(map(len, world.came)) == 2 * ROW


def swapped(rows: bytes) -> bytes:
    """Return rows with a bit of the second block's nonce turned over."""
    at = ROW if len(rows) > ROW else 0
    return rows[:at] + bytes([rows[at] ^ 1]) + rows[at + 1 :]


LIES: dict[str, tuple[str, Callable[[HiddenWorld], None]]] = {
    "another row": ("root", lambda world: setattr(world, "fetched", swapped)),
    "too short a row": ("root", lambda world: setattr(world, "fetched", lambda rows: rows[:-1])),
    "no row": ("root", lambda world: setattr(world, "fetched", lambda _: b"")),
    "a row too many": ("rows", lambda world: setattr(world, "fetched", lambda rows: rows * 2)),
    "rows in another order": (
        "root",
        lambda world: setattr(world, "fetched", lambda rows: rows[ROW:] + rows[:ROW]),
    ),
    "another hash": ("root", lambda world: setattr(world, "hashed", lambda h: [h[1], h[1], h[2]])),
    "too few hashes": ("rows", lambda world: setattr(world, "hashed", lambda h: h[:2])),
    "a hash too many": ("rows", lambda world: setattr(world, "hashed", lambda h: [*h, h[0]])),
    "part of a hash": ("rows", lambda world: setattr(world, "hashed", lambda h: [*h[:2], b"x"])),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_node_that_lies_is_caught_and_the_hint_before_stays(world: HiddenWorld, lie: str) -> None:
    first = begun(world)
    before = file_of(world, first).read_bytes()
    change(world, 0, 2)
    second = world.node.build_again()
    what, tell = LIES[lie]
    tell(world)
    sent = list(world.node.sent)
    with pytest.raises(AnswerInvalidError) as caught:
        world.lookups().many(CONTRACT, [4])
    assert caught.value.clause == f"manifest.{what}"
    assert world.node.sent == sent
    assert file_of(world, first).read_bytes() == before
    assert not file_of(world, second).exists()
    assert not list((world.home.root / "tables").glob("*.part"))
    assert len(list((world.home.root / "evidence").glob("table-*.json"))) == 1
    world.fetched, world.hashed = (lambda rows: rows), (lambda hashes: hashes)
    assert said(world, 4) == (Answer.YES, False)
    assert file_of(world, second).read_bytes() == world.node.table


def test_a_manifest_whose_file_has_another_digest_is_refused(world: HiddenWorld) -> None:
    begun(world)
    change(world, 1)
    world.node.build_again(digest=secrets.token_bytes(32))
    with pytest.raises(AnswerInvalidError) as caught:
        world.lookups().many(CONTRACT, [4])
    assert caught.value.clause == "manifest.digest"


def test_what_was_asked_under_the_build_before_still_opens(world: HiddenWorld) -> None:
    world.publish()
    lookups: Any = world.lookups()
    evidence = Evidence(world.session, world.contracts, lookups, lookups, lookups, lookups)
    openings = Openings(world.session, world.contracts, evidence)
    (verdict,) = lookups.many(CONTRACT, [7])
    world.node.labels[7] = b"\x01"
    world.node.build_again()
    (later,) = world.lookups().many(CONTRACT, [7])
    for each, answer in ((verdict, True), (later, False)):
        opened = verify_opening(openings.open(each.request_id, each.position), world.node.trust())
        assert opened.verdicts == {"rich": answer}
