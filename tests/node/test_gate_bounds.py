"""What the gate reads, at the edges of its encodings and of its thresholds."""

import asyncio
import dataclasses
from typing import Any

import pytest
from tests.evidence.conftest import World
from tests.node.conftest import Store
from tests.node.gating import ELEMENT, OPERATOR, PROOF, SCALAR, Gatehouse, made
from tests.node.holding import held, log_of, signed
from tests.node.test_consent_register import A, Register, entry, register
from tests.node.test_release_rules import CELL, aggregate, case, fired, model, value

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.cells import Number
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.contracts.plan import ReleaseSpec
from unseen.evidence.contracts.typed import Histogram, Scalar, Table, Verdicts
from unseen.evidence.errors import ReleaseInvalidError
from unseen.evidence.suite import INTL
from unseen.node.release import holding, reviewing
from unseen.node.release.declared import Elements, Typed, declared
from unseen.node.release.examine import examine
from unseen.node.release.register import State
from unseen.node.release.rules import Limits, Mode, Outcome

__all__ = ["register"]

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
COUNT = Number(use="count", low=0, high=10**6, optional=True)


def little(number: int, size: int = 32) -> bytes:
    return number.to_bytes(size, "little")


def refusal(form: Any, *parts: bytes) -> str:
    """Return the clause that refuses a reply, or nothing."""
    try:
        read = form.read(parts)
    except ReleaseInvalidError as error:
        return error.clause
    assert read.parts == parts
    return ""


class TestElements:
    @pytest.mark.parametrize(
        ("element", "clause"),
        [
            (ELEMENT, ""),
            (little(0), "element"),
            (little(1), "element"),  # a negative square root: odd
            (little(2), ""),
            (little(3), "element"),
            (little(FIELD - 1), ""),
            (little(FIELD + 1), "element"),
            (little(2**256 - 2), "element"),
            (little(2, 31), "element"),
            (little(2, 33), "element"),
            (b"", "element"),
        ],
    )
    def test_are_written_in_one_way(self, element: bytes, clause: str) -> None:
        assert refusal(Elements(1), element, PROOF) == clause
        assert refusal(Elements(2), ELEMENT, element, PROOF) == clause
        assert refusal(Elements(2), element, ELEMENT, PROOF) == clause

    @pytest.mark.parametrize(
        ("proof", "clause"),
        [
            (PROOF, ""),
            (little(ORDER - 1) + SCALAR, ""),
            (SCALAR + little(ORDER - 1), ""),
            (little(ORDER) + SCALAR, "proof"),
            (SCALAR + little(ORDER), "proof"),
            (SCALAR, "proof"),
            (PROOF[:-1], "proof"),
            (PROOF + b"\0", "proof"),
            (b"", "proof"),
        ],
    )
    def test_come_with_a_proof_of_two_scalars(self, proof: bytes, clause: str) -> None:
        assert refusal(Elements(1), ELEMENT, proof) == clause

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_are_as_many_as_units(self, count: int) -> None:
        parts = (*[ELEMENT] * count, PROOF)
        for expected in range(5):
            clause = "" if expected == count else "parts"
            assert refusal(Elements(expected), *parts) == clause


class TestTyped:
    def test_is_one_part(self) -> None:
        form, part = Typed(Verdicts(count=1)), canonical.encode(["yes"])
        assert refusal(form, part) == ""
        for parts in ((), (part, part)):
            assert refusal(form, *parts) == "parts"

    def test_comes_back_from_its_bits(self) -> None:
        table = Table(columns=(("firms", COUNT),), max_rows=2)
        for rows in ([], [[5]], [[None], [10]]):
            assert refusal(Typed(table), canonical.encode(rows)) == ""  # type: ignore[arg-type]
        with pytest.raises(ReleaseInvalidError):
            Typed(table).read((b"[[5] ]",))


class TestDeclared:
    @pytest.mark.parametrize("units", [1, 3])
    def test_is_a_verdict_for_each_output_of_each_unit(self, units: int) -> None:
        plan = World(INTL).plan(protocol="clear")
        found = declared(plan, units)
        assert found.form == Typed(Verdicts(count=2 * units))
        assert found.bits == plan.bits_per_unit * units

    def test_is_an_element_for_each_unit(self) -> None:
        assert declared(World(INTL).plan(), 3).form == Elements(3)

    def test_is_the_shape_that_the_plan_says(self) -> None:
        shape = Scalar(cell=Number(use="count", low=0, high=1000))
        spec = ReleaseSpec(type="aggregate", bits_per_run=10, bits_in_all=10, shape=shape)
        assert declared(World(INTL).plan(release=spec), 1).form == Typed(shape)

    def test_is_nothing_of_a_protocol_that_nobody_knows(self) -> None:
        with pytest.raises(ReleaseInvalidError) as caught:
            declared(World(INTL).plan(protocol="other"), 1)
        assert caught.value.clause == "protocol"


