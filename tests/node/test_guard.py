"""The guard: how much of a table one buyer may ask about, and counts that name nobody."""

import asyncio
import dataclasses
import secrets
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from tests.node.conftest import RULES, Store, make_ask, make_offer, make_product, make_table

from unseen.node.catalog.catalogue import Column, Table
from unseen.node.catalog.labels import MAX_EVALUATIONS, Label
from unseen.node.contracts.compile import compile_contract
from unseen.node.errors import LabelRefusedError, SubjectsExhaustedError
from unseen.node.identity.vault import Vault
from unseen.node.kinds.verify import _subject
from unseen.node.privacy.guard import GUESSES_OF_A_DATE, guesses, most_asked, most_items
from unseen.node.privacy.subjects import Mark, commitment, count_subject, counted
from unseen.node.store.reader import Reader
from unseen.node.store.schema_subjects import asked_subjects
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn

NUMBER, BORN = SubjectColumn("number", "string"), SubjectColumn("born", "date")
VAULT = Vault(bytes(32))
PLAN = SimpleNamespace(columns_read=(), subject_columns=(NUMBER, BORN))
subjects = st.sampled_from([(NUMBER,), (BORN,), (NUMBER, BORN), (BORN, BORN, NUMBER)])


class TestTheCap:
    @given(share=st.integers(1, 1_000), rows=st.integers(0, 2**40), subject=subjects)
    def test_is_a_share_of_the_rows_and_of_the_guesses(
        self, share: int, rows: int, subject: tuple[SubjectColumn, ...]
    ) -> None:
        most = most_asked(share, rows, subject)
        assert 1 <= most <= MAX_EVALUATIONS
        assert most * share <= max(rows, share)
        if len(subject) > 1:
            assert most * share <= max(GUESSES_OF_A_DATE, share)

    @given(rows=st.integers(0, 2**40), subject=subjects)
    def test_is_that_of_one_key_where_no_label_sets_a_share(
        self, rows: int, subject: tuple[SubjectColumn, ...]
    ) -> None:
        assert most_asked(0, rows, subject) == MAX_EVALUATIONS

    def test_a_date_is_a_guess_only_beside_something_known(self) -> None:
        assert guesses((BORN,)) is None
        assert guesses((NUMBER, SubjectColumn("name", "string"))) is None
        assert guesses((NUMBER, BORN)) == GUESSES_OF_A_DATE
        written = SubjectColumn("born", "string", "date")
        assert guesses((NUMBER, written)) == GUESSES_OF_A_DATE
        assert guesses((written,)) is None

    @given(most=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 10**4), max_size=30))
    def test_sets_together_hold_no_more_items_than_the_cap(
        self, most: int, sizes: list[int]
    ) -> None:
        used = 0
        for size in sizes:
            if size <= most_items(most, used):
                used += size
        assert used <= most
        assert most_items(most, most + 1) == 0

    def test_stands_in_the_way_of_a_hidden_contract_that_could_guess_dates(self) -> None:
        table = personal(rows=10**7)
        product = make_product("lookup")
        for columns, most in (((NUMBER,), 10**6), ((NUMBER, BORN), GUESSES_OF_A_DATE // 10)):
            offer = make_offer(product, dataclasses.replace(table, subject=columns))
            for units, granted in ((most, True), (most + 1, False)):
                ask = make_ask(units=units)
                found = compile_contract(ask, offer)
                errors = getattr(found, "errors", ())
                refused = [error.clause for error in errors if error.clause == "quota.units"]
                assert bool(refused) is not granted
                assert all(isinstance(error, LabelRefusedError) for error in errors)


def personal(rows: int = 100, share_of: str = "1") -> Table:
    table = make_table(rows=rows)
    names = {*(column.name for column in table.columns), NUMBER.name, BORN.name}
    columns = tuple(Column(name, "VARCHAR", Label("personal", share_of)) for name in sorted(names))
    return dataclasses.replace(table, columns=columns, subject=(NUMBER, BORN))


@dataclasses.dataclass
class Guarded:
    """As much of a node as counts subjects."""

    store: Store
    reader: Reader
    rules: Any = RULES

    async def ask(
        self, number: str, born: str = "1990-01-31", *, buyer: str = "lender", rows: int = 30
    ) -> int:
        table = personal(rows)
        contract: Any = SimpleNamespace(buyer=buyer, plan=PLAN)
        node: Any = SimpleNamespace(
            rulebook=SimpleNamespace(rules=self.rules),
            vault=VAULT,
            reader=self.reader,
            writer=self.store.writer,
        )
        await count_subject(node, contract, table, [number, born])
        return counted(self.reader.connection, table.name, buyer)


@pytest.fixture
def guarded(store: Store) -> Iterator[Guarded]:
    reader = Reader(store.engine)
    yield Guarded(store, reader)
    reader.close()


class TestDistinctSubjects:
    async def test_are_counted_once_each_and_no_further_than_the_share(
        self, guarded: Guarded
    ) -> None:
        assert [await guarded.ask(n) for n in ("a", "b", "a", "c", "b")] == [1, 2, 2, 3, 3]
        with pytest.raises(SubjectsExhaustedError) as caught:
            await guarded.ask("d")
        assert (caught.value.clause, caught.value.reason) == (
            "guard.subjects",
            "SUBJECTS_EXHAUSTED",
        )
        assert caught.value.remedy
        assert await guarded.ask("a") == 3  # who was asked about stays askable

    async def test_a_guess_at_one_part_is_another_subject(self, guarded: Guarded) -> None:
        days = [f"1990-01-{day:02}" for day in range(1, 5)]
        assert [await guarded.ask("a", day) for day in days[:3]] == [1, 2, 3]
        with pytest.raises(SubjectsExhaustedError):
            await guarded.ask("a", days[3])

    async def test_each_buyer_has_a_count_of_its_own(self, guarded: Guarded) -> None:
        for number in "abc":
            await guarded.ask(number)
        assert await guarded.ask("d", buyer="rival") == 1

    async def test_a_larger_snapshot_lets_more_be_asked(self, guarded: Guarded) -> None:
        for number in "abc":
            await guarded.ask(number)
        assert await guarded.ask("d", rows=40) == 4

    async def test_those_who_ask_at_once_do_not_pass_the_cap_side_by_side(
        self, guarded: Guarded
    ) -> None:
        asks = (guarded.ask(str(number)) for number in range(20))
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, SubjectsExhaustedError)]
        assert len(refused) == 17
        assert await guarded.ask(str(next(n for n, o in enumerate(outcomes) if o not in refused)))

    async def test_public_labels_count_nobody(self, store: Store, guarded: Guarded) -> None:
        ruling = SimpleNamespace(share=0)
        guarded.rules = SimpleNamespace(ruling=lambda _labels: ruling)
        assert [await guarded.ask(str(number)) for number in range(5)] == [0] * 5

    async def test_the_store_names_nobody(self, store: Store, guarded: Guarded) -> None:
        who = secrets.token_hex(16)
        await guarded.ask(who)
        with store.engine.connect() as connection:
            (row,) = connection.execute(select(asked_subjects)).all()
        assert who not in "".join(map(str, row))
        assert row.commitment == commitment(VAULT, personal(), "lender", [who, "1990-01-31"])
        other = Vault(bytes([1]) * 32)
        assert row.commitment != commitment(other, personal(), "lender", [who, "1990-01-31"])

    def test_one_subject_has_one_name_for_each_buyer_and_table(self) -> None:
        table = personal()
        composed, apart = ["é", "1990-01-31"], ["e\u0301", "1990-01-31"]
        assert commitment(VAULT, table, "b", composed) == commitment(VAULT, table, "b", apart)
        elsewhere = dataclasses.replace(table, name="other")
        names = {
            commitment(VAULT, table, "b", composed),
            commitment(VAULT, table, "c", composed),
            commitment(VAULT, elsewhere, "b", composed),
            commitment(VAULT, table, "b", ["é", "1990-02-01"]),
        }
        assert len(names) == 4

    async def test_a_full_count_reads_alike_whoever_is_in_the_table(self, guarded: Guarded) -> None:
        for number in "abc":
            await guarded.ask(number)
        said = set()
        for number in ("present", "absent", "z" * 1000):
            with pytest.raises(SubjectsExhaustedError) as caught:
                await guarded.ask(number)
            said.add((str(caught.value), caught.value.clause, caught.value.remedy))
        assert len(said) == 1

    @pytest.mark.parametrize("values", [["a", "31.1.1990"], ["\ud800", "1990-01-31"]])
    def test_what_is_no_subject_has_no_name(self, values: list[str | int]) -> None:
        with pytest.raises(SubjectInvalidError):
            commitment(VAULT, personal(), "lender", values)


async def test_a_mark_that_is_made_twice_at_once_counts_once(store: Store) -> None:
    mark = Mark("people", "lender", "name", 5)
    assert set(await asyncio.gather(*(store.writer.submit(mark) for _ in range(8)))) == {1}


def test_a_subject_of_the_wrong_type_is_refused_before_it_is_counted() -> None:
    table = dataclasses.replace(personal(), subject=(SubjectColumn("number", "integer"), BORN))
    assert _subject(table.subject, b'[1,"1990-01-31"]') == [1, "1990-01-31"]
    with pytest.raises(SubjectInvalidError):
        _subject(table.subject, b'["1","1990-01-31"]')
