"""Answers from hidden tables are counted in the store: four for each element, whatever happens."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from tests.node.conftest import NOW

from unseen.node.errors import AnswersExhaustedError
from unseen.node.kinds.lookup_plan import PASSES
from unseen.node.metering.answer_counts import CountAnswers, GiveBackAnswers
from unseen.node.store.engine import open_engine
from unseen.node.store.schema import charges
from unseen.node.store.schema_release import answers_given
from unseen.node.store.writer import Transaction

FIRST = 5  # the leaf that announced the first build


class Books:
    """The state of a node, with charges put in by hand."""

    def __init__(self, empty: Path, path: Path) -> None:
        shutil.copy(empty, path)
        self._path, self.engine, self._leaf = path, open_engine(path), FIRST

    def restart(self) -> None:
        """Leave everything that lies in memory behind."""
        self.engine.dispose()
        self.engine = open_engine(self._path)

    def announce(self) -> int:
        """Return the leaf of a further build."""
        self._leaf += 1
        return self._leaf

    def charge(self, units: int, epoch: int = 1, contract: str = "c") -> None:
        self._leaf += 1
        row: dict[str, Any] = {
            "contract": contract,
            "request": f"{self._leaf:032x}",
            "statement_digest": "d",
            "epoch": epoch,
            "units": units,
            "bits": 2,
            "leaf_index": self._leaf,
            "instance": "A" * 43,
            "release_nonce": bytes(32),
        }
        with self.engine.begin() as connection:
            connection.execute(insert(charges), [row])

    def take(self, count: int, each: int = 1, **of: Any) -> bool:
        """Return whether so many more answers may be given."""
        return self._apply(CountAnswers(build(**of), count, each))

    def give_back(self, count: int, **of: Any) -> None:
        assert self._apply(GiveBackAnswers(build(**of), count))

    def _apply(self, change: CountAnswers | GiveBackAnswers) -> bool:
        with self.engine.begin() as connection:
            (found,) = type(change).apply_all(Transaction(connection, NOW, 0), [change])
        assert found is None or isinstance(found, AnswersExhaustedError)
        return found is None

    def counted(self) -> list[tuple[Any, ...]]:
        of = answers_given.c
        with self.engine.connect() as connection:
            found = connection.execute(select(of.contract, of.leaf_index, of.given))
            return [tuple(row) for row in found]


def build(leaf: int = FIRST, epoch: int = 1, contract: str = "c") -> Any:
    return cast("Any", SimpleNamespace(contract=contract, number=epoch, leaf_index=leaf))


@pytest.fixture
def books(tmp_path: Path, migrated: Path) -> Books:
    return Books(migrated, tmp_path / "state.db")


def test_four_for_each_element_are_given_over_restarts(books: Books) -> None:
    books.charge(10)
    for _ in range(PASSES):
        assert books.take(10)
        books.restart()
    assert not books.take(1)
    books.charge(1)
    books.restart()
    assert books.take(4)
    assert not books.take(1)


def test_what_is_refused_is_not_counted_and_says_what_to_do(books: Books) -> None:
    books.charge(10)
    assert not books.take(41)
    assert books.counted() == []
    assert books.take(40)
    with books.engine.begin() as connection:
        change = CountAnswers(build(), 1, 1)
        with pytest.raises(AnswersExhaustedError) as caught:
            change.apply(Transaction(connection, NOW, 0))
    assert (caught.value.clause, bool(caught.value.remedy)) == ("answers", True)


def test_what_was_not_answered_may_be_asked_again(books: Books) -> None:
    books.charge(10)
    assert books.take(40)
    books.give_back(3)
    assert books.take(3)
    assert not books.take(1)
    books.give_back(3, contract="gone")
    books.give_back(41)  # more than was counted: nothing is taken off
    assert not books.take(1)


def test_a_unit_of_two_elements_has_twice_as_many(books: Books) -> None:
    books.charge(10)
    assert books.take(80, each=2)
    assert not books.take(1, each=2)


def test_each_build_and_each_contract_has_its_own(books: Books) -> None:
    books.charge(10)
    books.charge(7, contract="other")
    assert books.take(40)
    second = books.announce()
    assert not books.take(1, leaf=second)  # what was charged before does not pay for it
    books.charge(1)
    assert books.take(4, leaf=second)
    assert not books.take(1, leaf=second)
    assert books.counted() == [("c", second, 4)]
    assert books.take(28, contract="other")
    assert not books.take(1, contract="other")
    third = books.announce()
    assert not books.take(1, leaf=third, epoch=2)
    books.charge(1, epoch=2)
    assert books.take(4, leaf=third, epoch=2)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["charge", "take", "back", "restart"]), st.integers(1, 9)),
        max_size=30,
    ),
    each=st.sampled_from([1, 2]),
)
def test_never_more_are_given_than_go_with_what_was_charged(
    tmp_path_factory: pytest.TempPathFactory,
    migrated: Path,
    steps: list[tuple[str, int]],
    each: int,
) -> None:
    books = Books(migrated, tmp_path_factory.mktemp("answered") / "state.db")
    units = given = 0
    for what, count in steps:
        match what:
            case "charge":
                books.charge(count)
                units += count
            case "take":
                may = given + count <= PASSES * each * units
                assert books.take(count, each) == may
                given += count if may else 0
            case "back":
                books.give_back(min(count, given))
                given -= min(count, given)
            case _:
                books.restart()
        assert given <= PASSES * each * units
        assert sum(row[2] for row in books.counted()) == given
    books.engine.dispose()
