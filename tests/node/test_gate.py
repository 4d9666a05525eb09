"""The gate: what is read, judged and committed to; what raises refuses; nobody goes around it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.menus import MENU
from tests.evidence.test_typed import ENCODERS
from tests.node import gating
from tests.node.gating import COUNTED, ELEMENT, GOOD, PROOF, STATED, VERDICTS, made

from unseen.evidence import canonical
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.plan import ReleaseSpec
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.typed import Verdicts, decode
from unseen.evidence.releases.metered import spec_of
from unseen.evidence.suite import INTL
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.release import declared as declaring
from unseen.node.release import gate
from unseen.node.release.declared import declared
from unseen.node.release.facts import AggregateFacts, CellFacts, Facts
from unseen.node.release.gate import Ask, Held, Refused, Released, Standing, let_out, release
from unseen.node.release.rules import Limits, Mode
from unseen.protocols.group import ristretto255

OPEN = Standing(Mode.PASS, 0)
PRIME = 2**255 - 19


def asked(contract: Contract, units: int = 1) -> Ask:
    return Ask(contract, f"{1:032x}", units)


def through(what: str, parts: Any = None, facts: Facts | None = None, **standing: Any) -> Any:
    """Return what becomes of the parts, or of good ones, under a contract of this type."""
    good, known = GOOD[what]
    fields: dict[str, Any] = {"mode": Mode.PASS, "used": 0} | standing
    found = (good, known) if parts is None else (parts, facts or known)
    return release(asked(made(what)), found[0], Standing(**fields), found[1])


@pytest.mark.parametrize(("what", "bits"), [("verify", 6), ("lookup", 6), ("aggregate", 24)])
def test_what_is_declared_and_harmless_leaves(what: str, bits: int) -> None:
    contract = made(what)
    found = through(what)
    assert isinstance(found, Released)
    assert found.parts == GOOD[what][0]
    assert found.bits == bits == declared(contract.plan, 1).bits
    assert found.commitment == commit(INTL, found.nonce, found.parts)
    assert (found.request, found.review, found.since) == (f"{1:032x}", b"", 0)
    assert repr(found) == f"Released({bits} bits for request {1:032x})"


def test_a_model_waits_for_a_person() -> None:
    found = through("model")
    assert isinstance(found, Held)
    assert found.rules == ("model.person",)
    assert found.commitment == commit(INTL, found.nonce, found.parts)


@pytest.mark.parametrize(
    ("mode", "what", "outcome"),
    [
        (Mode.OFF, "verify", Refused(("type.off",))),
        (Mode.OFF, "aggregate", Refused(("type.off",))),
        (Mode.REVIEW, "lookup", Refused(("type.unreadable",))),
    ],
)
def test_the_operator_switches_a_type_off(mode: Mode, what: str, outcome: Refused) -> None:
    assert through(what, mode=mode) == outcome


def test_the_operator_wants_to_see_a_type() -> None:
    found = through("verify", mode=Mode.REVIEW)
    assert isinstance(found, Held)
    assert (found.rules, found.bits) == (("type.review",), 6)
    assert "yes" not in repr(found)


def test_a_budget_that_is_spent_refuses() -> None:
    assert isinstance(through("aggregate", used=4 * 24), Released)
    assert through("aggregate", used=4 * 24 + 1) == Refused(("bits.contract",))


def test_the_smallest_group_of_the_plan_counts() -> None:
    contract = made("aggregate")
    strict = dataclasses.replace(contract, plan=dataclasses.replace(contract.plan, group=21))
    found = release(asked(strict), GOOD["aggregate"][0], OPEN, COUNTED)
    assert found == Refused(("cells.group",))


def test_an_aggregate_without_facts_is_refused() -> None:
    found = release(asked(made("aggregate")), GOOD["aggregate"][0], OPEN)
    assert found == Refused(("facts.missing",))
    assert isinstance(through("aggregate", GOOD["aggregate"][0], STATED), Held)


MALFORMED: list[tuple[str, Any]] = [
    ("verify", ()),
    ("verify", (VERDICTS, VERDICTS)),
    ("verify", (VERDICTS + b" ",)),
    ("verify", (canonical.encode(["yes", "no"]),)),
    ("verify", (canonical.encode(["yes", "no", "maybe"]),)),
    ("verify", (canonical.encode(["yes", "no", "no", "no"]),)),
    ("lookup", (ELEMENT,)),
    ("lookup", (ELEMENT, ELEMENT, PROOF)),
    ("lookup", (ELEMENT + b"\0", PROOF)),
    ("lookup", (ELEMENT[:-1], PROOF)),
    ("lookup", (bytes(32), PROOF)),
    ("lookup", ((int.from_bytes(ELEMENT, "little") | 1).to_bytes(32, "little"), PROOF)),
    ("lookup", ((PRIME + 1).to_bytes(32, "little"), PROOF)),
    ("lookup", (ELEMENT[:-1] + bytes([ELEMENT[-1] | 0x80]), PROOF)),
    ("lookup", (ELEMENT, PROOF[:-1])),
    ("lookup", (ELEMENT, PROOF + b"\0")),
    ("lookup", (ELEMENT, ristretto255.ORDER.to_bytes(32, "little") + PROOF[32:])),
    ("aggregate", (b"\x80",)),
    ("model", (b"[1.5,2]",)),
    ("model", (b"cos\nsystem\n",)),
]


@pytest.mark.parametrize(("what", "parts"), MALFORMED)
def test_what_is_not_of_the_declared_form_is_refused(what: str, parts: Any) -> None:
    assert through(what, parts) == Refused(("gate.malformed",))


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_no_encoder_gets_more_than_the_value_past_the_gate(name: str) -> None:
    """0 unmetered bits: what is not the one form is refused, whichever bit it hides."""
    outcomes = []
    for bit in (0, 1):
        written = ENCODERS[name](bit).replace(b"services", b"industry")
        found = through("aggregate", (written,))
        assert isinstance(found, Refused)
        outcomes.append(found)
    assert outcomes[0] == outcomes[1]


@given(junk=st.lists(st.binary(max_size=40), max_size=3))
def test_whatever_a_worker_returns_leaves_in_one_form_or_not_at_all(junk: list[bytes]) -> None:
    for what in ("verify", "lookup"):
        found = through(what, tuple(junk))
        assert isinstance(found, Refused) or found.parts == tuple(junk)


def test_a_release_is_worth_its_bits_and_no_more() -> None:
    """Of all replies of three words, those that leave are 27 and fit into six bits."""
    words = ("yes", "no", "no_usable_result")
    left = {
        through("verify", (canonical.encode([a, b, c]),)).parts
        for a in words
        for b in words
        for c in words
    }
    assert len(left) == 27 <= 2**6


STEPS: list[tuple[str, Callable[[pytest.MonkeyPatch, Callable[..., Any]], None]]] = [
    ("declared", lambda patch, broken: patch.setattr(gate, "declared", broken)),
    ("spec", lambda patch, broken: patch.setattr(gate, "spec_of", broken)),
    ("decode", lambda patch, broken: patch.setattr(declaring, "decode", broken)),
    ("verdicts", lambda patch, broken: patch.setattr(declaring, "decode_verdicts", broken)),
    ("unpack", lambda patch, broken: patch.setattr(declaring, "unpack", broken)),
    ("scalar", lambda patch, broken: patch.setattr(declaring, "check_scalar", broken)),
    ("examine", lambda patch, broken: patch.setattr(gate, "examine", broken)),
    ("limits", lambda patch, broken: patch.setattr(Limits, "with_group", broken)),
    ("case", lambda patch, broken: patch.setattr(gate, "Case", broken)),
    ("suite", lambda patch, broken: patch.setattr(gate, "suite_of", broken)),
    ("commit", lambda patch, broken: patch.setattr(gate, "commit", broken)),
    ("chance", lambda patch, broken: patch.setattr("secrets.token_bytes", broken)),
    ("held", lambda patch, broken: patch.setattr(gate, "Held", broken)),
    ("released", lambda patch, broken: patch.setattr(gate, "Released", broken)),
]
POINTS = ("gate.read", "gate.judged", "gate.committed", "gate.passed")


def broken(*_: Any, **__: Any) -> Any:
    raise MemoryError("canary")


@pytest.mark.parametrize(("step", "arm"), STEPS, ids=[name for name, _ in STEPS])
@pytest.mark.parametrize("what", ["verify", "lookup", "aggregate", "model"])
def test_an_error_at_any_step_lets_nothing_out(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
    arm: Callable[..., None],
    what: str,
) -> None:
    ask, (parts, facts) = asked(made(what)), GOOD[what]
    untouched = {"scalar": {"verify", "aggregate", "model"}, "released": {"model"}}
    untouched |= {"decode": {"lookup", "verify"}, "unpack": {"lookup", "verify"}}
    untouched |= {"verdicts": {"lookup", "aggregate", "model"}}
    arm(monkeypatch, broken)
    found = release(ask, parts, OPEN, facts)
    if what in untouched.get(step, set()):
        assert not isinstance(found, Refused)
        return
    assert found == Refused(("gate.fault",))
    assert "canary" not in caplog.text
    assert "MemoryError" in caplog.text


@pytest.mark.parametrize("point", POINTS)
def test_an_error_at_every_point_lets_nothing_out(
    monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    held, ask = through("model"), asked(made("model"))

    def hit(name: str) -> None:
        if name == point:
            raise RuntimeError(name)

    monkeypatch.setattr(gate, "hit", hit)
    if point == "gate.passed":
        assert let_out(ask, held, OPEN, bytes(32), 7) == Refused(("gate.fault",))
    else:
        assert through("verify") == Refused(("gate.fault",))


def test_a_person_lets_out_exactly_what_was_held() -> None:
    ask, held = asked(made("model")), through("model")
    found = let_out(ask, held, Standing(Mode.REVIEW, 0), b"\1" * 32, 7)
    assert isinstance(found, Released)
    assert (found.parts, found.review, found.since) == (held.parts, b"\1" * 32, 7)
    assert (found.nonce, found.commitment) == (held.nonce, held.commitment)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"parts": (b"[3,-5]",)}, "gate.malformed"),
        ({"parts": (b"[3,-4] ",)}, "gate.malformed"),
        ({"parts": ()}, "gate.malformed"),
        ({"nonce": bytes(32)}, "gate.malformed"),
        ({"nonce": b""}, "gate.fault"),
        ({"commitment": bytes(32)}, "gate.malformed"),
    ],
)
def test_nothing_else_than_what_was_held_is_let_out(changes: dict[str, Any], rule: str) -> None:
    held = dataclasses.replace(through("model"), **changes)
    assert let_out(asked(made("model")), held, OPEN, bytes(32), 7) == Refused((rule,))


def test_without_a_decision_nothing_is_let_out() -> None:
    found = let_out(asked(made("model")), through("model"), OPEN, b"", 7)
    assert found == Refused(("gate.malformed",))


def test_what_was_switched_off_meanwhile_is_not_let_out() -> None:
    ask, held = asked(made("model")), through("model")
    assert let_out(ask, held, Standing(Mode.OFF, 0), bytes(32), 7) == Refused(("type.off",))


def test_only_the_gate_makes_a_release() -> None:
    found = through("verify")
    fields = {name: getattr(found, name) for name in Released.__slots__}
    for seal in (None, object(), "seal"):
        with pytest.raises(InternalError):
            Released(seal, **fields)
    for name in Released.__slots__:
        with pytest.raises(InternalError):
            setattr(found, name, b"")
    assert not dataclasses.is_dataclass(found)  # or `replace` would make another
    assert through("verify").parts == found.parts


def test_an_older_plan_says_the_same_by_its_bits_a_unit() -> None:
    contract = made("lookup")
    older = dataclasses.replace(contract.plan, release=None)
    assert spec_of(older, contract.terms) == contract.plan.release
    assert declared(older, 3) == declared(contract.plan, 3)


def test_a_protocol_that_nobody_declared_is_refused() -> None:
    contract = made("verify")
    plan = dataclasses.replace(contract.plan, protocol="mystery")
    strange = dataclasses.replace(contract, plan=plan)
    assert release(asked(strange), (VERDICTS,), OPEN) == Refused(("gate.malformed",))


def test_what_does_not_come_back_from_its_bits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = decode(Verdicts(count=3), canonical.encode(["no"] * 3))
    monkeypatch.setattr(declaring, "decode_verdicts", lambda *_: other)
    assert through("verify") == Refused(("gate.malformed",))


def test_more_units_are_more_bits() -> None:
    contract = made("lookup")
    parts = (ELEMENT,) * 7 + (PROOF,)
    found = release(asked(contract, 7), parts, OPEN)
    assert isinstance(found, Released)
    assert found.bits == 7 * contract.plan.bits_per_unit
    assert release(asked(contract, 8), (ELEMENT, *parts), OPEN).bits == 48  # type: ignore[union-attr]
    many = release(asked(contract, 11), (ELEMENT,) * 11 + (PROOF,), OPEN)
    assert many == Refused(("bits.run", "bits.contract"))


COUNTS = Question(what="count", by=("region",), rho="1")
REGIONS = canonical.encode([["north", 20], ["south", 25], ["西部", 35]])
THREE = AggregateFacts(cells=(CellFacts(contributors=20),) * 3, measured=True)


def statistics(bits: int = 10_000) -> Contract:
    """Return a contract over statistics, whose releases have the shape of what was asked."""
    contract = made("verify")
    spec = ReleaseSpec(type="aggregate", bits_per_run=bits, bits_in_all=5 * bits)
    plan = dataclasses.replace(
        contract.plan, kind="statistics", protocol="dp", release=spec, bits_per_unit=bits
    )
    parameters = {"menu": MENU.to_json()}
    terms = dataclasses.replace(contract.terms, kind="statistics", parameters=parameters)
    return dataclasses.replace(contract, plan=plan, terms=terms)


def counted(ask: Ask, part: bytes = REGIONS, **standing: Any) -> Any:
    fields: dict[str, Any] = {"mode": Mode.PASS, "used": 0} | standing
    return release(ask, (part,), Standing(**fields), THREE)


def test_an_answer_has_the_shape_of_its_question() -> None:
    ask = dataclasses.replace(asked(statistics()), question=COUNTS)
    found = counted(ask)
    assert isinstance(found, Released)
    assert (found.parts, found.bits) == ((REGIONS,), 10_000)  # whatever was asked
    others = [
        dataclasses.replace(COUNTS, by=("age",)),
        dataclasses.replace(COUNTS, by=()),
        Question(what="mean", of="cost", by=("region",), rho="1"),
    ]
    for other in others:
        assert counted(dataclasses.replace(ask, question=other)) == Refused(("gate.malformed",))


def test_an_answer_to_no_question_does_not_leave() -> None:
    assert counted(asked(statistics())) == Refused(("gate.malformed",))
    unknown = dataclasses.replace(COUNTS, by=("sex",))
    strange = dataclasses.replace(asked(statistics()), question=unknown)
    assert counted(strange) == Refused(("gate.fault",))


def test_an_answer_larger_than_the_plan_grants_does_not_leave() -> None:
    ask = dataclasses.replace(asked(statistics(bits=90)), question=COUNTS)
    assert counted(ask) == Refused(("gate.malformed",))


def test_what_a_person_has_seen_of_an_answer_is_what_is_let_out() -> None:
    ask = dataclasses.replace(asked(statistics()), question=COUNTS)
    held = counted(ask, mode=Mode.REVIEW)
    assert isinstance(held, Held)
    passed = let_out(asked(statistics()), held, OPEN, bytes(32), 7)  # nobody kept the question
    assert isinstance(passed, Released)
    assert passed.parts == (REGIONS,)
    other = dataclasses.replace(held, parts=(REGIONS.replace(b"35", b"40"),))
    refused = let_out(asked(statistics()), other, OPEN, bytes(32), 7)
    assert refused == Refused(("gate.malformed",))


def test_the_world_of_these_tests_holds_every_type() -> None:
    assert set(gating.GOOD) == {"verify", "lookup", "aggregate", "model"}
