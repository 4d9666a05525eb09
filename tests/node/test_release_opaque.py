"""Outputs of a buyer's code at the gate: nothing passes without a person, whatever it claims."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.test_outputs import BY_SEX, EFFECTS, OUTPUTS, RISK, VALUES
from tests.evidence.test_typed import values
from tests.node.gating import made
from tests.node.test_gate import OPEN, asked
from tests.sandbox.declaring import FILES
from tests.sandbox.declaring import OUTPUTS as DECLARED

from unseen.evidence import canonical
from unseen.evidence.contracts.outputs import TypedOutput, bits_of_outputs, joined, parted, received
from unseen.evidence.contracts.plan import ReleaseSpec
from unseen.evidence.contracts.typed import Value, decode
from unseen.evidence.errors import ReleaseInvalidError
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.release import examine as examining
from unseen.node.release import gate
from unseen.node.release.declared import declared
from unseen.node.release.examine import examine, examine_each
from unseen.node.release.facts import AggregateFacts, CellFacts, OpaqueFacts
from unseen.node.release.gate import Held, Refused, Released, Standing, let_out, release
from unseen.node.release.leaves import smallest_leaf
from unseen.node.release.register import Releases
from unseen.node.release.rules import Case, Limits, Mode, Outcome
from unseen.sandbox.formats.encoding import encoded

GOOD = VALUES | {EFFECTS: [*VALUES[EFFECTS][:-1], [1_630, 123_400]]}
GIVEN = OpaqueFacts(rows=1_629, people=1_629, smallest_leaf=40, attack=5_100)


def value(output: TypedOutput, found: Any = None) -> Value:
    found = GOOD[output] if found is None else found
    return decode(output.shape, canonical.encode(found))


def contract(*outputs: TypedOutput) -> Contract:
    """Return an active contract under which code of the buyer's writes these outputs."""
    base = made("verify")
    bits = bits_of_outputs(outputs)
    kind: Any = "model" if any(output in {RISK, OUTPUTS[3]} for output in outputs) else "aggregate"
    spec = ReleaseSpec(type=kind, bits_per_run=bits, bits_in_all=5 * bits, outputs=outputs)
    plan = dataclasses.replace(base.plan, kind="run", protocol="sandbox", release=spec)
    return dataclasses.replace(base, plan=plan)


def case(output: TypedOutput, found: Any = None, facts: Any = GIVEN, **changes: Any) -> Case:
    one = value(output, found)
    fields: dict[str, Any] = {
        "type": "model" if output in {RISK, OUTPUTS[3]} else "aggregate",
        "mode": Mode.PASS,
        "bits": one.shape.bits,
        "bits_per_run": one.shape.bits,
        "bits_in_all": one.shape.bits,
        "used": 0,
        "value": one,
        "facts": facts,
    }
    return Case(**fields | changes)


@pytest.mark.parametrize("output", [EFFECTS, RISK, OUTPUTS[3]], ids=lambda one: one.name)
def test_what_is_harmless_waits_for_a_person(output: TypedOutput) -> None:
    found = examine(case(output))
    assert found.outcome is Outcome.REVIEW
    assert "facts.stated" in found.rules
    assert set(found.rules) <= {"facts.stated", "model.person"}


@given(data=st.data())
@settings(max_examples=20)
@pytest.mark.parametrize("name", DECLARED)
def test_no_value_passes_without_a_person(name: str, data: st.DataObject) -> None:
    """Whatever the code claims about itself, and whatever the facts are."""
    output = DECLARED[name]
    one = decode(output.shape, data.draw(values(output.shape)))
    rows = data.draw(st.integers(0, 10**7))
    facts = OpaqueFacts(
        rows=rows,
        people=data.draw(st.integers(0, rows)),
        smallest_leaf=data.draw(st.none() | st.integers(0, rows)),
        attack=data.draw(st.none() | st.integers(0, 10_000)),
    )
    bits = output.shape.bits
    whole = Case(
        type="aggregate",
        mode=Mode.PASS,
        bits=bits,
        bits_per_run=bits,
        bits_in_all=bits,
        used=0,
        facts=facts,
    )
    found = examine_each(whole, [one])
    assert found.outcome is not Outcome.PASS
    assert "facts.stated" in found.rules


