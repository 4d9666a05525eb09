"""A table that stays at its node: asked without being sent, bounded, stopped, and killed."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.promises.hidden import NO, Buyer, Said, agree
from tests.promises.stage import Person, Stage, serving, wait_until

from unseen.client.errors import WireError
from unseen.evidence.canonical import b64encode
from unseen.evidence.releases.answers import (
    Answers,
    tree_of_answer,
    tree_of_hashes,
    tree_of_queries,
    verify_answers,
)
from unseen.evidence.suite import INTL
from unseen.node.kinds.lookup_plan import PASSES
from unseen.protocols.lookup.lwe_pir.hints import HintRow
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.v1 import lookup_pb2

STRANGERS = ("nobody", "no one")


@pytest.fixture(scope="module")
def buyer(stage: Stage) -> Buyer:
    """Return a buyer under a contract of its own over the shared stage."""
    return Buyer(stage.lender, agree(stage))


@pytest.fixture(scope="module")
def rows(buyer: Buyer) -> list[HintRow]:
    """Return the table's hint."""
    return buyer.rows()


def verdicts(person: Person) -> tuple[bool | None, ...]:
    words = {"yes": True, "no": False, "no_usable_result": None}
    return tuple(words[person.answers[name]] for name in ("earns_40k", "earns"))


def test_everybody_is_found_and_nobody_else(stage: Stage, buyer: Buyer, rows: Any) -> None:
    people = stage.people[:24]
    ask, outputs = buyer.evaluate([*(person.subject for person in people), *STRANGERS])
    queries, asked = buyer.queries(rows, outputs)
    said = buyer.answer(ask.request.request, queries)
    assert buyer.labels(rows, asked, said) == [*map(verdicts, people), NO, NO]
    assert stage.lender.usage(buyer.contract).units_used == len(queries)
    found = stage.lender.contract(buyer.contract)
    assert (found.terms.protocol, found.leakage.ciphertext_leaves) == ("lwe_pir", False)


def test_the_hint_is_the_manifest_s_and_no_row_of_the_matrix_is_in_it(
    stage: Stage, buyer: Buyer, rows: Any
) -> None:
    data, manifest = buyer.hint(), buyer.manifest
    assert (manifest.protocol, manifest.width, manifest.rows) == ("lwe_pir", 1 << 14, len(rows))
    assert INTL.digest(data) == manifest.digest
    size = manifest.row_bytes
    leaves = [data[start : start + size] for start in range(0, len(data), size)]
    assert tree_of_hashes(INTL, leaves).root() == manifest.root
    (matrix,) = (stage.home / "tables").glob(f"{buyer.contract}-*.matrix")
    stored = matrix.read_bytes()
    assert len(stored) == buyer.shape.table_bytes
    part = len(stored) // len(rows)
    parts = [stored[start : start + part] for start in range(0, len(stored), part)]
    assert [INTL.digest(each) for each in parts] == [row.digest for row in rows]
    assert not any(stored[at : at + 16] in data for at in range(0, len(stored), 997))


def test_what_was_answered_is_signed(stage: Stage, buyer: Buyer, rows: Any) -> None:
    ask, outputs = buyer.evaluate([person.subject for person in stage.people[:5]])
    queries, _ = buyer.queries(rows, outputs)
    said = buyer.answer(ask.request.request, queries, at_once=2)
    key = stage.lender._session.profile.node.evidence_key
    found = verify_answers(said.signed, INTL, key)
    size = buyer.shape.answer_bytes
    each = [said.data[start : start + size] for start in range(0, len(said.data), size)]
    roots = [tree_of_answer(INTL, buyer.shape, answer).root() for answer in each]
    assert found == Answers(
        suite="intl",
        contract=buyer.manifest.contract,
        epoch=1,
        manifest=buyer.manifest.id(),
        request=ask.request.request,
        count=5,
        queries=tree_of_queries(INTL, queries).root(),
        answers=tree_of_hashes(INTL, roots).root(),
        time=found.time,
    )


def test_answers_have_one_shape_whoever_is_asked_about(
    stage: Stage, buyer: Buyer, rows: Any
) -> None:
    said: list[Said] = []
    for subjects in ([stage.people[1].subject] * 2, list(STRANGERS)):
        ask, outputs = buyer.evaluate(subjects)
        queries, _ = buyer.queries(rows, outputs)
        said.append(buyer.answer(ask.request.request, queries))
    assert said[0].pieces == said[1].pieces
    assert len(said[0].signed) == len(said[1].signed)


