"""Scores against a node in this process: what is checked, kept and never sent, whatever comes."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.client.scoring_node import FEATURES, MODEL, NETWORK, ScoringWorld, rows_of

from unseen.client.errors import AnswerInvalidError, HomeError, RefusedError
from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.client.queries.score_keys import Key
from unseen.evidence.contracts import homomorphic
from unseen.evidence.releases.scored import SentScores
from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.he import memory
from unseen.protocols.he.parameters import Demand, choose
from unseen.protocols.he.scorers import context_bytes
from unseen.protocols.he.tenseal_scheme import SealOwner
from unseen.v1 import intersect_pb2

CONTRACT = "contract"
CONTEXT, BATCHES = intersect_pb2.PART_CONTEXT, intersect_pb2.PART_BATCHES


@pytest.fixture
def world(home: Home, profile: Profile) -> Iterator[ScoringWorld]:
    made = ScoringWorld(home, profile)
    yield made
    made.state.close()
    made.channel.close()


def files(world: ScoringWorld) -> list[str]:
    return sorted(path.name for path in (world.home.root / "scorings").glob("*/*"))


def test_scores_are_the_model_s_under_one_key_and_nothing_is_left(world: ScoringWorld) -> None:
    ring = world.scoring.clause.ring
    for rows, units in ((rows_of(5), 1), (rows_of(ring.degree + 1), 3)):
        found = world.scores().ask(CONTRACT, rows)
        assert np.abs(found.scores - MODEL.predictor(rows)).max() <= 1e-4
        assert np.abs(found.predicted - MODEL.predict(rows)).max() <= 1e-4
        assert world.scoring.total == units
        assert files(world) == []
    contexts = [key for key in world.scoring.parts if key[1] == CONTEXT]
    assert len(contexts) == 1
    assert world.open_requests() == []


def test_a_network_scores_under_one_key_and_goes_on_in_a_fresh_process(
    home: Home, profile: Profile
) -> None:
    world = ScoringWorld(home, profile, NETWORK)
    ring = world.scoring.clause.ring
    many = rows_of(ring.rows + 1)
    found = world.scores().ask(CONTRACT, many)
    assert np.abs(found.scores - NETWORK.predictor(many)).max() <= 1e-4
    assert np.abs(found.predicted - NETWORK.predict(many)).max() <= 1e-4
    assert (ring.rows, world.scoring.total) == (ring.degree // 2, 2)

    def die(event: str) -> None:
        if event == "run":
            raise KeyboardInterrupt

    world.scoring.before = die
    with pytest.raises(KeyboardInterrupt):
        world.scores().ask(CONTRACT, rows_of(9))
    world.scoring.before = lambda event: None
    (request,) = world.open_requests()
    again = world.finish(request)
    assert np.abs(again.scores - NETWORK.predictor(rows_of(9))).max() <= 1e-4
    contexts = [data for key, data in world.scoring.parts.items() if key[1] == CONTEXT]
    assert [len(one) for one in contexts] == [context_bytes(ring)]
    assert (world.scoring.total, files(world)) == (3, [])
    world.state.close()
    world.channel.close()


def test_a_run_that_is_over_is_shown_again_without_the_node_s_files(world: ScoringWorld) -> None:
    found = world.scores().ask(CONTRACT, rows_of(7))
    assert world.scoring.answers == {}
    again = world.finish(found.request_id)
    assert (again.scores == found.scores).all()
    assert (again, world.scoring.total) == (found, 1)


def test_nothing_is_sent_once_a_score_is_open(
    world: ScoringWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    decrypt = SealOwner.decrypt

    def noted(self: SealOwner, response: bytes, rows: int) -> Any:
        world.scoring.events.append("decrypt")
        return decrypt(self, response, rows)

    monkeypatch.setattr(SealOwner, "decrypt", noted)
    world.scores().ask(CONTRACT, rows_of(7))
    assert world.scoring.events == [
        *("part_context", "part_context", "part_batches", "part_batches"),  # how far, and the rest
        *("run", "fetch", "end", "decrypt"),
    ]


def cut(data: bytes) -> bytes:
    return data[:-1]


def longer(data: bytes) -> bytes:
    return data + b"x"


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def transparent(data: bytes) -> bytes:
    half = (len(data) - 100) // 2
    return data[:-half] + bytes(half)


def too_large(data: bytes) -> bytes:
    return data[:-8] + b"\xff" * 8


def other_ring(data: bytes) -> bytes:
    demand = Demand(
        columns=3,
        grid=19,
        weight_bits=18,
        sum_bits=30,
        reach_bits=45,
        precision_bits=14,
        responses=1 << 12,
    )
    owner = SealOwner(choose(demand), None)
    (sent, *_) = owner.encrypt(np.ones((3, 4), np.int64))
    return (sent + data)[: len(data)]


def nothing(data: bytes) -> bytes:
    return bytes(len(data))


@pytest.mark.parametrize("spoil", [cut, longer, flipped, nothing])
def test_bytes_that_the_receipt_does_not_commit_to_are_not_opened(
    world: ScoringWorld, spoil: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("opened")

    world.scoring.streamed = spoil
    with monkeypatch.context() as patched:
        patched.setattr(SealOwner, "decrypt", never)
        with pytest.raises(AnswerInvalidError) as caught:
            world.scores().ask(CONTRACT, rows_of(7))
    assert caught.value.clause in {"fetch.size", "answer.digest"}
    (request,) = world.open_requests()
    assert world.home.evidence(f"answer-{request}.json").exists()
    assert world.home.receipt(request).exists()
    assert world.state.answers(request) is None
    world.scoring.streamed = lambda data: data  # the right one, when it comes
    found = world.finish(request)
    assert np.abs(found.scores - MODEL.predictor(rows_of(7))).max() <= 1e-4
    assert world.scoring.total == 1


@pytest.mark.parametrize("spoil", [transparent, too_large, other_ring, nothing])
def test_committed_bytes_that_are_no_response_are_evidence_and_no_scores(
    world: ScoringWorld, spoil: Callable[[bytes], bytes]
) -> None:
    world.scoring.made = spoil
    with pytest.raises(MalformedMessageError):
        world.scores().ask(CONTRACT, rows_of(7))
    (request,) = world.open_requests()
    assert world.home.evidence(f"answer-{request}.json").exists()
    assert world.state.answers(request) is None
    assert world.scoring.events[-1] == "end"


def one_more(sent: SentScores) -> SentScores:
    return dataclasses.replace(sent, responses=sent.responses + 1)


def of_something_else(sent: SentScores) -> SentScores:
    return dataclasses.replace(sent, digest=bytes(32))


@pytest.mark.parametrize("say", [one_more, of_something_else])
def test_what_is_said_of_another_answer_is_refused(
    world: ScoringWorld, say: Callable[[SentScores], SentScores]
) -> None:
    world.scoring.said = say
    with pytest.raises(AnswerInvalidError) as caught:
        world.scores().ask(CONTRACT, rows_of(7))
    assert caught.value.clause in {"answer.responses", "answer.digest"}
    assert world.state.answers(world.open_requests()[0]) is None


@pytest.mark.parametrize("point", ["part_context", "part_batches", "run", "fetch", "end"])
def test_a_client_that_ends_anywhere_goes_on_and_is_charged_once(
    world: ScoringWorld, point: str
) -> None:
    rows = rows_of(9)

    def die(event: str) -> None:
        if event == point:
            raise KeyboardInterrupt

    world.scoring.before = die
    with pytest.raises(KeyboardInterrupt):
        world.scores().ask(CONTRACT, rows)
    world.scoring.before = lambda event: None
    (request,) = world.open_requests()
    found = world.finish(request)
    assert np.abs(found.scores - MODEL.predictor(rows)).max() <= 1e-4
    assert (world.scoring.total, world.open_requests(), files(world)) == (1, [], [])


def test_a_client_that_ends_while_it_decrypts_needs_the_node_s_files_no_more(
    world: ScoringWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SealOwner, "decrypt", die)
        with pytest.raises(KeyboardInterrupt):
            world.scores().ask(CONTRACT, rows_of(9))
    assert world.scoring.answers == {}
    (request,) = world.open_requests()
    found = world.finish(request)
    assert np.abs(found.scores - MODEL.predictor(rows_of(9))).max() <= 1e-4


def test_what_the_node_has_forgotten_is_sent_again(world: ScoringWorld) -> None:
    lost: list[int] = [CONTEXT, BATCHES]

    def lose(event: str) -> None:
        if event == "run" and lost:
            world.scoring.lose(lost.pop())

    world.scoring.before = lose
    found = world.scores().ask(CONTRACT, rows_of(9))
    assert np.abs(found.scores - MODEL.predictor(rows_of(9))).max() <= 1e-4
    assert (lost, world.scoring.total) == ([], 1)


@pytest.mark.parametrize("part", [CONTEXT, BATCHES])
def test_a_node_that_keeps_forgetting_is_given_up(world: ScoringWorld, part: int) -> None:
    world.scoring.before = lambda event: world.scoring.lose(part) if event == "run" else None
    with pytest.raises(RefusedError):
        world.scores().ask(CONTRACT, rows_of(9))
    assert world.scoring.events.count("run") <= 8
    assert world.scoring.total == 0


def test_ciphertexts_that_are_gone_are_an_error_and_the_run_is_none(world: ScoringWorld) -> None:
    def die(event: str) -> None:
        if event == "part_batches":
            raise KeyboardInterrupt

    world.scoring.before = die
    with pytest.raises(KeyboardInterrupt):
        world.scores().ask(CONTRACT, rows_of(9))
    world.scoring.before = lambda event: None
    world.scoring.lose(BATCHES)
    (request,) = world.open_requests()
    for path in (world.home.root / "scorings" / request).glob("*"):
        path.unlink()
    with pytest.raises(HomeError) as caught:
        world.finish(request)
    assert "was not charged" in caught.value.remedy
    assert (world.open_requests(), world.scoring.total) == ([], 0)


@pytest.mark.parametrize("library", ["tenseal.sealapi", "numpy"])
def test_a_missing_library_is_said_before_anything_is_sent(
    world: ScoringWorld, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    if library == "numpy":
        monkeypatch.setattr(homomorphic, "find_spec", lambda _: None)
    else:
        monkeypatch.setattr(memory, "import_module", absent)
    with pytest.raises(InputInvalidError) as caught:
        world.scores().ask(CONTRACT, rows_of(3))
    assert "pip install 'unseen[he]'" in caught.value.remedy
    assert (world.scoring.events, world.open_requests(), files(world)) == ([], [], [])


def test_the_key_that_is_drawn_first_stays_and_is_sealed(world: ScoringWorld) -> None:
    ring = world.scoring.clause.ring
    first = Key.of(world.state, CONTRACT, ring)
    second = world.state.save_key(CONTRACT, "score", b"another")
    assert second != b"another"
    assert Key.of(world.state, CONTRACT, ring) == first
    assert Key.of(world.state, "other", ring).secret != first.secret
    world.state.flush()
    kept = b"".join(path.read_bytes() for path in world.home.root.glob("state.db*"))
    assert first.secret[100:200] not in kept
    assert repr(first.secret) not in repr(first)


def test_more_rows_than_a_run_has_are_refused_here(world: ScoringWorld) -> None:
    clause = world.scoring.clause
    most = clause.most * clause.ring.degree
    with pytest.raises(InputInvalidError) as caught:
        world.scores().ask(CONTRACT, np.zeros((most + 1, len(FEATURES))))
    assert caught.value.clause == "parameters.score.most"
    assert world.scoring.events == []