SEX: Any = VALUES[BY_SEX]


@pytest.mark.parametrize(
    ("output", "found", "facts", "rule"),
    [
        (BY_SEX, [["f", 5, 61_200_000]], GIVEN, "cells.group"),
        (BY_SEX, [["f", 0, 61_200_000]], GIVEN, "cells.zero"),
        (BY_SEX, [["f", 2_000, 61_200_000]], GIVEN, "opaque.claim"),
        (BY_SEX, [["f", 801, 61_200_000]], GIVEN, "cells.rounding"),
        (BY_SEX, SEX, dataclasses.replace(GIVEN, people=9), "opaque.few"),
        (EFFECTS, [[0, 0], [0, 0], [5, 0]], GIVEN, "fit.freedom"),
        (RISK, None, dataclasses.replace(GIVEN, rows=9), "model.size"),
        (RISK, None, dataclasses.replace(GIVEN, attack=6_001), "model.attack"),
        (RISK, None, dataclasses.replace(GIVEN, attack=None), "model.unmeasured"),
        (OUTPUTS[3], None, dataclasses.replace(GIVEN, smallest_leaf=9), "model.leaf"),
        (OUTPUTS[3], None, dataclasses.replace(GIVEN, smallest_leaf=None), "model.leaf"),
    ],
)
def test_what_it_says_of_itself_refuses_it(
    output: TypedOutput, found: Any, facts: OpaqueFacts, rule: str
) -> None:
    judged = examine(case(output, found, facts))
    assert judged.outcome is Outcome.REFUSE
    assert rule in judged.rules


def test_rules_at_their_edge() -> None:
    fine = [
        case(BY_SEX, [["f", 10, 61_200_000]]),
        case(BY_SEX, [["f", 1_630, 61_200_000]]),  # as 1,629 is rounded
        case(EFFECTS, [[0, 0], [0, 0], [12, 0]], limits=Limits(rounding=1)),
        case(RISK, None, OpaqueFacts(rows=10, people=10, attack=6_000)),
        case(OUTPUTS[3], None, dataclasses.replace(GIVEN, smallest_leaf=10)),
    ]
    assert {examine(each).outcome for each in fine} == {Outcome.REVIEW}
    strict = case(BY_SEX, [["f", 45, 61_200_000]], limits=Limits().with_group(50))
    assert "cells.group" in examine(strict).rules


@pytest.mark.parametrize("digits", [0, 5])
def test_a_number_is_declared_with_few_digits(digits: int) -> None:
    cell = dataclasses.replace(RISK.shape.cells_at(0)[0], digits=digits)  # type: ignore[type-var]
    shape = dataclasses.replace(RISK.shape, cell=cell)  # type: ignore[type-var]
    other = dataclasses.replace(RISK, shape=shape)
    judged = examine(dataclasses.replace(case(RISK), value=value(other, VALUES[RISK])))
    assert "opaque.digits" in judged.rules
    assert judged.outcome is Outcome.REFUSE


def test_a_claim_is_not_believed_where_the_node_counts() -> None:
    """The rules over contributors look at what the node measured, or at nobody."""
    claimed = examine(case(BY_SEX, [["f", 805, 61_200_000]]))
    assert "facts.stated" in claimed.rules
    counted = AggregateFacts(cells=(CellFacts(contributors=3),) * 2, measured=True)
    judged = examine(case(BY_SEX, [["f", 805, 61_200_000]], counted))
    assert "cells.group" in judged.rules


def test_all_outputs_of_a_run_are_one_part_and_one_verdict() -> None:
    agreed = contract(EFFECTS, RISK)
    part = joined([value(EFFECTS), value(RISK)])
    held = release(asked(agreed), [part], OPEN, GIVEN)
    assert isinstance(held, Held)
    assert held.parts == (part,)
    assert held.bits == EFFECTS.shape.bits + RISK.shape.bits == declared(agreed.plan, 1).bits
    assert set(held.rules) == {"facts.stated", "model.person"}
    out = let_out(asked(agreed), held, OPEN, bytes(32), 7)
    assert isinstance(out, Released)
    assert parted((EFFECTS, RISK), out.parts[0]) == (value(EFFECTS), value(RISK))


