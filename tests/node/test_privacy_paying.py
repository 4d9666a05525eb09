"""Privacy from a kind's work to its charge: looked up before, charged after, held in between."""

import asyncio
import dataclasses
import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from tests.node.conftest import Store, put_contract
from tests.node.gating import COUNTED, KEYS, OPERATOR, ROWS, STATED, Gatehouse, made
from tests.node.governed import put_table
from tests.node.holding import log_of, signed
from tests.node.spending import DELTA, RHO_OF_ONE, private, spent_in
from tests.node.test_yielding import claimed, finish, result_of

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.privacy import UNITS, epsilon_text, limit_of
from unseen.evidence.suite import INTL, signer_id
from unseen.node.catalog.catalogue import Catalogue
from unseen.node.catalog.changes import NewSnapshot, RefreshTable
from unseen.node.errors import (
    KeyLockedError,
    PartitionPinnedError,
    PrivacyBudgetMissingError,
    PrivacyBudgetSpentError,
    ReleaseHeldError,
    ReleaseOffError,
    ReleaseRefusedError,
    TableNotFoundError,
)
from unseen.node.jobs import frames
from unseen.node.jobs.states import State as JobState
from unseen.node.metering.charged import Charged, digest_of
from unseen.node.metering.paying import Admitted, Work, pay
from unseen.node.privacy.answers import look
from unseen.node.privacy.changes import SetBudget
from unseen.node.privacy.register import ledgers, set_budget
from unseen.node.privacy.spend import Pin, Spend, answer_key
from unseen.node.registration.issue import Issuer
from unseen.node.release import gate as gatekeeper
from unseen.node.release import reviewing
from unseen.node.release.facts import Facts
from unseen.node.release.gate import Ask, Refused, Standing, again
from unseen.node.release.holding import Run
from unseen.node.release.rules import FAULT, MALFORMED, Mode
from unseen.node.release.yielding import yielded
from unseen.node.store.engine import open_engine
from unseen.node.store.schema import snapshots, tables
from unseen.node.store.schema_privacy import privacy_answers, privacy_partitions
from unseen.node.store.schema_release import reviews

OTHER = canonical.encode([["farming", 25], ["industry", 30]])
COST = 5_000_000
KEY = bytes([7]) * 32


@pytest.fixture
async def house(store: Store) -> Gatehouse:
    """Return a node whose one contract spends privacy of a table with a budget."""
    put_table(store, "public:1", 100_000)
    serving = Gatehouse(store, private(made("aggregate", runs=50, units=100)))
    await store.writer.submit(SetBudget(INTL, "people", "1", DELTA, False, "operator"))
    return serving


def cost(units: int = COST, *, key: bytes = KEY, **more: Any) -> Spend:
    return Spend(rho=Fraction(units, UNITS), answer=key, **more)


async def ask(
    gate: Gatehouse,
    number: int,
    spend: Spend,
    reply: bytes = ROWS,
    facts: Facts | None = COUNTED,
) -> Charged:
    """Do as a kind does: look for a stored answer, else compute one, and pay."""
    known = look(gate.node, gate.contract, spend)
    if known is None:
        done = Work((reply,), bytes(32), facts=facts, privacy=spend)
    else:
        done = Work(known.parts, known.snapshot, privacy=known.spend)
    return await paid(gate, number, done)


async def paid(gate: Gatehouse, number: int, done: Work) -> Charged:
    request, instance = gate.request(number), signer_id(KEYS["buyer"])
    admitted = Admitted(gate.contract, request, digest_of(request), bytes(64), instance)
    return await pay(gate.node, admitted, done)


def said(gate: Gatehouse) -> list[str]:
    return [str(leaf["privacy"]) for leaf in log_of(gate.store) if leaf["type"] == "release"]


def spent(gate: Gatehouse) -> int:
    return spent_in(gate.store.engine)[0]["people"]


async def test_the_same_question_gets_the_same_answer_for_a_unit(house: Gatehouse) -> None:
    first = await ask(house, 0, cost())
    again = await ask(house, 1, cost(), OTHER)
    assert (first.reply, again.reply) == ((ROWS,), (ROWS,))
    assert again.total == 2
    assert said(house) == ["0.000005", "0"]
    assert spent(house) == COST
    commitments = [leaf["release"] for leaf in log_of(house.store) if leaf["type"] == "release"]
    assert len(set(commitments)) == 2  # each under a nonce of its own


async def test_two_who_ask_at_once_are_charged_once(house: Gatehouse) -> None:
    spend = cost()
    assert look(house.node, house.contract, spend) is None
    works = [Work((reply,), bytes(32), facts=COUNTED, privacy=spend) for reply in (ROWS, OTHER)]
    found = await asyncio.gather(*(paid(house, number, done) for number, done in enumerate(works)))
    assert len({charged.reply for charged in found}) == 1
    assert sorted(said(house)) == ["0", "0.000005"]
    assert spent(house) == COST