@pytest.fixture(scope="module")
def asked(stage: Stage, buyer: Buyer, rows: Any) -> tuple[str, list[bytes]]:
    """Return the id of an evaluation of two elements, and queries for it."""
    ask, outputs = buyer.evaluate([person.subject for person in stage.people[:2]])
    return ask.request.request, buyer.queries(rows, outputs)[0]


def refused(buyer: Buyer, messages: Sequence[lookup_pb2.AnswerRequest]) -> tuple[str, str]:
    with pytest.raises(WireError) as caught:
        buyer.send(messages)
    assert caught.value.remedy
    return caught.value.reason, caught.value.clause


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"contract": "contracts/" + "A" * 43}, ("CONTRACT_NOT_FOUND", "contract")),
        ({"contract": "x"}, ("FIELD_INVALID", "contract")),
        ({"epoch": 2}, ("MANIFEST_STALE", "epoch")),
        ({"manifest": bytes(32)}, ("MANIFEST_STALE", "epoch")),
        ({"manifest": b""}, ("MANIFEST_STALE", "epoch")),
        ({"request": "0" * 32}, ("REPLY_NOT_FOUND", "request.id")),
        ({"request": ""}, ("REPLY_NOT_FOUND", "request.id")),
        ({"count": 1}, ("FIELD_INVALID", "count")),
        ({"count": 4}, ("FIELD_INVALID", "count")),
        ({"count": 0}, ("FIELD_INVALID", "count")),
        ({"count": -1}, ("FIELD_INVALID", "count")),
    ],
    ids=str,
)
def test_a_head_that_is_not_the_evaluation_s_is_refused(
    buyer: Buyer, asked: Any, changed: dict[str, Any], expected: tuple[str, str]
) -> None:
    head = buyer.head(asked[0], 2, **changed)
    assert refused(buyer, [head]) == expected


def test_another_buyer_s_contract_is_none(stage: Stage, buyer: Buyer, asked: Any) -> None:
    rival = Buyer(stage.rival, buyer.contract)
    rival.__dict__["manifest"] = buyer.manifest
    reason, _ = refused(rival, [buyer.head(asked[0], 2)])
    assert reason == "CONTRACT_NOT_FOUND"


def test_a_table_that_is_sent_has_no_answers(stage: Stage, buyer: Buyer, asked: Any) -> None:
    other = stage.contract("hidden")
    head = buyer.head(asked[0], 2, contract=f"contracts/{other}")
    assert refused(buyer, [head]) == ("KIND_REFUSED", "protocol")


def broken(buyer: Buyer, asked: Any) -> Iterator[tuple[list[lookup_pb2.AnswerRequest], str]]:
    """Yield messages that are no queries, and the clause that says so."""
    request, (one, two) = asked
    head = buyer.head(request, 2)

    def some(data: bytes) -> lookup_pb2.AnswerRequest:
        return lookup_pb2.AnswerRequest(queries=data)

    yield [], "head"
    yield [lookup_pb2.AnswerRequest()], "head"
    yield [some(one)], "head"
    yield [head, head], "queries"
    yield [head, lookup_pb2.AnswerRequest()], "queries"
    yield [head, some(b"")], "queries"
    yield [head, some(one[:-4])], "queries"
    yield [head, some(one + two[:1])], "queries"
    yield [head, some(one)], "queries"
    yield [head], "queries"
    yield [head, some(one + two), some(one)], ""
    yield [head, some(one), some(two + one)], "queries"


def test_what_is_no_query_is_refused_and_costs_nothing(
    stage: Stage, buyer: Buyer, rows: Any
) -> None:
    before = stage.lender.usage(buyer.contract).units_used
    for place in itertools.count():
        ask, outputs = buyer.evaluate([person.subject for person in stage.people[:2]])
        asked = ask.request.request, buyer.queries(rows, outputs)[0]
        cases = list(broken(buyer, asked))
        if place == len(cases):
            break
        messages, clause = cases[place]
        if not clause:  # whoever sends more than was said gets what was said
            assert len(buyer.send(messages).data) == 2 * buyer.shape.answer_bytes
            continue
        assert refused(buyer, messages) == ("MALFORMED_MESSAGE", clause)
    assert stage.lender.usage(buyer.contract).units_used == before + 2 * (place + 1)


