"""Lookups at a table that stays with its owner: what is sent says nothing, all is checked."""

import dataclasses
import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.hidden_node import SHAPE, HiddenNode, HiddenWorld

from unseen.client import Answer
from unseen.client.errors import (
    AnswerInvalidError,
    Cause,
    HomeError,
    RefusedError,
    UnreachableError,
)
from unseen.client.evidence import Evidence
from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.client.oversight.openings import Openings
from unseen.client.queries import hidden, putting
from unseen.evidence import canonical
from unseen.evidence.errors import SignatureInvalidError
from unseen.evidence.oversight.batch import make_batch_opening, verify_batch_opening
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.releases.manifest import sign_manifest
from unseen.evidence.suite import INTL, Ed25519Signer
from unseen.protocols.errors import InputInvalidError, UnseenError
from unseen.protocols.lookup.lwe_pir import filters, hints
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.oprf_table import epoch_domain
from unseen.v1 import lookup_pb2

CONTRACT = "c"
ABSENT = 1000
STRANGER = Ed25519Signer(b"\x09" * 32)


@pytest.fixture
def world(home: Home, profile: Profile) -> Iterator[HiddenWorld]:
    made = HiddenWorld(home, profile)
    yield made
    made.state.close()
    made.channel.close()


def kept(world: HiddenWorld) -> dict[str, Any]:
    (path,) = (world.home.root / "evidence").glob("answers-*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def shapes(node: HiddenNode) -> list[list[tuple[str, int]]]:
    """Return kind and size of every message of every stream; a head's size is fixed but for ids."""
    return [
        [(str(message.WhichOneof("part")), message.ByteSize()) for message in stream]
        for stream in node.got
    ]


def cells(node: HiddenNode, subject: int) -> tuple[int, filters.Keyed]:
    output, domain = node.outputs[subject], epoch_domain(node.terms.id(), 1)
    block = filters.block_of(SHAPE, domain, output)
    return block, filters.keyed(SHAPE, domain, node.blocks[block].nonce, output)


def test_present_subjects_are_found_and_absent_ones_not(world: HiddenWorld) -> None:
    world.node.labels[4] = b"\x01"
    world.publish()
    verdicts = world.lookups().many(CONTRACT, [3, 4, ABSENT, 5])
    assert [verdict.found for verdict in verdicts] == [True, True, False, True]
    found = [verdict.answers["rich"] for verdict in verdicts]
    assert found == [Answer.YES, Answer.NO, Answer.NO_USABLE_RESULT, Answer.YES]
    assert not any(verdict.cached for verdict in verdicts)
    again = world.lookups().many(CONTRACT, [ABSENT, 3])
    assert [verdict.cached for verdict in again] == [True, True]
    assert [verdict.found for verdict in again] == [False, True]
    assert len(world.node.got) == 1


def test_every_subject_of_the_table_opens(world: HiddenWorld) -> None:
    world.publish()
    verdicts = world.lookups().many(CONTRACT, list(range(20)))
    assert {verdict.answers["rich"] for verdict in verdicts} == {Answer.YES}


class TestNothingShows:
    """An owner that prepares its table for it sees the same after every evaluation."""

    @staticmethod
    def ask(world: HiddenWorld, subjects: list[int]) -> tuple[list[Any], list[int]]:
        lookups = world.lookups()
        verdicts = lookups.many(CONTRACT, subjects)
        lookups.many(CONTRACT, subjects)
        assert len(verdicts) == len(subjects)
        return shapes(world.node), world.node.sent

    @pytest.mark.parametrize("subjects", [[7], [ABSENT], [7, 8, ABSENT, 9], [1001, 1002, 1003]])
    def test_of_present_and_absent_subjects(self, world: HiddenWorld, subjects: list[int]) -> None:
        world.publish()
        streams, sent = self.ask(world, subjects)
        count, size = len(subjects) + 1, SHAPE.query_bytes  # one more, about nobody
        assert sent == [len(subjects)]
        (((head, _), *rest),) = streams
        assert head == "head"
        assert rest == [("queries", count * size + 1 + len_bytes(count * size))]

    @pytest.mark.parametrize("label", [b"\x02", b"\x03", b"\xff", b"\x00"])
    def test_of_labels_that_are_malformed(self, world: HiddenWorld, label: bytes) -> None:
        world.node.labels[7] = label
        world.publish()
        streams, sent = self.ask(world, [6, 7, 8])
        assert (len(streams), len(streams[0]), sent) == (1, 2, [3])

    @pytest.mark.parametrize("asked", [[7], [6], [ABSENT], [6, 7]])
    def test_of_cells_that_are_spoiled_before_the_hint_is_made(
        self, world: HiddenWorld, asked: list[int]
    ) -> None:
        def spoil(rows: Any) -> None:
            block, key = cells(world.node, 7)
            part = slice(block * SHAPE.cell_bytes, (block + 1) * SHAPE.cell_bytes)
            rows[part, key.cells[0]] += 1

        world.node.spoil_rows = spoil
        world.publish()
        found = {v.subject[0]: v.found for v in world.lookups().many(CONTRACT, asked)}
        assert found == {str(each): each == 6 for each in asked}
        again = world.lookups().many(CONTRACT, asked)
        assert all(verdict.cached for verdict in again)
        assert [len(stream) for stream in shapes(world.node)] == [2]
        assert not list((world.home.root / "evidence").glob("*"))

    @pytest.mark.parametrize("asked", [[7, 6, 5, 4], [3, 6, 5, 4], [1001, 1002, 1003, 1004]])
    def test_of_another_table_than_the_hint_s(self, world: HiddenWorld, asked: list[int]) -> None:
        # The query about nobody shows it, whoever is asked about.
        world.publish()
        world.node.rows = np.random.default_rng(1).integers(
            -128, 128, world.node.rows.shape, dtype=np.int8
        )
        with pytest.raises(AnswerInvalidError) as caught:
            world.lookups().many(CONTRACT, asked)
        assert caught.value.clause == "answers.hint"
        assert [len(stream) for stream in shapes(world.node)] == [2]

    @pytest.mark.parametrize("of_it", [True, False])
    def test_of_half_a_column_that_is_in_hint_and_answers(
        self, world: HiddenWorld, *, of_it: bool
    ) -> None:
        # An answer to a query with this cell misfits by half a byte, in every block, and no other
        # does: a client that looked would show whether the subject has the cell.
        column = -1

        def halves(words: Any) -> Any:
            """Return half of each word, rounded: cut off, they would add up to a misfit."""
            return (((words >> 16) + 1) >> 1).astype(np.uint16)

        def half(rows: list[bytes]) -> None:
            nonlocal column
            key = cells(world.node, 7)[1]
            free = next(n for n in range(SHAPE.width) if n not in key.cells)
            column = key.cells[0] if of_it else free
            public = Public.of(world.node.provider, SHAPE)
            words = halves(np.concatenate([tile for _, tile in public.tiles()])[column])
            for number, row in enumerate(rows):
                made = hints.decode_row(SHAPE, row)
                hint = made.hint + words
                rows[number] = hints.encode_row(SHAPE, dataclasses.replace(made, hint=hint))

        def altered(answers: list[bytes]) -> None:
            data = b"".join(message.queries for message in world.node.got[-1][1:])
            queries = np.frombuffer(data, "<u4").reshape(-1, SHAPE.width)
            for number, answer in enumerate(answers):
                moved = np.frombuffer(answer, "<u2") + halves(queries[number, column])
                answers[number] = moved.astype("<u2").tobytes()

        world.node.spoil_hint, world.node.altered = half, altered
        world.publish()
        assert len(world.lookups().many(CONTRACT, [7])) == 1  # whatever half a byte is read as
        assert [len(stream) for stream in shapes(world.node)] == [2]
        assert not list((world.home.root / "evidence").glob("*"))

    def test_of_anything_at_all(self, world: HiddenWorld) -> None:
        # Epoch after epoch another table, spoiled anywhere, and four others asked about.
        chance = random.Random(11)
        for epoch in range(1, 9):
            world.node.labels = {
                number: bytes([chance.choice([0, 1, 2, 3, 255])])
                for number in chance.sample(range(40), chance.randrange(1, 40))
            }
            columns = chance.sample(range(SHAPE.width), chance.choice([0, 1, 300, 1024]))
            blocks = chance.sample(range(3), chance.randrange(1, 4))

            def spoil(rows: Any, columns: Any = columns, blocks: Any = blocks) -> None:
                for block in blocks:
                    part = slice(block * SHAPE.cell_bytes, (block + 1) * SHAPE.cell_bytes)
                    rows[part, columns] += 77

            world.node.spoil_rows = spoil
            world.publish(epoch)
            world.lookups().many(CONTRACT, chance.sample(range(60), 4))
        streams = shapes(world.node)
        assert len(streams) == 8
        assert world.node.sent == [4] * 8
        assert {tuple(stream) for stream in streams} == {tuple(streams[0])}
        assert not list((world.home.root / "evidence").glob("*"))

    def test_queries_of_one_subject_have_nothing_in_common(self, world: HiddenWorld) -> None:
        world.publish()
        world.lookups().many(CONTRACT, [7])
        world.state.save_label(world.lookups()._epochs.present(CONTRACT).id, b"", b"")
        world.publish(2)
        world.lookups().many(CONTRACT, [7])
        first, second = (np.frombuffer(stream[1].queries, "<u4") for stream in world.node.got)
        assert (first == second).mean() < 0.01


def len_bytes(size: int) -> int:
    """Return how many bytes the length of a field of this size takes in a message."""
    return max(1, -(-size.bit_length() // 7))


class TestFaults:
    """Each a clear error; what was charged stays proven, and what came is kept."""

    @staticmethod
    def fails(world: HiddenWorld, error: type[UnseenError], clause: str) -> dict[str, Any]:
        with pytest.raises(error) as caught:
            world.lookups().many(CONTRACT, [1, 2])
        assert caught.value.clause == clause
        evidence = kept(world)
        (receipt,) = (world.home.root / "receipts").iterdir()
        assert receipt.name.startswith(evidence["request"])
        assert world.state.requests(None, "sent") == [evidence["request"]]
        assert (evidence["reason"], evidence["clause"]) == (caught.value.reason, clause)
        assert world.state.answers(evidence["request"]) is None
        return evidence

    def test_a_public_matrix_of_another_name(self, world: HiddenWorld) -> None:
        world.node.provider = STRANGER.public_key
        world.publish()
        evidence = self.fails(world, AnswerInvalidError, "answers.hint")
        assert (evidence["count"], evidence["came"]) == (3, 3)
        assert evidence["signed"]

    def test_a_hint_that_is_not_the_table_s(self, world: HiddenWorld) -> None:
        def spoil(rows: list[bytes]) -> None:
            rows[:] = [row[:48] + bytes(len(row) - 48) for row in rows]

        world.node.spoil_hint = spoil
        world.publish()
        self.fails(world, AnswerInvalidError, "answers.hint")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("contract", bytes(32)),
            ("epoch", 2),
            ("manifest", bytes(32)),
            ("request", "0" * 32),
            ("count", 1),
            ("queries", bytes(32)),
            ("answers", bytes(32)),
        ],
    )
    def test_answers_that_are_signed_for_something_else(
        self, world: HiddenWorld, field: str, value: Any
    ) -> None:
        world.publish()
        world.node.said = lambda fields: fields.update({field: value})
        clause = "answers" if field == "answers" else f"answers.{field}"
        self.fails(world, AnswerInvalidError, clause)

    def test_answers_that_somebody_else_signed(self, world: HiddenWorld) -> None:
        world.publish()
        world.node.answers_signer = STRANGER
        evidence = self.fails(world, SignatureInvalidError, "answers.signed")
        assert evidence["signed"]

    @pytest.mark.parametrize("change", ["cut", "more", "no end", "two ends", "empty"])
    def test_answers_that_are_too_few_or_too_many(self, world: HiddenWorld, change: str) -> None:
        def alter(sent: list[Any]) -> None:
            match change:
                case "cut":
                    del sent[-2]
                case "more":
                    sent.insert(-1, sent[0])
                case "no end":
                    del sent[-1]
                case "two ends":
                    sent.append(sent[-1])
                case "empty":
                    sent.insert(0, type(sent[0])())

        world.publish()
        world.node.streamed = alter
        self.fails(world, AnswerInvalidError, "answers")

    def test_an_answer_that_was_changed_on_its_way(self, world: HiddenWorld) -> None:
        def alter(sent: list[Any]) -> None:
            sent[0].answers = bytes(len(sent[0].answers))

        world.publish()
        world.node.streamed = alter
        self.fails(world, AnswerInvalidError, "answers")

    def test_a_hint_that_is_not_the_manifest_s(self, world: HiddenWorld) -> None:
        world.publish()
        world.fetched = lambda table: table[:-1] + bytes([table[-1] ^ 1])
        with pytest.raises(AnswerInvalidError) as caught:
            world.lookups().many(CONTRACT, [1])
        assert caught.value.clause == "manifest.digest"
        assert world.node.sent == []
        (path,) = (world.home.root / "evidence").glob("table-*.json")
        evidence = json.loads(path.read_text())
        assert evidence["clause"] == "manifest.digest"
        assert evidence["bytes"] == len(world.node.table)
        assert evidence["manifest"] == sign_manifest(world.node.signer, world.node.manifest)
        world.fetched = lambda table: table
        assert world.lookups().many(CONTRACT, [1])[0].found

    def test_a_manifest_of_fewer_blocks(self, world: HiddenWorld) -> None:
        world.publish(rows=2)
        with pytest.raises(AnswerInvalidError) as caught:
            world.lookups().many(CONTRACT, [1])
        assert caught.value.clause == "manifest.size"
        assert list((world.home.root / "evidence").glob("table-*.json"))

    def test_a_manifest_of_the_other_way(self, world: HiddenWorld) -> None:
        world.node.terms = dataclasses.replace(world.node.terms, protocol="oprf_table")
        world.publish()
        with pytest.raises(AnswerInvalidError) as caught:
            world.lookups().many(CONTRACT, [1])
        assert caught.value.clause == "manifest.protocol"
        (path,) = (world.home.root / "evidence").glob("manifest-*.json")
        assert json.loads(path.read_text())["clause"] == "protocol"
        assert world.node.sent == []

    @pytest.mark.parametrize("change", [-1, 1])
    def test_a_hint_of_another_size(self, world: HiddenWorld, change: int) -> None:
        world.publish()
        size = len(world.node.table) + change
        world.fetched = lambda table: (table + b"0")[:size]
        with pytest.raises(AnswerInvalidError) as caught:
            world.lookups().many(CONTRACT, [1])
        assert caught.value.clause == "manifest.size"

    def test_no_numpy(self, world: HiddenWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        world.publish()
        monkeypatch.setattr(hidden, "find_spec", lambda _: None)
        with pytest.raises(InputInvalidError, match="numpy") as caught:
            world.lookups().many(CONTRACT, [1])
        assert "unseen[kernels]" in caught.value.remedy
        assert world.node.sent == []


class TestAgain:
    """What goes out again is what went out, byte for byte."""

    def test_after_a_crash_the_request_is_finished_under_its_id(self, world: HiddenWorld) -> None:
        class CrashError(BaseException):
            pass

        def crash() -> None:
            raise CrashError

        world.publish()
        world.cut = crash
        with pytest.raises(CrashError):
            world.lookups().many(CONTRACT, [7, ABSENT])
        (request,) = world.state.requests(None, "sent")
        world.cut = lambda: None
        opening = world.state.request(request)
        assert opening is not None
        verdicts = world.lookups().finish(opening)
        assert [verdict.found for verdict in verdicts] == [True, False]
        first, second = world.node.got
        assert first == second
        assert world.state.requests(None, "answered") == [request]
        assert world.node.total == 2

    def test_after_a_failed_connection_it_is_tried_again(
        self, world: HiddenWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(putting, "_FIRST_PAUSE", 0.0)
        left = [UnreachableError(Cause("UNREACHABLE", "gone", retry="same-id"))] * 2

        def cut() -> None:
            if left:
                raise left.pop()

        world.publish()
        world.cut = cut
        (verdict,) = world.lookups().many(CONTRACT, [7])
        assert verdict.found
        assert len(world.node.got) == 3
        assert all(stream == world.node.got[0] for stream in world.node.got)

    def test_a_refusal_is_not_tried_again(self, world: HiddenWorld) -> None:
        def cut() -> None:
            raise RefusedError(Cause("ANSWERS_EXHAUSTED", "enough"))

        world.publish()
        world.cut = cut
        with pytest.raises(RefusedError, match="enough"):
            world.lookups().many(CONTRACT, [7])
        assert len(world.node.got) == 1
        assert len(world.state.requests(None, "sent")) == 1

    def test_an_epoch_that_ends_in_between_is_not_asked_again_by_itself(
        self, world: HiddenWorld
    ) -> None:
        def cut() -> None:
            raise RefusedError(Cause("MANIFEST_STALE", "a new epoch has begun"))

        world.publish()
        world.cut = cut
        with pytest.raises(RefusedError, match="charged") as caught:
            world.lookups().many(CONTRACT, [7])
        assert caught.value.charged
        assert world.node.sent == [1]
        assert len(world.state.requests(None, "lost")) == 1

    def test_wide_tables_are_asked_in_more_requests(
        self, world: HiddenWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hidden, "BATCH_BYTES", 2 * SHAPE.query_bytes)
        world.publish()
        verdicts = world.lookups().many(CONTRACT, [1, 2, 3])
        assert all(verdict.found for verdict in verdicts)
        assert world.node.sent == [2, 1]

    def test_messages_hold_whole_queries_under_their_limit(
        self, world: HiddenWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(putting, "MESSAGE_BYTES", 2 * SHAPE.query_bytes + 100)
        world.publish()
        world.lookups().many(CONTRACT, [1, ABSENT])
        ((_, *queries),) = world.node.got
        assert [len(each.queries) for each in queries] == [2 * SHAPE.query_bytes, SHAPE.query_bytes]


def test_a_node_that_stalls_is_not_waited_for_much_longer_than_it_needs(world: HiddenWorld) -> None:
    world.publish()
    world.lookups().many(CONTRACT, [7])
    world.lookups().many(CONTRACT, [1, 2, 3, 4])
    _, one, four = world.seconds  # the hint comes first
    assert 60 < one < four < 300


def test_a_node_that_never_ends_is_left(world: HiddenWorld) -> None:
    taken: list[int] = []

    def endless(_call: object, request: Any, _seconds: float) -> Iterator[Any]:
        list(request)
        while True:
            taken.append(1)
            yield lookup_pb2.AnswerResponse(answers=bytes(SHAPE.answer_bytes))

    world.publish()
    lookups = world.lookups()
    lookups._epochs.present(CONTRACT)
    world.session.channel.stream = endless
    with pytest.raises(AnswerInvalidError, match="more answers"):
        lookups.many(CONTRACT, [1, 2])
    assert len(taken) == 4  # an answer to each query, and one more


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"signed": "", "queries": 5, "answers": "", "parts": []}',
        b'{"signed": "", "queries": "", "answers": "", "parts": [["AA"]]}',
        b'{"signed": "", "queries": "", "answers": "", "parts": [[5, ""]]}',
        b'{"signed": "", "queries": "?", "answers": "", "parts": []}',
    ],
)
def test_what_was_kept_and_is_damaged_is_said(damaged: bytes) -> None:
    with pytest.raises(HomeError, match="damaged"):
        hidden.Kept.decode(damaged)


@given(
    st.lists(st.tuples(st.binary(max_size=80), st.lists(st.binary(min_size=32, max_size=32)))),
    st.text(),
)
def test_what_is_kept_is_read(parts: list[tuple[bytes, list[bytes]]], token: str) -> None:
    hashes = tuple(bytes([number % 256]) * 32 for number in range(len(parts)))
    one = hidden.Kept(token, hashes, hashes, tuple((part, tuple(path)) for part, path in parts))
    assert hidden.Kept.decode(one.encode()) == one


def test_nothing_of_the_subject_is_kept_in_the_clear(world: HiddenWorld) -> None:
    world.node.labels[123456789012] = b"\x02"
    world.publish()
    lookups = world.lookups()
    (verdict,) = lookups.many(CONTRACT, [123456789012])
    assert verdict.found
    opening = world.state.request(verdict.request_id)
    assert opening is not None
    seed = str(opening.secret["seeds"])
    world.state.flush()
    data = b"".join(path.read_bytes() for path in world.home.state.parent.glob("state.db*"))
    for secret in (b"123456789012", seed.encode(), bytes.fromhex(seed)):
        assert secret not in data
    assert INTL.digest(world.node.got[0][1].queries) not in data


class TestOpenings:
    @staticmethod
    def openings(world: HiddenWorld) -> tuple[Any, Openings]:
        lookups: Any = world.lookups()
        evidence = Evidence(world.session, world.contracts, lookups, lookups, lookups, lookups)
        return lookups, Openings(world.session, world.contracts, evidence)

    @pytest.mark.parametrize(("subject", "found"), [(7, True), (ABSENT, False)])
    def test_what_was_answered_is_shown_to_a_third(
        self, world: HiddenWorld, subject: int, found: bool
    ) -> None:
        world.publish()
        lookups, openings = self.openings(world)
        verdicts = lookups.many(CONTRACT, [3, subject, 5])
        bundle = openings.open(verdicts[1].request_id, 1)
        opened = verify_opening(bundle, world.node.trust())
        assert (opened.subject, opened.position) == ((subject,), 1)
        assert (opened.found, opened.malformed) == (found, False)
        assert opened.verdicts == {"rich": True if found else None}

    def test_a_malformed_label_is_shown(self, world: HiddenWorld) -> None:
        world.node.labels[7] = b"\x03"
        world.publish()
        lookups, openings = self.openings(world)
        (verdict,) = lookups.many(CONTRACT, [7])
        assert verdict.malformed
        opened = verify_opening(openings.open(verdict.request_id), world.node.trust())
        assert (opened.found, opened.malformed) == (True, True)

    def test_answers_that_got_lost_are_asked_for_again(self, world: HiddenWorld) -> None:
        world.publish()
        lookups, openings = self.openings(world)
        (verdict,) = lookups.many(CONTRACT, [7])
        world.state._database.write("DELETE FROM answer", (), wait=True)
        opened = verify_opening(openings.open(verdict.request_id), world.node.trust())
        assert opened.found
        assert world.node.got[0] == world.node.got[1]

    def test_a_regulator_s_batch_opens_all(self, world: HiddenWorld) -> None:
        world.publish()
        lookups, openings = self.openings(world)
        verdicts = lookups.many(CONTRACT, [7, ABSENT, 5])
        hidden_one = openings.hidden(openings.answered(verdicts[0].request_id))
        items = [hidden_one.item(position) for position in range(hidden_one.size)]
        bundle = canonical.decode(canonical.encode(make_batch_opening(hidden_one.batch, items)))
        opened = verify_batch_opening(bundle, world.node.trust())
        assert opened.size == 3
        assert [each.found for each in opened.items] == [True, False, True]