def test_one_output_refuses_all() -> None:
    part = joined([value(EFFECTS, [[0, 0], [0, 0], [5, 0]]), value(RISK)])
    found = release(asked(contract(EFFECTS, RISK)), [part], OPEN, GIVEN)
    assert isinstance(found, Refused)
    assert {"fit.freedom", "model.person", "cells.group"} <= set(found.rules)


@pytest.mark.parametrize("spoil", [b"", b"\0", b"secret"])
def test_bytes_beside_the_values_are_refused(spoil: bytes) -> None:
    agreed, part = contract(EFFECTS, RISK), joined([value(EFFECTS), value(RISK)])
    wrong: list[tuple[bytes, ...]] = [(), (part, part), (part[:-1],), (b"\xff" * len(part),)]
    wrong += [(part + spoil,)] if spoil else []
    for parts in wrong:
        assert release(asked(agreed), parts, OPEN, GIVEN) == Refused(("gate.malformed",))
    with pytest.raises(ReleaseInvalidError):
        parted((EFFECTS,), part)


def test_without_facts_nothing_leaves() -> None:
    found = release(asked(contract(EFFECTS)), [joined([value(EFFECTS)])], OPEN, None)
    assert isinstance(found, Refused)
    assert "facts.missing" in found.rules


def test_bits_are_counted_against_run_and_contract() -> None:
    agreed, part = contract(EFFECTS), joined([value(EFFECTS)])
    used = Standing(Mode.PASS, 5 * EFFECTS.shape.bits)
    found = release(asked(agreed), [part], used, GIVEN)
    assert isinstance(found, Refused)
    assert "bits.contract" in found.rules


def test_a_type_that_is_off_takes_a_mixed_release_with_it() -> None:
    register = Releases.__new__(Releases)
    mixed, plain = contract(EFFECTS, RISK), contract(EFFECTS)
    for off, other, modes in (
        ("aggregate", "model", (Mode.OFF, Mode.OFF)),
        ("model", "aggregate", (Mode.OFF, Mode.PASS)),
    ):
        register.modes = {off: Mode.OFF, other: Mode.PASS}
        found = register.standing(mixed).mode, register.standing(plain).mode
        assert found == modes


def test_whatever_raises_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed, part = contract(EFFECTS), joined([value(EFFECTS)])

    def fails(*_: object) -> Any:
        raise RuntimeError("secret")

    for owner, name in ((gate, "examine_each"), (gate, "commit"), (gate, "declared")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fails)
            assert release(asked(agreed), [part], OPEN, GIVEN) == Refused(("gate.fault",))
    assert examining.examine_each(case(EFFECTS), []).outcome is Outcome.REFUSE


def forest(rows: Any) -> Value:
    one = DECLARED["forest"]
    return received(one, encoded(one, json.dumps(rows).encode()))


def test_rows_of_each_leaf_are_counted() -> None:
    draw = np.random.default_rng(5)
    rows = draw.uniform(-1, 3, (500, 2))
    rows[:5, 1] = np.nan  # goes to the right
    low = rows[:, 1] <= 1.5
    counts = [
        int(low.sum()),
        int((~low & (rows[:, 0] <= 0.5)).sum()),
        int((~low & ~(rows[:, 0] <= 0.5)).sum()),
    ]
    assert smallest_leaf(forest(FILES["forest"]), rows) == min(counts)
    assert smallest_leaf(forest({"base": [0], "trees": []}), rows) == 500
    few = rows[rows[:, 1] > 1.5]
    assert smallest_leaf(forest(FILES["forest"]), few) == 0


def test_leaves_are_counted_of_trees_alone() -> None:
    with pytest.raises(InternalError):
        smallest_leaf(value(RISK), np.zeros((3, 1)))
    with pytest.raises(InternalError):
        smallest_leaf(forest(FILES["forest"]), np.zeros((3, 1)))