async def test_what_is_sealed_says_nothing(house: Gatehouse) -> None:
    await ask(house, 0, cost())
    with house.store.engine.connect() as connection:
        (row,) = connection.execute(select(privacy_answers)).all()
    assert ROWS not in row.sealed_reply
    assert house.node.vault.open(f"answer/{row.key}", row.sealed_reply).endswith(ROWS)


async def test_refusals_come_before_the_work_and_cost_nothing(house: Gatehouse) -> None:
    contract = house.contract
    with pytest.raises(PrivacyBudgetSpentError) as caught:
        look(house.node, contract, cost(RHO_OF_ONE + 1_000))
    assert caught.value.clause == "table.budget"
    pin = Pin(table="people", partition=bytes(32), version=1)
    await ask(house, 0, Spend(rho=0, pins=(pin,)))
    with pytest.raises(PartitionPinnedError):
        look(house.node, contract, Spend(rho=0, pins=(dataclasses.replace(pin, version=2),)))
    bare = dataclasses.replace(contract, terms=dataclasses.replace(contract.terms, budget=""))
    with pytest.raises(PrivacyBudgetMissingError):
        look(house.node, bare, cost())
    assert spent(house) == 0


async def test_a_refusal_depends_on_nothing_in_the_answer(house: Gatehouse) -> None:
    await ask(house, 0, cost(RHO_OF_ONE - 1_000, key=b""))
    told = set()
    for number, reply in enumerate((ROWS, OTHER), 1):
        done = Work((reply,), bytes([number]) * 32, facts=COUNTED, privacy=cost(2_000, key=b""))
        with pytest.raises(PrivacyBudgetSpentError) as caught:
            await paid(house, number, done)
        told.add((str(caught.value), caught.value.clause, caught.value.remedy))
    assert len(told) == 1
    assert len(said(house)) == 1


async def test_a_stored_answer_does_not_leave_a_type_that_is_off(house: Gatehouse) -> None:
    await ask(house, 0, cost())
    house.node.releases.modes["aggregate"] = Mode.OFF
    with pytest.raises(ReleaseRefusedError):
        await ask(house, 1, cost())
    done = Work((OTHER,), bytes(32), facts=COUNTED, privacy=cost())
    with pytest.raises((ReleaseRefusedError, ReleaseOffError)):
        await paid(house, 2, done)
    assert said(house) == ["0.000005"]


async def test_an_answer_that_takes_anothers_place_passes_the_gate_too(house: Gatehouse) -> None:
    sealed = house.node.vault.seal(f"answer/{b64encode(KEY)}", frames.pack((b'["x"]',)))
    row = {"key": b64encode(KEY), "sealed_reply": sealed, "snapshot": bytes(32)}
    with house.store.engine.begin() as connection:
        connection.execute(insert(privacy_answers), [{**row, "contract": "", "leaf_index": 0}])
    with pytest.raises(ReleaseRefusedError):
        await paid(house, 0, Work((ROWS,), bytes(32), facts=COUNTED, privacy=cost()))
    assert said(house) == []
    assert spent(house) == 0


def test_a_fault_over_a_stored_answer_lets_nothing_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = private(made("aggregate"))
    put_contract(store.engine, contract, contract.plan, contract.leakage)
    standing = Standing(Mode.PASS, 0)
    asked = Ask(contract, f"{1:032x}", 1)
    assert again(asked, (b"[]", b"[]"), standing) == Refused((MALFORMED,))
    monkeypatch.setattr(gatekeeper, "declared", lambda *_: 1 / 0)
    assert again(asked, (ROWS,), standing) == Refused((FAULT,))


async def test_a_stored_answer_that_was_altered_fails_its_own_charge_alone(
    house: Gatehouse,
) -> None:
    row = {"key": b64encode(KEY), "sealed_reply": bytes(64), "snapshot": bytes(32)}
    with house.store.engine.begin() as connection:
        connection.execute(insert(privacy_answers), [{**row, "contract": "", "leaf_index": 0}])
    works = [
        Work((ROWS,), bytes(32), facts=COUNTED, privacy=cost(key=key)) for key in (KEY, b"", KEY)
    ]
    found = await asyncio.gather(
        *(paid(house, number, done) for number, done in enumerate(works)), return_exceptions=True
    )
    assert [type(each) for each in found] == [KeyLockedError, Charged, KeyLockedError]
    assert spent(house) == COST


async def test_a_stored_answer_counts_its_bits(house: Gatehouse) -> None:
    await ask(house, 0, cost())
    contract = house.contract
    assert contract.plan.release is not None
    most = contract.plan.release.bits_in_all
    house.node.contracts.put(dataclasses.replace(contract, bits_used=most - 1))
    with pytest.raises(ReleaseRefusedError):
        await ask(house, 1, cost())