def test_so_many_answers_are_given_and_no_more(stage: Stage) -> None:
    buyer = Buyer(stage.lender, agree(stage))
    rows = buyer.rows()
    ask, outputs = buyer.evaluate([person.subject for person in stage.people[:3]])
    queries, _ = buyer.queries(rows, outputs)
    for _ in range(PASSES):  # cut off before a query is whole: none of them counts
        head = buyer.head(ask.request.request, 3)
        assert refused(buyer, [head])[0] == "MALFORMED_MESSAGE"
    answers = {buyer.answer(ask.request.request, queries).data for _ in range(PASSES)}
    assert len(answers) == 1
    for _ in range(2):
        head = buyer.head(ask.request.request, 3)
        assert refused(buyer, [head]) == ("ANSWERS_EXHAUSTED", "answers")
    more, outputs = buyer.evaluate([stage.people[4].subject])
    said = buyer.answer(more.request.request, buyer.queries(rows, outputs)[0])
    assert len(said.data) == buyer.shape.answer_bytes
    other = Buyer(stage.lender, agree(stage))  # counts are a contract's own
    ask, outputs = other.evaluate([stage.people[4].subject])
    queries, found = other.queries(other.rows(), outputs)
    said = other.answer(ask.request.request, queries)
    assert other.labels(other.rows(), found, said) == [verdicts(stage.people[4])]


def test_a_stop_holds_answers_back(stage: Stage) -> None:
    buyer = Buyer(stage.lender, agree(stage))
    ask, outputs = buyer.evaluate([stage.people[0].subject])
    queries, _ = buyer.queries(buyer.rows(), outputs)
    stage.operator.suspend(buyer.contract, "looking at it")
    assert refused(buyer, [buyer.head(ask.request.request, 1)])[0] == "REPLY_HELD"
    stage.operator.resume(buyer.contract, "it is fine")
    assert buyer.answer(ask.request.request, queries).signed
    stage.operator.revoke(buyer.contract, "no longer needed")
    assert refused(buyer, [buyer.head(ask.request.request, 1)])[0] == "CONTRACT_NOT_ACTIVE"
    assert not list((stage.home / "tables").glob(f"{buyer.contract}-*"))


def test_a_stop_takes_effect_between_two_messages(stage: Stage) -> None:
    buyer = Buyer(stage.lender, agree(stage))
    ask, outputs = buyer.evaluate([person.subject for person in stage.people[:2]])
    queries, _ = buyer.queries(buyer.rows(), outputs)
    head, one, two = buyer.messages(ask.request.request, queries, at_once=1)

    def slowly() -> Iterator[lookup_pb2.AnswerRequest]:
        yield head
        yield one
        stage.operator.suspend(buyer.contract, "in mid-stream")
        yield two

    with pytest.raises(WireError) as caught:
        buyer.send(slowly())
    assert caught.value.reason == "CONTRACT_NOT_ACTIVE"
    stage.operator.resume(buyer.contract, "it is fine")
    assert buyer.answer(ask.request.request, queries).signed


def test_a_new_epoch_ends_the_old_one_s_answers(copy: Callable[[], Stage]) -> None:
    with serving(copy()) as stage:
        buyer = Buyer(stage.lender, agree(stage))
        ask, outputs = buyer.evaluate([stage.people[0].subject])
        old = buyer.head(ask.request.request, 1)
        assert buyer.answer(ask.request.request, buyer.queries(buyer.rows(), outputs)[0]).signed
        first = buyer.manifest
        stage.operator.refresh_table("people", new_keys=True)

        def renewed() -> bool:
            buyer.__dict__.pop("manifest", None)
            return buyer.manifest.epoch == 2

        wait_until(renewed)
        assert refused(buyer, [old]) == ("MANIFEST_STALE", "epoch")
        assert refused(buyer, [buyer.head(ask.request.request, 1)])[0] == "MANIFEST_STALE"
        assert buyer.manifest.nonce != first.nonce
        assert buyer.manifest.root != first.root
        names = {path.stem for path in (stage.home / "tables").glob(f"{buyer.contract}-*")}
        assert names == {f"{buyer.contract}-2"}
        ask, outputs = buyer.evaluate([stage.people[3].subject])
        rows = buyer.rows()
        queries, found = buyer.queries(rows, outputs)
        said = buyer.answer(ask.request.request, queries)
        assert buyer.labels(rows, found, said) == [verdicts(stage.people[3])]


