"""A finished model before the gate: what the node has to know of it, who looks, what is charged."""

import asyncio
import dataclasses
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.node.conftest import NOW, Store
from tests.node.counted import offered
from tests.node.gating import KEYS, MINISTRY, OPERATOR, Gatehouse
from tests.node.test_train_contracts import ask, joint_of, made, offer_of
from tests.node.test_train_contracts import spec_of as contract_spec
from tests.node.test_train_rows import asked_of, reading_of, visits
from tests.node.test_train_rows import made as world_of

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.joint import Place
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.training import clause as training
from unseen.evidence.releases.review import Review as Decision
from unseen.evidence.releases.review import sign_review
from unseen.evidence.suite import signer_id
from unseen.node.contracts.register import Contract
from unseen.node.data.trained import encode_reading
from unseen.node.errors import JointRefusedError, ReleaseHeldError, ReleaseRefusedError
from unseen.node.jobs.executor import LocalExecutor
from unseen.node.jobs.tasks import TASKS
from unseen.node.joint import endorsing
from unseen.node.metering.charged import digest_of
from unseen.node.metering.metered import SignedRequest
from unseen.node.metering.paying import Admitted, Work, pay
from unseen.node.privacy.spend import Spend
from unseen.node.release import register, reviewing
from unseen.node.release.declared import declared
from unseen.node.release.facts import Attacked, MaskedFacts, ModelFacts
from unseen.node.release.register import State as ReviewState
from unseen.node.release.rules import Mode
from unseen.node.statistics import evaluate as evaluating
from unseen.node.wire.review import review_message
from unseen.protocols.train import Model, Spec
from unseen.protocols.train.driver import Share, drive_train

REPORT = Attacked(
    measured=True,
    auc=5_210,
    low=5_010,
    high=5_420,
    least=4_960,
    advantage=510,
    bar=6_000,
    members=4_000,
    others=500,
)
FACTS = ModelFacts(rows=100_000, measured=True, attack=4_960, report=REPORT, private=True)


def contract_of() -> Contract:
    """Return an active contract over a training with this node."""
    spec = contract_spec()
    keys = [KEYS["node"].public_key, b"\x0c" * 32, b"\x0d" * 32]
    places = tuple(Place(name=n, key=k) for n, k in zip(("a", "b", "c"), keys, strict=True))
    offer = offer_of(node="a")
    signers = dataclasses.replace(offer.signers, node=signer_id(KEYS["node"]))
    joint = joint_of(spec, nodes=places)
    found = made(
        ask(spec, joint, quota=Quota(units=20, per_minute=20)),
        dataclasses.replace(offer, signers=signers),
    )
    return Contract(
        id=b64encode(found.terms.id()),
        state=State.ACTIVE,
        buyer="lender",
        terms=found.terms,
        plan=found.plan,
        leakage=found.leakage,
        approvals={},
        units_used=0,
    )


def numbers_of(spec: Spec) -> tuple[int, ...]:
    return tuple(range(-3, training.parameters_of(spec) - 3))


async def pays(gate: Gatehouse, part: bytes, facts: Any = FACTS, number: int = 0) -> Any:
    request = gate.request(number, kind="train")
    instance = signer_id(KEYS["buyer"])
    admitted = Admitted(gate.contract, request, digest_of(request), bytes(64), instance)
    shape, none = training.model_shape(contract_spec()), Spend(rho=0)
    return await pay(
        gate.node, admitted, Work((part,), bytes(32), facts=facts, model=shape, privacy=none)
    )


def decision(gate: Gatehouse, what: str = "pass") -> str:
    review = gate.node.releases.waiting()[-1]
    made_of = Decision(
        suite="intl",
        contract=gate.contract.terms.id(),
        request=review.request.request,
        release=canonical.b64decode(review.id),
        bits=review.bits,
        rules=review.rules,
        decision=cast("Any", what),
        role="operator",
        time=NOW,
    )
    return sign_review(KEYS["operator"], made_of, gate.contract.terms)


PART = canonical.encode(list(numbers_of(contract_spec())))


async def test_a_model_waits_for_a_person_and_leaves_as_it_was_when_one_lets_it(
    store: Store,
) -> None:
    gate = Gatehouse(store, contract_of())
    with pytest.raises(ReleaseHeldError):
        await pays(gate, PART)
    (review,) = gate.node.releases.waiting()
    assert review.rules == ("type.review", "model.person")
    assert review.bits == gate.contract.plan.bits_per_unit
    assert reviewing.held_type(review, gate.contract) == "model"
    shown = reviewing.show(gate.node, OPERATOR, review.id)
    assert shown.held is not None
    assert shown.held.parts == (PART,)
    assert shown.attacked == REPORT
    assert gate.contract.units_used == 0
    await reviewing.decide(gate.node, OPERATOR, review.id, decision(gate))
    assert gate.contract.units_used == 1
    after = reviewing.show(gate.node, OPERATOR, review.id)
    assert (after.held, after.attacked) == (None, REPORT)