async def test_what_waits_for_a_person_is_charged_when_it_leaves(house: Gatehouse) -> None:
    pin = Pin(table="people", partition=bytes(32), version=1)
    with pytest.raises(ReleaseHeldError):
        await ask(house, 0, cost(pins=(pin,)), facts=STATED)
    assert spent(house) == 0
    (review,) = house.node.releases.waiting()
    assert house.start().releases.waiting() == [review]  # as the store keeps it
    assert review.privacy == cost(pins=(pin,))
    await reviewing.decide(house.node, OPERATOR, review.id, signed(house, review))
    assert spent(house) == COST
    assert said(house) == ["0.000005"]
    with house.store.engine.connect() as connection:
        (pinned,) = connection.execute(select(privacy_partitions)).all()
    assert pinned.version == 1
    again = await ask(house, 1, cost(pins=(pin,)), OTHER)
    assert again.reply == (ROWS,)


async def test_a_budget_that_is_spent_meanwhile_keeps_it_waiting(house: Gatehouse) -> None:
    with pytest.raises(ReleaseHeldError):
        await ask(house, 0, cost(), facts=STATED)
    await ask(house, 1, cost(RHO_OF_ONE, key=b""))
    (review,) = house.node.releases.waiting()
    with pytest.raises(PrivacyBudgetSpentError):
        await reviewing.decide(house.node, OPERATOR, review.id, signed(house, review))
    assert house.node.releases.waiting() == [review]
    assert spent(house) == RHO_OF_ONE


async def test_a_refused_review_costs_nothing(house: Gatehouse) -> None:
    with pytest.raises(ReleaseHeldError):
        await ask(house, 0, cost(), facts=STATED)
    (review,) = house.node.releases.waiting()
    await reviewing.decide(house.node, OPERATOR, review.id, signed(house, review, "refuse"))
    assert spent(house) == 0
    assert look(house.node, house.contract, cost()) is None


async def test_a_known_answer_that_a_person_has_to_see_costs_nothing_then(
    house: Gatehouse,
) -> None:
    await ask(house, 0, cost())
    house.node.releases.modes["aggregate"] = Mode.REVIEW
    with pytest.raises(ReleaseHeldError):
        await ask(house, 1, cost())
    (review,) = house.node.releases.waiting()
    await reviewing.decide(house.node, OPERATOR, review.id, signed(house, review))
    assert said(house) == ["0.000005", "0"]
    assert spent(house) == COST


async def test_a_long_job_is_charged_with_its_end(house: Gatehouse) -> None:
    for number, reply in enumerate((ROWS, OTHER)):
        job, instance = await claimed(house), signer_id(KEYS["buyer"])
        request = house.request(number)
        run = Run(house.contract, request, bytes(64), instance, bytes(32), privacy=cost())
        outcome = await yielded(house.node, job.id, run, (reply,), COUNTED)
        after = await finish(house, job, outcome)
        assert after.state is JobState.DONE
        assert result_of(house, job) == reply
    # Both ran at once: what the second computed is its own, and charged as such.
    assert said(house) == ["0.000005"] * 2
    assert spent(house) == 2 * COST
    known = look(house.node, house.contract, cost())
    assert known is not None
    assert known.parts == (ROWS,)


async def test_a_long_job_is_refused_by_the_ledger_at_its_end(house: Gatehouse) -> None:
    job, instance = await claimed(house), signer_id(KEYS["buyer"])
    spend = cost(RHO_OF_ONE + 1_000)
    run = Run(house.contract, house.request(), bytes(64), instance, bytes(32), privacy=spend)
    outcome = await yielded(house.node, job.id, run, (ROWS,), COUNTED)
    with pytest.raises(PrivacyBudgetSpentError):
        await finish(house, job, outcome)
    assert said(house) == []
    assert spent(house) == 0


async def test_the_operator_sees_what_is_spent_and_left(house: Gatehouse) -> None:
    put_table_too(house.store, "wages")
    house.node.catalogue = Catalogue(house.store.engine)
    pin = Pin(table="people", partition=bytes(32), version=1)
    await ask(house, 0, cost(pins=(pin,)))
    (ledger,) = ledgers(house.node)
    assert ledgers(house.node, "people") == [ledger]
    assert (ledger.epsilon, ledger.delta, ledger.spent) == ("1", DELTA, COST)
    assert ledger.most == limit_of("1", DELTA)
    assert ledger.spent_epsilon == epsilon_text(COST, DELTA)
    assert (ledger.partition, ledger.version) == (b64encode(bytes(32)), 1)
    (line,) = ledger.contracts
    assert (line.contract, line.buyer, line.spent) == (house.identifier, "lender", COST)
    assert (line.epsilon, line.most) == ("1", limit_of("1", DELTA))
    (other,) = ledgers(house.node, "wages")
    assert (other.epsilon, other.spent, other.contracts) == ("", 0, ())
    told = await set_budget(house.node, "wages", "2", DELTA, "operator", raised=False)
    assert (told.epsilon, told.set_by) == ("2", "operator")
    with pytest.raises(TableNotFoundError):
        ledgers(house.node, "elsewhere")