def counts(number: int) -> Any:
    bins = Histogram(cell=COUNT, bins=tuple(f"b{at}" for at in range(number)))
    return aggregate([20] * number, shape=bins)


class TestLimits:
    def test_are_those_of_the_handbook(self) -> None:
        assert Limits() == Limits(
            group=10,
            freedom=10,
            dominance=9_000,
            p_ratio=1_000,
            rounding=5,
            digits=4,
            rows=1_000,
            cells=10_000,
            parameters=2_000,
            attack=6_000,
        )

    @pytest.mark.parametrize(("group", "least"), [(9, 10), (10, 10), (11, 11)])
    def test_are_raised_alone(self, group: int, least: int) -> None:
        assert Limits().with_group(group).group == least

    def test_hold_to_their_last_row_and_cell(self) -> None:
        assert fired(examine(counts(1_000))) == set()
        assert fired(examine(counts(1_001))) == {"table.rows"}
        wide = dataclasses.replace(aggregate(), limits=Limits(cells=6))
        assert fired(examine(wide)) == set()  # two rows of three cells, a key among them
        wide = dataclasses.replace(aggregate(), limits=Limits(cells=5))
        assert fired(examine(wide)) == {"table.cells"}

    @pytest.mark.parametrize(
        ("shown", "rules"),
        [
            (5, set()),
            (6, {"cells.rounding"}),
            (99_990, set()),
            (99_995, {"cells.digits"}),
            (100_000, set()),
        ],
    )
    def test_hold_counts_to_their_rounding_and_digits(self, shown: int, rules: set[str]) -> None:
        found = aggregate([shown, 20], shape=Histogram(cell=COUNT, bins=("a", "b")))
        assert fired(examine(found)) == rules

    def test_hold_a_model_to_its_rows(self) -> None:
        assert "model.size" not in fired(examine(model(parameters=20, rows=100)))
        assert "model.size" in fired(examine(model(parameters=20, rows=99)))


@pytest.mark.parametrize(("hidden", "alone"), [(0, False), (1, True), (2, False), (3, False)])
def test_a_cell_is_alone_if_no_other_of_its_column_is_hidden(hidden: int, alone: bool) -> None:
    found = aggregate([None] * hidden + [20] * (3 - hidden), shape=counts(3).value.shape)
    assert ("cells.alone" in fired(examine(found))) == alone


def test_a_cell_of_nobody_or_of_less_is_refused() -> None:
    for contributors in (0, -1):
        cells = [dataclasses.replace(CELL, contributors=contributors), *[CELL] * 3]
        assert fired(examine(aggregate(cells=cells))) == {"cells.zero"}
    one = [dataclasses.replace(CELL, contributors=1), *[CELL] * 3]
    assert fired(examine(aggregate(cells=one))) == {"cells.group"}


@pytest.mark.parametrize(("mode", "outcome"), [(Mode.PASS, 0), (Mode.REVIEW, 1), (Mode.OFF, 2)])
def test_a_mode_decides_of_what_no_rule_objects_to(mode: Mode, outcome: int) -> None:
    assert examine(case(mode=mode)).outcome == Outcome(outcome)
    hidden = examine(case(mode=mode, value=None))
    assert hidden.outcome is (Outcome.PASS if mode is Mode.PASS else Outcome.REFUSE)
    assert value(Verdicts(count=1), ["no"]).encode() == b'["no"]'


def test_so_many_wait_for_a_person_and_so_many_of_one_buyer() -> None:
    assert (holding._MAX_WAITING, holding._MAX_OF_BUYER) == (1_000, 250)


@pytest.mark.parametrize("asked", [True, False])
def test_a_held_reply_names_a_root_where_its_contract_asks_for_consent(
    store: Store, register: Register, asked: bool
) -> None:
    root, contract = register.put(entry(A)), made("verify")
    if asked:
        rule = ConsentRule(scenario="tests", latency_seconds=3600, once=True)
        terms = dataclasses.replace(contract.terms, consent=rule)
        contract = dataclasses.replace(contract, id=b64encode(terms.id()), terms=terms)
    gate = Gatehouse(store, contract)
    gate.node.consents.tree = register.tree
    gate.node.releases.modes["verdicts"] = Mode.REVIEW

    async def let_out() -> Any:
        review = await held(gate)
        return await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))

    assert asyncio.run(let_out()).state is State.PASSED
    leaf = log_of(store)[-1]
    assert leaf["type"] == "release"
    assert leaf.get("consent_root") == (b64encode(root.root) if asked else None)
