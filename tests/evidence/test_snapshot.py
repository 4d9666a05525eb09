"""Rows under a commitment: drawn by a seed, opened one by one, refused when they are others."""

import dataclasses
import hashlib
import hmac
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import World
from tests.evidence.registry import SALT, VALUES, Registry

from unseen.evidence import canonical
from unseen.evidence.errors import SnapshotMismatchError
from unseen.evidence.registry.snapshot import (
    OpenedRow,
    RowProof,
    RowsOpening,
    draw,
    row_leaf,
    row_salt,
    verify_rows,
)
from unseen.evidence.suite import INTL
from unseen.protocols.errors import InputInvalidError

ROOT = bytes(range(32))


@pytest.fixture
def registry(intl: World) -> Registry:
    return Registry(intl)


def test_a_leaf_is_what_the_scheme_says() -> None:
    salt = hmac.new(SALT, (7).to_bytes(8, "big"), hashlib.sha256).digest()
    assert row_salt(SALT, 7) == salt
    body = '["a\\"b",null,"号"]'.encode()
    assert row_leaf(salt, ('a"b', None, "号")) == hashlib.sha256(b"\0" + salt + body).digest()


class TestDraw:
    @given(rows=st.integers(1, 3000), seed=st.text(min_size=1, max_size=16), data=st.data())
    def test_takes_that_many_different_rows(
        self, rows: int, seed: str, data: st.DataObject
    ) -> None:
        count = data.draw(st.integers(1, min(rows, 1000)))
        found = draw(ROOT, seed, rows, count)
        assert len(found) == len(set(found)) == count
        assert list(found) == sorted(found)
        assert 0 <= found[0] <= found[-1] < rows
        assert draw(ROOT, seed, rows, count) == found

    def test_depends_on_seed_and_snapshot(self) -> None:
        found = draw(ROOT, "one", 10**9, 5)
        assert found == (114893309, 215577148, 350974618, 368984283, 960118105)
        assert draw(ROOT, "two", 10**9, 5) != found
        assert draw(bytes(32), "one", 10**9, 5) != found

    def test_favours_no_row(self) -> None:
        seen = Counter(draw(ROOT, str(number), 3, 1)[0] for number in range(3000))
        assert all(900 < seen[row] < 1100 for row in range(3))
        assert len(draw(ROOT, "x", 2**63 + 1, 100)) == 100  # half of the words are passed over

    @pytest.mark.parametrize(
        ("seed", "rows", "count"),
        [
            ("", 9, 1),
            ("x" * 65, 9, 1),
            ("x", 9, 0),
            ("x", 9, 10),
            ("x", 0, 1),
            ("x", 5000, 1001),
            ("x", 2**64, 1),
        ],
    )
    def test_refuses_what_cannot_be_drawn(self, seed: str, rows: int, count: int) -> None:
        with pytest.raises(InputInvalidError):
            draw(ROOT, seed, rows, count)


class TestRows:
    def test_opened_rows_are_the_registered_ones(self, registry: Registry) -> None:
        opening = registry.rows_opening()
        opening.verify()
        again = RowsOpening.from_json(canonical.decode(canonical.encode(opening.to_json())))
        assert again == opening
        assert {row.index: row.values for row in opening.opened}.items() <= set(enumerate(VALUES))
        for row in opening.opened:
            assert str(row.values[1]) not in repr(opening)

    @pytest.mark.parametrize("what", ["values", "salt", "path", "index"])
    def test_another_row_is_noticed(self, registry: Registry, what: str) -> None:
        opening = registry.rows_opening()
        first = opening.opened[0]
        changed: dict[str, Any] = {
            "values": ("0", "edited"),
            "salt": bytes(32),
            "path": first.path[1:],
            "index": first.index + 1,
        }
        edited = dataclasses.replace(first, **{what: changed[what]})
        with pytest.raises(SnapshotMismatchError):
            registry.rows_opening(opened=(edited, *opening.opened[1:])).verify()

    def test_rows_of_ones_own_choice_are_refused(self, registry: Registry) -> None:
        tree = registry.tree()
        drawn = draw(tree.root(), "seed", len(VALUES), 2)
        chosen = [index for index in range(len(VALUES)) if index not in drawn][:2]
        proofs = [
            RowProof(index, tree.leaf(index), tuple(tree.inclusion_proof(index)))
            for index in chosen
        ]
        with pytest.raises(SnapshotMismatchError, match="seed draws"):
            verify_rows(tree.root(), "seed", len(VALUES), proofs)

    @pytest.mark.parametrize(
        "changes",
        [
            {"table": "a b"},
            {"version": 0},
            {"snapshot": b""},
            {"rows": 0},
            {"columns": ("only",)},
            {"seed": ""},
            {"opened": ()},
        ],
        ids=str,
    )
    def test_a_field_out_of_range_is_named(
        self, registry: Registry, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(SnapshotMismatchError):
            registry.rows_opening(**changes)

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("salt", "AA"),
            ("salt", 1),
            ("values", [1, "x"]),
            ("values", "x"),
            ("path", "AA"),
            ("index", -1),
            ("index", True),
        ],
    )
    def test_a_malformed_row_is_refused(self, field: str, wrong: Any) -> None:
        body = Registry(World(INTL)).rows_opening().to_json()
        rows: Any = body["opened"]
        rows[0][field] = wrong
        with pytest.raises(SnapshotMismatchError):
            RowsOpening.from_json(body)

    def test_an_opened_row_does_not_show_itself(self) -> None:
        assert "secret" not in repr(OpenedRow(1, bytes(32), ("secret",), ()))