def put_table_too(store: Store, name: str) -> None:
    """Put a further table into the store, with a snapshot."""
    row = {"name": name, "source": "", "subject": "[]", "columns": "[]"}
    snapshot = {"table_name": name, "version": 1, "commitment": "A" * 43, "sealed_salt": b""}
    print_of = {"rows": 1, "fingerprint": '{"mtime_ns":1,"sha256":"00","size":1}', "taken_at": ""}
    with store.engine.begin() as connection:
        connection.execute(insert(tables), [{**row, "holder": "", "registered_at": ""}])
        connection.execute(insert(snapshots), [snapshot | print_of])


async def test_a_refresh_gives_nothing_back(house: Gatehouse) -> None:
    await ask(house, 0, cost())
    columns = json.loads('[{"name":"id","type":"VARCHAR"}]')
    snapshot = NewSnapshot("B" * 42 + "A", 100_000, {"sha256": "01", "size": 1, "mtime_ns": 2}, b"")
    issuer = Issuer(KEYS["node"], house.store.log.origin, KEYS["operator"].public_key)
    await house.store.writer.submit(RefreshTable("people", columns, snapshot, issuer))
    assert spent(house) == COST
    with pytest.raises(PrivacyBudgetSpentError):
        look(house.node, house.contract, cost(RHO_OF_ONE - COST + 1_000, key=b""))


async def test_a_start_gives_nothing_back(house: Gatehouse) -> None:
    await ask(house, 0, cost())
    path = str(house.store.engine.url.database)
    engine = open_engine(path)  # type: ignore[arg-type]
    assert spent_in(engine)[0] == {"people": COST}
    engine.dispose()


async def test_old_rows_of_reviews_say_nothing_of_privacy(house: Gatehouse) -> None:
    with pytest.raises(ReleaseHeldError):
        await paid(house, 0, Work((ROWS,), bytes(32), facts=STATED, privacy=Spend(rho=0)))
    with house.store.engine.begin() as connection:
        connection.execute(reviews.update().values(privacy=""))
    (review,) = house.start().releases.waiting()
    assert review.privacy is None


def test_names_of_answers_are_the_contracts() -> None:
    contract = private(made("aggregate"))
    known = "1e799020387b1039afc8ee94f293d30ae952613a1ae4485db0c25e76d52e16e6"
    assert answer_key(contract, b"question", bytes(32)).hex() == known  # or answers are lost
    grouped = dataclasses.replace(contract, plan=dataclasses.replace(contract.plan, group=50))
    assert answer_key(contract, b"q") != answer_key(grouped, b"q")
    other = dataclasses.replace(contract.terms, product_digest=bytes(32))
    assert answer_key(contract, b"q") != answer_key(
        dataclasses.replace(contract, terms=other), b"q"
    )


asked = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 9), st.booleans()), min_size=1, max_size=6
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(groups=st.lists(asked, min_size=1, max_size=3))
async def test_whoever_asks_at_once_never_overspends(
    store: Store, groups: list[list[tuple[int, int, bool]]]
) -> None:
    """Through the writer, with its own groups: sums hold, and answers of one name are one."""
    name = f"table-{store.log.size}"
    put_table_too(store, name)
    serving = Gatehouse(store, private(made("aggregate", runs=90, units=90), table=name))
    await store.writer.submit(SetBudget(INTL, name, "0.5", DELTA, False, "operator"))
    replies: dict[bytes, set[tuple[bytes, ...]]] = {}
    number = 0
    for group in groups:
        waiting = []
        for which, part, other in group:
            key = bytes([which, store.log.size % 251]) * 16 if which else b""
            spend = cost(part * 10**9, key=key)
            done = Work((OTHER if other else ROWS,), bytes(32), facts=COUNTED, privacy=spend)
            waiting.append((key, paid(serving, number, done)))
            number += 1
        found = await asyncio.gather(*(work for _, work in waiting), return_exceptions=True)
        for (key, _), outcome in zip(waiting, found, strict=True):
            if isinstance(outcome, Charged) and key:
                replies.setdefault(key, set()).add(outcome.reply)
            elif not isinstance(outcome, Charged):
                assert isinstance(outcome, PrivacyBudgetSpentError)
    assert all(len(alike) == 1 for alike in replies.values())
    tables_, contracts_ = spent_in(store.engine)
    assert tables_[name] == contracts_.get(serving.identifier, 0) <= limit_of("0.5", DELTA)