async def test_what_the_attack_found_is_for_the_operator_alone_and_sealed(store: Store) -> None:
    contract = contract_of()
    approver = signer_id(KEYS["approver"])
    approvals = ("operator", "approver", "buyer")
    terms = dataclasses.replace(contract.terms, approver=approver, approvals=approvals)
    changed = dataclasses.replace(contract, terms=terms, id=b64encode(terms.id()))
    gate = Gatehouse(store, changed)
    with pytest.raises(ReleaseHeldError):
        await pays(gate, PART)
    (review,) = gate.node.releases.waiting()
    shown = reviewing.show(gate.node, MINISTRY, review.id)
    assert (shown.held, shown.attacked) == (None, None)
    assert not review_message(shown).HasField("attack")
    assert review_message(reviewing.show(gate.node, OPERATOR, review.id)).attack.least == 4_960
    sealed = register.find_report(gate.node.reader.connection, review.id)
    assert sealed is not None
    assert b"4960" not in sealed
    listed = reviewing.listed(gate.node, OPERATOR)
    assert [each.attacked for each in listed] == [None]


async def test_a_contract_hands_in_three_models_whatever_becomes_of_them(store: Store) -> None:
    gate = Gatehouse(store, contract_of())
    submit = gate.node.writer.submit
    for request in ("a" * 32, "b" * 32, "c" * 32):
        await submit(endorsing.Judge(gate.contract.id, request))
        with pytest.raises(JointRefusedError, match="looked at before"):
            await submit(endorsing.Judge(gate.contract.id, request))
    with pytest.raises(JointRefusedError, match="3 models") as caught:
        await submit(endorsing.Judge(gate.contract.id, "d" * 32))
    assert caught.value.clause == "joint.model"
    await submit(endorsing.Judge("another", "d" * 32))


async def test_under_the_id_of_a_refused_model_no_other_is_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, looked = Gatehouse(store, contract_of()), []
    monkeypatch.setattr(endorsing, "contract_for", lambda *_: (gate.contract, None))

    async def judged(*_: Any) -> Work:
        looked.append(1)
        return Work((PART,), bytes(32), facts=dataclasses.replace(FACTS, attack=6_001))

    async def metered(
        _node: Any, _caller: Any, _kind: str, signed: Any, _units: int, work: Any
    ) -> Any:
        request = dataclasses.replace(gate.request(0), commitment=bytes([signed.nonce[0]]) * 32)
        used = dataclasses.replace(gate.contract, units_used=100)
        monkeypatch.setattr(gate.node.contracts, "get", lambda *_a, **_k: used)
        done = await work(gate.contract, request)
        instance = signer_id(KEYS["buyer"])
        admitted = Admitted(gate.contract, request, digest_of(request), bytes(64), instance)
        return await pay(gate.node, admitted, done)

    monkeypatch.setattr(endorsing, "run_metered", metered)
    monkeypatch.setattr(endorsing, "_judged", judged)
    monkeypatch.setattr(endorsing, "_model", lambda _spec, data: data)
    for number, expected in ((1, ReleaseRefusedError), (2, JointRefusedError)):
        statement = gate.request(0).bytes()
        signed = SignedRequest(statement, bytes(64), bytes([number]) * 32, (bytes([number]),))
        with pytest.raises(expected):
            await endorsing.endorse(gate.node, cast("Any", None), signed)
    assert looked == [1]


async def test_where_models_are_switched_off_none_is_let_out(store: Store) -> None:
    gate = Gatehouse(store, contract_of())
    with pytest.raises(ReleaseHeldError):
        await pays(gate, PART)
    await reviewing.set_mode(gate.node, OPERATOR, "model", Mode.OFF)
    token, review = decision(gate), gate.node.releases.waiting()[-1]
    after = await reviewing.decide(gate.node, OPERATOR, review.id, token)
    assert after.state is ReviewState.REFUSED
    assert gate.contract.units_used == 0
    with pytest.raises(ReleaseRefusedError):
        await pays(gate, PART, number=1)


@pytest.mark.parametrize(
    ("part", "facts"),
    [
        (b"[1,2]", FACTS),
        (PART + b" ", FACTS),
        (b"{}", FACTS),
        (canonical.encode([*numbers_of(contract_spec()), 1]), FACTS),
        (PART, None),
        (PART, MaskedFacts(people=100, private=True, measured=True)),
        (PART, dataclasses.replace(FACTS, rows=10)),
        (PART, dataclasses.replace(FACTS, attack=6_001)),
        (PART, dataclasses.replace(FACTS, private=False, attack=None)),
    ],
    ids=range(9),
)
async def test_what_is_no_model_of_the_contract_s_or_gives_people_away_never_leaves(
    store: Store, part: bytes, facts: Any
) -> None:
    gate = Gatehouse(store, contract_of())
    with pytest.raises(ReleaseRefusedError):
        await pays(gate, part, facts)
    assert gate.contract.units_used == 0
    assert not gate.node.releases.waiting()


