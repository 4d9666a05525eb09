"""The ledger within the charge: no table and no contract is ever overspent, whoever asks."""

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.node.conftest import Store
from tests.node.spending import DELTA, MENU, RHO_OF_ONE, Desk, asking

from unseen.evidence.contracts.privacy import limit_of, units_of
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.log import decode_leaf
from unseen.node.contracts.register import Contract
from unseen.node.errors import FieldInvalidError, InternalError, TableNotFoundError
from unseen.node.privacy.spend import Pin, Spend, answer_key
from unseen.protocols.errors import InputInvalidError

Maker = Callable[..., Contract]
TABLE_SPENT = "PRIVACY_BUDGET_SPENT table.budget"
CONTRACT_SPENT = "PRIVACY_BUDGET_SPENT budget"


@pytest.fixture
def desk(store: Store, contract_in: Maker) -> Desk:
    return Desk(store, contract_in)


def privacy_of(desk: Desk) -> list[str]:
    found = (decode_leaf(body) for body in desk.bodies)
    return [str(leaf["privacy"]) for leaf in found if leaf["type"] == "release"]


class TestCharge:
    def test_what_is_charged_is_what_the_leaf_says(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract = desk.contract()
        charge = asking(contract, 0, 1_000)
        fine = dataclasses.replace(charge, privacy=Spend(rho=Fraction(1, 10**11)))
        (charged,) = desk.charge([fine])
        assert charged.total == 1
        assert privacy_of(desk) == ["0.000000001"]
        assert desk.books() == ({"people": 1_000}, {contract.id: 1_000})

    def test_the_last_of_a_budget_is_given_and_no_more(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract = desk.contract(budget="10")
        found = desk.charge([asking(contract, 0, RHO_OF_ONE), asking(contract, 1, 1_000)])
        assert found[0].total == 1
        assert found[1] == TABLE_SPENT
        assert desk.charge([asking(contract, 2, 1_000)]) == [TABLE_SPENT]
        assert desk.books()[0] == {"people": RHO_OF_ONE}

    def test_a_refusal_takes_no_unit_and_writes_no_leaf(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        before = desk.bodies
        assert desk.charge([asking(desk.contract(), 0, RHO_OF_ONE + 1_000)]) == [TABLE_SPENT]
        assert desk.bodies == before
        assert desk.books() == ({"people": 0}, {})

    def test_a_table_is_one_ledger_for_all_contracts(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        one, other = desk.contract(), desk.contract()
        half = RHO_OF_ONE // 2
        found = desk.charge([asking(one, 0, half), asking(other, 1, half), asking(one, 2, 2_000)])
        assert found[2] == TABLE_SPENT
        assert desk.books()[1] == {one.id: half, other.id: half}

    def test_a_contract_has_its_own_share(self, desk: Desk) -> None:
        desk.table(epsilon="10")
        contract = desk.contract(budget="1")
        found = desk.charge([asking(contract, 0, RHO_OF_ONE), asking(contract, 1, 1_000)])
        assert found[1] == CONTRACT_SPENT
        assert desk.charge([asking(contract, 2, 1_000)]) == [CONTRACT_SPENT]

    @pytest.mark.parametrize(
        ("epsilon", "budget", "clause"), [("", "1", "table.budget"), ("1", "", "budget")]
    )
    def test_without_a_budget_nothing_with_noise_leaves(
        self, desk: Desk, epsilon: str, budget: str, clause: str
    ) -> None:
        desk.table(epsilon=epsilon)
        contract = desk.contract(budget=budget)
        found = desk.charge([asking(contract, 0, 1_000), asking(contract, 1, 0)])
        assert found[0] == f"PRIVACY_BUDGET_MISSING {clause}"
        assert found[1].total == 1  # what is exact costs nothing

    def test_joined_tables_are_charged_as_well(self, desk: Desk) -> None:
        desk.table(epsilon="2")
        desk.table("wages", epsilon="1")
        contract = desk.contract(budget="10", menu={**MENU, "joined": ["wages", "people"]})
        found = desk.charge([asking(contract, 0, RHO_OF_ONE), asking(contract, 1, 1_000)])
        assert found[1] == TABLE_SPENT
        assert desk.books()[0] == {"people": RHO_OF_ONE, "wages": RHO_OF_ONE}
        assert desk.books()[1] == {contract.id: RHO_OF_ONE}

    @pytest.mark.parametrize("joined", ["wages", [1], ["a b"], [["wages"]]])
    def test_terms_that_name_no_tables_are_refused(self, desk: Desk, joined: Any) -> None:
        desk.table(epsilon="1")
        contract = desk.contract(menu={**MENU, "joined": joined})
        (found,) = desk.charge([asking(contract, 0, 1_000)])
        assert found == "CONTRACT_INVALID parameters.joined"

    @pytest.mark.parametrize("delta", ["1", "0.1", "x", 1])
    def test_a_delta_that_says_nothing_is_refused(self, desk: Desk, delta: Any) -> None:
        desk.table(epsilon="1")
        (found,) = desk.charge([asking(desk.contract(menu={"delta": delta}), 0, 1_000)])
        assert found.startswith("CONTRACT_INVALID ")

    def test_under_a_menu_every_release_says_what_it_costs(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        charge = asking(desk.contract(), 0, 0)
        assert desk.charge([dataclasses.replace(charge, privacy=None)]) == ["INTERNAL "]

    def test_a_cost_beyond_all_numbers_is_refused_in_words(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        assert desk.charge([asking(desk.contract(), 0, 10**40)]) == [TABLE_SPENT]

    def test_a_retry_is_charged_once_however_often_it_comes(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract = desk.contract()
        other = asking(contract, 1, 2_000)
        first, again = desk.charge([asking(contract, 0, 1_000), asking(contract, 0, 1_000)])
        later, new = desk.charge([asking(contract, 0, 1_000), other])
        assert first.leaf_index == again.leaf_index == later.leaf_index
        assert new.total == 2
        assert privacy_of(desk) == ["0.000000001", "0.000000002"]
        assert desk.books() == ({"people": 3_000}, {contract.id: 3_000})

    def test_a_retry_is_answered_when_the_budget_is_spent(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract = desk.contract()
        (first,) = desk.charge([asking(contract, 0, RHO_OF_ONE)])
        (again,) = desk.charge([asking(contract, 0, RHO_OF_ONE)])
        assert again.leaf_index == first.leaf_index
        assert desk.books()[0] == {"people": RHO_OF_ONE}


class TestAnswers:
    def test_a_race_of_two_alike_is_charged_once_and_answered_alike(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        one, other = desk.contract(), desk.contract()
        key = bytes([7]) * 32
        first, second = desk.charge(
            [
                asking(one, 0, 5_000, key=key, reply=b"first"),
                asking(other, 1, 5_000, key=key, reply=b"second"),
            ]
        )
        assert (first.reply, second.reply) == ((b"first",), (b"first",))
        (later,) = desk.charge([asking(other, 2, 5_000, key=key, reply=b"third")])
        assert later.reply == (b"first",)
        assert later.total == 2  # a unit each
        assert privacy_of(desk) == ["0.000000005", "0", "0"]
        assert desk.books() == ({"people": 5_000}, {one.id: 5_000})

    def test_another_question_is_charged_anew(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract = desk.contract()
        keys = [bytes([number]) * 32 for number in (1, 2)]
        desk.charge([asking(contract, number, 5_000, key=key) for number, key in enumerate(keys)])
        assert desk.books()[0] == {"people": 10_000}

    def test_an_answer_is_given_again_when_the_budget_is_spent(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract, key = desk.contract(), bytes([7]) * 32
        desk.charge([asking(contract, 0, RHO_OF_ONE, key=key, reply=b"first")])
        (again,) = desk.charge([asking(contract, 1, RHO_OF_ONE, key=key)])
        assert again.reply == (b"first",)

    def test_a_contract_gets_no_more_of_others_answers_than_was_granted_to_it(
        self, desk: Desk
    ) -> None:
        desk.table(epsilon="1")
        rich, poor = desk.contract("1"), desk.contract("0.1")
        most = limit_of("0.1", DELTA) // 1_000 * 1_000
        keys = [bytes([number]) * 32 for number in range(4)]
        costs = [most + 1_000, most - 2_000, 2_000, 1_000]

        def asked(contract: Contract, number: int, at: int, *, known: bool = False) -> Any:
            return asking(contract, number, costs[at], key=keys[at], known=known)

        paid = desk.charge([asked(rich, at, at) for at in range(4)])
        before = desk.books()
        assert desk.charge([asked(poor, 9, 0)]) == [CONTRACT_SPENT]
        assert desk.charge([asked(poor, 9, 0, known=True)]) == [CONTRACT_SPENT]
        given = desk.charge([asked(poor, 1, 1), asked(poor, 2, 2, known=True), asked(poor, 3, 3)])
        assert [each.total for each in given[:2]] == [1, 2]
        assert given[2] == CONTRACT_SPENT
        (again,) = desk.charge([asked(poor, 4, 1)])  # had already: nothing new
        assert again.total == 3
        assert desk.charge([asking(poor, 5, 1_000)]) == [CONTRACT_SPENT]
        assert desk.books() == before
        assert privacy_of(desk)[len(paid) :] == ["0", "0", "0"]

    def test_answers_of_others_take_no_budget_that_one_has_paid_with(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        one, other, key = desk.contract("0.1"), desk.contract(), bytes([7]) * 32
        desk.charge([asking(one, 0, limit_of("0.1", DELTA) // 1_000 * 1_000, key=key)])
        (known,) = desk.charge([asking(one, 1, 10**9, key=key)])
        assert known.total == 2
        (given,) = desk.charge([asking(other, 0, 10**9, key=key)])
        assert given.total == 1

    def test_what_is_called_known_has_to_be_stored(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract, key = desk.contract(), bytes([7]) * 32
        assert desk.charge([asking(contract, 0, 1_000, key=key, known=True)]) == ["INTERNAL "]
        desk.charge([asking(contract, 1, 1_000, key=key)])
        (known,) = desk.charge([asking(contract, 2, 1_000, key=key, known=True, reply=b"r")])
        assert known.total == 2
        assert desk.books()[0] == {"people": 1_000}

    def test_what_a_person_let_out_is_charged_and_not_replaced(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract, key = desk.contract(), bytes([7]) * 32
        desk.charge([asking(contract, 0, 1_000, key=key, reply=b"first")])
        let_out = dataclasses.replace(asking(contract, 1, 1_000, key=key, reply=b"x"), again=None)
        (charged,) = desk.charge([let_out])
        assert charged.reply == (b"x",)
        assert desk.books()[0] == {"people": 2_000}

    def test_names_tell_questions_rows_and_menus_apart(self, desk: Desk) -> None:
        one = desk.contract()
        other = desk.contract(menu={**MENU, "rows_per_person": 2})
        names = {
            answer_key(one, b"q", b"rows"),
            answer_key(one, b"q", b"other rows"),
            answer_key(one, b"q", b"rows", b""),
            answer_key(one, b"p", b"rows"),
            answer_key(other, b"q", b"rows"),
        }
        assert len(names) == 5
        assert answer_key(one, b"q", b"rows") == answer_key(desk.contract(), b"q", b"rows")


class TestPartitions:
    def test_a_table_is_shown_exactly_in_one_way(self, desk: Desk) -> None:
        desk.table()
        one, other = desk.contract(), desk.contract()
        pin = Pin(table="people", partition=bytes(32), version=1)
        cut = dataclasses.replace(pin, partition=bytes([1]) * 32)
        later = dataclasses.replace(pin, version=2)
        found = desk.charge(
            [
                asking(one, 0, 0, pins=(pin,)),
                asking(one, 1, 0, pins=(cut,)),
                asking(other, 2, 0, pins=(pin,)),
                asking(other, 3, 0, pins=(later,)),
            ]
        )
        pinned = "PARTITION_PINNED parameters.menu.partition"
        assert [found[1], found[3]] == [pinned, pinned]
        assert [found[0].total, found[2].total] == [1, 1]
        assert desk.charge([asking(other, 4, 0, pins=(cut,))]) == [pinned]
        assert desk.charge([asking(other, 5, 0, pins=(pin,))])[0].total == 2

    def test_a_partition_of_another_table_is_a_fault(self, desk: Desk) -> None:
        desk.table()
        pin = Pin(table="wages", partition=bytes(32), version=1)
        assert desk.charge([asking(desk.contract(), 0, 0, pins=(pin,))]) == ["INTERNAL "]


class TestSpend:
    @pytest.mark.parametrize("rho", [0.5, float("nan"), "0.5", None, True, -1, Fraction(-1, 9)])
    def test_only_exact_costs_of_zero_or_more(self, rho: Any) -> None:
        with pytest.raises(InputInvalidError):
            Spend(rho=rho)

    def test_names_have_32_bytes(self) -> None:
        for build in (
            lambda: Spend(rho=0, answer=b"short"),
            lambda: Spend(rho=0, known=True),
            lambda: Pin(table="people", partition=b"", version=1),
        ):
            with pytest.raises(InternalError):
                build()

    @given(
        rho=st.fractions(0, 10**6),
        answer=st.sampled_from([b"", bytes(range(32))]),
        known=st.booleans(),
        pinned=st.booleans(),
    )
    def test_it_comes_back_from_its_text(
        self, rho: Fraction, answer: bytes, known: bool, pinned: bool
    ) -> None:
        pins = (Pin(table="people", partition=bytes(32), version=3),) if pinned else ()
        spend = Spend(rho=rho, answer=answer, pins=pins, known=known and bool(answer))
        again = Spend.from_text(spend.to_text())
        assert again.units == spend.units
        assert dataclasses.replace(again, rho=rho) == spend


class TestBudget:
    def test_it_is_set_once_and_said_in_the_log(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        (leaf,) = map(decode_leaf, desk.bodies)
        assert leaf["type"] == "privacy.budget"
        assert leaf["limit"] == limit_of("1", DELTA)
        desk.budget("1")
        assert len(desk.bodies) == 1  # the same again says nothing new

    def test_more_has_to_be_asked_for_by_name(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        with pytest.raises(FieldInvalidError) as caught:
            desk.budget("2")
        assert caught.value.clause == "budget.raise"
        desk.budget("2", raised=True)
        assert [decode_leaf(body)["type"] for body in desk.bodies] == [
            "privacy.budget",
            "privacy.raised",
        ]
        contract = desk.contract(budget="10")
        assert desk.charge([asking(contract, 0, RHO_OF_ONE + 1_000)])[0].total == 1

    def test_raising_keeps_what_was_spent(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        contract = desk.contract(budget="10")
        desk.charge([asking(contract, 0, RHO_OF_ONE)])
        desk.budget("2", raised=True)
        assert desk.books()[0] == {"people": RHO_OF_ONE}
        rest = limit_of("2", DELTA) - RHO_OF_ONE
        assert desk.charge([asking(contract, 1, rest + 1_000)]) == [TABLE_SPENT]

    def test_less_is_allowed_down_to_what_is_spent(self, desk: Desk) -> None:
        desk.table(epsilon="2")
        desk.charge([asking(desk.contract(budget="10"), 0, RHO_OF_ONE)])
        with pytest.raises(FieldInvalidError) as caught:
            desk.budget("0.9", raised=True)
        assert caught.value.clause == "budget.epsilon"
        desk.budget("1")
        assert decode_leaf(desk.bodies[-1])["type"] == "privacy.budget"

    def test_delta_stays(self, desk: Desk) -> None:
        desk.table(epsilon="1")
        for epsilon in ("0.5", "1", "2"):
            with pytest.raises(FieldInvalidError) as caught:
                desk.budget(epsilon, delta="0.0001", raised=True)
            assert caught.value.clause == "budget.delta"

    @pytest.mark.parametrize(
        ("epsilon", "delta"),
        [("0", DELTA), ("101", DELTA), ("1.0", DELTA), ("-1", DELTA), ("1e1", DELTA), ("", DELTA)]
        + [("1", delta) for delta in ("0", "0.0011", "1", "", ".1", "nan")],
    )
    def test_what_is_no_budget_is_refused(self, desk: Desk, epsilon: str, delta: str) -> None:
        desk.table()
        with pytest.raises(ContractInvalidError):
            desk.budget(epsilon, delta=delta)

    def test_a_table_has_to_be_there(self, desk: Desk) -> None:
        with pytest.raises(TableNotFoundError):
            desk.budget("1")


asked = st.tuples(
    st.integers(0, 2),  # contract
    st.integers(0, 9),  # request
    st.integers(0, 7),  # units of a fourth of the least budget, odd in the last place
    st.sampled_from([b"", b"\x01" * 32, b"\x02" * 32]),  # question
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(st.lists(asked, min_size=1, max_size=6), min_size=1, max_size=4))
def test_no_interleaving_overspends(
    store: Store, contract_in: Maker, groups: list[list[tuple[int, int, int, bytes]]]
) -> None:
    """Whatever is asked in whatever groups, limits hold, and the log says what the ledger does."""
    desk = Desk(store, contract_in)
    name = f"table-{store.log.size}"
    desk.table(name, epsilon="1")
    contracts = [desk.contract(budget, table=name) for budget in ("0.5", "1", "2")]
    start = len(desk.bodies)
    for group in groups:
        made = [
            asking(contracts[which], number, part * (RHO_OF_ONE // 4000 + 1) * 1000, key=key)
            for which, number, part, key in group
        ]
        desk.charge(made)
    tables, spent = desk.books()
    said: dict[str, int] = {}
    for leaf in map(decode_leaf, desk.bodies[start:]):
        if leaf["type"] == "release":
            of: Any = leaf["request"]
            said[of["contract"]] = said.get(of["contract"], 0) + units_of(str(leaf["privacy"]))
    assert {key: units for key, units in said.items() if units} == {
        contract.id: spent[contract.id] for contract in contracts if contract.id in spent
    }
    assert tables[name] == sum(said.values()) <= limit_of("1", DELTA)
    for contract in contracts:
        assert spent.get(contract.id, 0) <= limit_of(contract.terms.budget, DELTA)