def test_a_kill_before_the_signature_leaves_the_answers_to_be_had(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    stage.start(UNSEEN_FAILPOINT="answers.before_sign")
    contract = agree(stage)
    buyer = Buyer(stage.lender, contract)
    ask, outputs = buyer.evaluate([stage.people[3].subject])
    rows = buyer.rows()
    queries, found = buyer.queries(rows, outputs)
    with pytest.raises(WireError):
        buyer.answer(ask.request.request, queries)
    assert stage.wait_dead() == -9
    stage.start()
    buyer = Buyer(stage.lender, contract)
    said = buyer.answer(ask.request.request, queries)
    assert buyer.labels(rows, found, said) == [verdicts(stage.people[3])]
    assert stage.lender.usage(contract).units_used == 1


def test_answers_that_were_given_are_counted_after_a_kill(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    contract = agree(stage)
    buyer = Buyer(stage.lender, contract)
    ask, outputs = buyer.evaluate([stage.people[3].subject])
    queries, _ = buyer.queries(buyer.rows(), outputs)
    for _ in range(PASSES - 1):
        assert buyer.answer(ask.request.request, queries).signed
    stage.kill()
    stage.start(UNSEEN_FAILPOINT="answers.before_sign")  # the last one leaves, and is not signed
    with pytest.raises(WireError):
        Buyer(stage.lender, contract).answer(ask.request.request, queries)
    assert stage.wait_dead() == -9
    stage.start()
    buyer = Buyer(stage.lender, contract)
    head = buyer.head(ask.request.request, 1)
    assert refused(buyer, [head]) == ("ANSWERS_EXHAUSTED", "answers")
    more, outputs = buyer.evaluate([stage.people[4].subject])
    assert buyer.answer(more.request.request, buyer.queries(buyer.rows(), outputs)[0]).signed


def test_who_stalls_holds_a_place_of_its_own_and_frees_it_by_hanging_up(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    with serving(stage, UNSEEN_MAX_IN_FLIGHT_PER_PARTY="1"):
        buyers = [
            Buyer(stage.client(name), agree(stage, buyer=name)) for name in ("lender", "rival")
        ]
        evaluated = [each.evaluate([stage.people[0].subject]) for each in buyers]
        (ask, outputs), (other, theirs) = evaluated
        mine = list(
            buyers[0].messages(ask.request.request, buyers[0].queries(buyers[0].rows(), outputs)[0])
        )
        over = threading.Event()

        def stalling() -> Iterator[lookup_pb2.AnswerRequest]:
            yield mine[0]
            over.wait(60)

        stalled: Any = buyers[0].stub.Answer(stalling(), timeout=60)

        def full() -> bool:
            try:
                return not buyers[0].send(mine).signed
            except WireError as error:
                return error.reason == "OVERLOADED"

        wait_until(full)
        queries, _ = buyers[1].queries(buyers[1].rows(), theirs)
        assert buyers[1].answer(other.request.request, queries).signed  # others are not held up
        stalled.cancel()
        over.set()
        wait_until(lambda: not full())


def test_an_audit_builds_the_table_again(stage: Stage, buyer: Buyer) -> None:
    manifest = buyer.manifest  # which waits for it
    found = stage.operator.replay_table(buyer.contract)
    assert (found.rows, found.digest) == (manifest.rows, b64encode(manifest.digest))


def test_elements_that_no_table_was_asked_for_do_not_count(stage: Stage) -> None:
    buyer = Buyer(stage.lender, agree(stage))
    drawn = blind([b"anything"], Mode.VOPRF, seeded_rng(3))
    head = buyer.head(buyer.ask(drawn).request.request, 1)  # signed, and never sent
    assert refused(buyer, [head])[0] == "REPLY_NOT_FOUND"
    assert b64encode(buyer.manifest.id()) == buyer.id