def test_a_model_is_never_worth_more_bits_than_the_plan_says() -> None:
    contract, spec = contract_of(), contract_spec()
    shape = training.model_shape(spec)
    assert shape.bits <= contract.plan.bits_per_unit
    assert declared(contract.plan, 1, shape).bits == contract.plan.bits_per_unit
    assert shape.parameters == spec.width + 1


def _share(rows: list[tuple[Any, ...]]) -> Share:
    features, labels = np.array([r[:-1] for r in rows]), np.array([r[-1] for r in rows])
    return Share(features, labels, features[:0], labels[:0])


def a_model(spec: Spec, size: int = 20) -> Model:
    chance = np.random.default_rng(3)
    rows = [
        (float(chance.integers(0, 3)), float(chance.random() * 100), 3.0, float(at % 2))
        for at in range(size)
    ]
    shares = {name: _share(rows) for name in "abc"}
    return drive_train(spec, shares, secrets.token_bytes, masked=False, noisy=False).model


@pytest.fixture
async def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Return as much of a node as looks at a model, with a real worker."""
    monkeypatch.setattr(evaluating, "check_going", lambda *_: None)
    definition, world = offered(3, by_visit=False), world_of(tmp_path, visits(2000))
    executor = LocalExecutor(1)
    product = SimpleNamespace(definition=definition, table="visits", joined="")
    yield SimpleNamespace(
        catalogue=SimpleNamespace(
            product=lambda _name: product, table=lambda _name: world.tables()[""]
        ),
        executor=executor,
        settings=SimpleNamespace(memory_mb=256, question_seconds=60.0),
        questions=asyncio.Semaphore(1),
        spool_path=lambda name: tmp_path / "node" / name,
        world=world,
        definition=definition,
        signer=SimpleNamespace(public_key=b"a" * 32),
    )
    await executor.close()


async def test_the_node_attacks_the_model_with_its_own_rows_and_says_what_stands_behind_it(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, spec, definition = reading_of(node.world, node.definition)
    asked = asked_of(spec, definition, b"")
    asked.contract.terms.product = "p"  # type: ignore[misc]  # a namespace
    asked.contract.terms.consent = None  # type: ignore[misc]
    contract = cast("Any", SimpleNamespace(id="c", terms=asked.contract.terms))
    monkeypatch.setattr(endorsing, "contract_for", lambda *_: (contract, asked.clause))
    model = a_model(spec)
    found = await endorsing._judged(node, cast("Any", None), contract, spec, model)
    assert found.reply == (canonical.encode(list(model.numbers)),)
    assert found.model == training.model_shape(spec)
    assert found.privacy == Spend(rho=0)
    facts = cast("ModelFacts", found.facts)
    assert (facts.rows, facts.private, facts.measured) == (2000, True, True)
    report = facts.report
    assert report is not None
    assert report.measured
    assert facts.attack == report.least < report.low <= report.auc <= report.high
    assert report.least < report.bar == 6_000
    assert 3_500 < report.auc < 6_500  # it was fitted on other rows: nothing is to be found
    # At most three rows a person count, and a tenth of all is held out and scored.
    assert 3 < report.members / report.others < 16
    assert Attacked.decode(report.encode()) == report


def test_too_few_rows_make_no_report(tmp_path: Path) -> None:
    world = world_of(tmp_path, visits(120))
    asked, spec, _ = reading_of(world, offered(3, by_visit=False))
    parts = [canonical.encode(encode_reading(asked)), a_model(spec).encode()]
    (found,) = TASKS["attack_model"](parts, lambda _done: None)
    counted = canonical.decode(found)
    assert isinstance(counted, dict)
    assert set(counted) == {"members", "others"}
    assert (counted["members"], counted["others"]) == (69, 12)  # at most three rows a person


HOSTILE: list[Callable[[Model], bytes]] = [
    lambda _: b"",
    lambda _: b"{}",
    lambda model: model.encode() + b" ",
    lambda model: model.encode()[:-3],
    lambda model: (
        dataclasses.replace(model, numbers=model.numbers).encode().replace(b"0.5", b"0.6")
    ),
]


@pytest.mark.parametrize("change", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_model_of_this_training_is_refused(
    tmp_path: Path, change: Callable[[Model], bytes]
) -> None:
    _, spec, _ = reading_of(world_of(tmp_path), offered(3, by_visit=False))
    model = a_model(spec)
    assert endorsing._model(spec, model.encode()) == model
    with pytest.raises(JointRefusedError) as caught:
        endorsing._model(spec, change(model))
    assert caught.value.clause == "joint.model"


def test_a_contract_over_statistics_endorses_nothing() -> None:
    terms = SimpleNamespace(parameters={})
    with pytest.raises(JointRefusedError, match="no training"):
        endorsing._training(cast("Any", SimpleNamespace(terms=terms)))
