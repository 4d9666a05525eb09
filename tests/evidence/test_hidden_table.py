"""Openings of what a table answered that stays with its owner: what they prove and refuse."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.hidden_tables import PEOPLE, STRANGERS, VERDICTS, HiddenLookup, Steps

from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import OpeningInvalidError, SignatureInvalidError
from unseen.evidence.oversight import hidden_table
from unseen.evidence.oversight.hidden_answer import Answered
from unseen.evidence.oversight.opening import verify_opening
from unseen.protocols.errors import InputInvalidError

BATCH = (*PEOPLE, *STRANGERS)
VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/evidence/formats_v1_answered.json").read_text(
        encoding="utf-8"
    )
)


@pytest.fixture
def hidden(world: Any) -> HiddenLookup:
    return HiddenLookup(world)


@pytest.mark.parametrize("position", range(6))
def test_a_subject_and_its_verdicts_are_proven(hidden: HiddenLookup, position: int) -> None:
    bundle = canonical.decode(canonical.encode(hidden.ask(BATCH, position)))
    opened = verify_opening(bundle, hidden.world.trust)
    present = position < len(PEOPLE)
    expected = VERDICTS[position] if present else (None, None)
    assert tuple(opened.verdicts.values()) == expected
    assert (opened.found, opened.malformed) == (present, False)
    assert opened.manifest == hidden.manifest


def test_one_subject_alone_is_proven(hidden: HiddenLookup) -> None:
    opened = verify_opening(hidden.ask(PEOPLE[:1], 0), hidden.world.trust)
    assert tuple(opened.verdicts.values()) == VERDICTS[0]


def test_a_malformed_label_is_proven(world: Any) -> None:
    opened = verify_opening(HiddenLookup(world, label=b"\xff").ask(BATCH, 0), world.trust)
    assert (opened.found, opened.malformed) == (True, True)
    assert set(opened.verdicts.values()) == {None}


@pytest.mark.parametrize("steps", [Steps(provider=b"another"), Steps(spoiled=1)])
@pytest.mark.parametrize("position", [0, 4])
def test_an_answer_that_does_not_fit_the_hint_is_the_operator_s(
    world: Any, steps: Steps, position: int
) -> None:
    opened = verify_opening(HiddenLookup(world, steps).ask(BATCH, position), world.trust)
    assert (opened.found, opened.malformed) == (False, True)
    assert set(opened.verdicts.values()) == {None}


@pytest.mark.parametrize(
    "said",
    [
        {"contract": bytes(32)},
        {"epoch": 2},
        {"manifest": bytes(32)},
        {"request": "f" * 32},
        {"count": 5},
    ],
)
def test_answers_of_something_else_are_refused(hidden: HiddenLookup, said: dict[str, Any]) -> None:
    bundle = hidden.ask(BATCH, 0, said=said)
    with pytest.raises(OpeningInvalidError, match="answers"):
        verify_opening(bundle, hidden.world.trust)


@pytest.mark.parametrize("root", ["queries", "answers"])
def test_roots_of_something_else_are_refused(hidden: HiddenLookup, root: str) -> None:
    bundle = hidden.ask(BATCH, 0, said={root: bytes(32)})
    with pytest.raises(OpeningInvalidError, match="answered"):
        verify_opening(bundle, hidden.world.trust)


def test_answers_that_somebody_else_signed_are_refused(hidden: HiddenLookup) -> None:
    bundle = hidden.ask(BATCH, 0, said={"signer": hidden.world.stranger})
    with pytest.raises(SignatureInvalidError, match="answers"):
        verify_opening(bundle, hidden.world.trust)


def flipped(text: str) -> str:
    data = bytearray(b64decode(text))
    data[0] ^= 1
    return b64encode(bytes(data))


@pytest.mark.parametrize("field", ["seed", "query", "part", "block", "answer", "path"])
@pytest.mark.parametrize("change", ["flip", "empty", "longer", "type"])
def test_every_field_counts(hidden: HiddenLookup, field: str, change: str) -> None:
    bundle = hidden.ask(BATCH, 1)
    before = bundle["answered"][field]
    after: Any = {
        "flip": flipped(before),
        "empty": "",
        "longer": b64encode(b64decode(before) + bytes(32)),
        "type": [before],
    }[change]
    bundle["answered"][field] = after
    with pytest.raises(OpeningInvalidError):
        verify_opening(bundle, hidden.world.trust)


@pytest.mark.parametrize("field", ["seed", "query", "part", "block", "answer", "path"])
def test_no_field_may_be_missing_or_added(hidden: HiddenLookup, field: str) -> None:
    bundle = hidden.ask(BATCH, 1)
    del bundle["answered"][field]
    with pytest.raises(OpeningInvalidError, match="missing"):
        verify_opening(bundle, hidden.world.trust)
    bundle = hidden.ask(BATCH, 1)
    bundle["answered"]["more"] = ""
    with pytest.raises(OpeningInvalidError, match="not known"):
        verify_opening(bundle, hidden.world.trust)


@pytest.mark.parametrize("field", ["answers", "answered"])
def test_what_was_answered_may_not_be_left_out(hidden: HiddenLookup, field: str) -> None:
    bundle = hidden.ask(BATCH, 1)
    del bundle[field]
    with pytest.raises(OpeningInvalidError, match="stays with its owner"):
        verify_opening(bundle, hidden.world.trust)


@pytest.mark.parametrize("field", ["answers", "answered"])
def test_nor_be_given_of_a_table_that_is_sent(
    hidden: HiddenLookup, lookup: Any, field: str
) -> None:
    bundle = lookup.ask(PEOPLE, 0)
    verify_opening(bundle, lookup.world.trust)
    bundle[field] = hidden.ask(BATCH, 1)[field]
    with pytest.raises(OpeningInvalidError, match="stays with its owner"):
        verify_opening(bundle, lookup.world.trust)


def test_the_answer_to_another_subject_is_refused(hidden: HiddenLookup) -> None:
    bundle, other = hidden.ask(BATCH, 0), hidden.ask(BATCH, 1)
    for field in ("answers", "answered"):
        changed = copy.deepcopy(bundle)
        changed[field] = other[field]
        with pytest.raises(OpeningInvalidError):
            verify_opening(changed, hidden.world.trust)
    bundle["answers"], bundle["answered"] = other["answers"], other["answered"]
    with pytest.raises(OpeningInvalidError):
        verify_opening(bundle, hidden.world.trust)


def test_the_row_of_another_block_is_refused(hidden: HiddenLookup) -> None:
    rows = {}
    for position in range(6):
        (row,) = hidden.ask(BATCH, position)["rows"]
        rows[row["index"]] = row
    assert len(rows) > 1
    bundle = hidden.ask(BATCH, 0)
    (own,) = bundle["rows"]
    for index, row in rows.items():
        if index != own["index"]:
            with pytest.raises(OpeningInvalidError, match="block"):
                verify_opening(bundle | {"rows": [row]}, hidden.world.trust)
    for wrong in ([], [own, own]):
        with pytest.raises(OpeningInvalidError, match="rows"):
            verify_opening(bundle | {"rows": wrong}, hidden.world.trust)


def test_a_changed_hint_is_refused(hidden: HiddenLookup) -> None:
    bundle = hidden.ask(BATCH, 0)
    (row,) = bundle["rows"]
    bundle["rows"] = [row | {"row": flipped(row["row"])}]
    with pytest.raises(OpeningInvalidError, match="rows"):
        verify_opening(bundle, hidden.world.trust)


def test_many_points_are_opened_in_pieces(
    hidden: HiddenLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = hidden.ask(BATCH, 2)
    monkeypatch.setattr(hidden_table, "BATCH_BYTES", 1)
    assert verify_opening(bundle, hidden.world.trust).found


def test_without_numpy_it_says_what_to_install(
    hidden: HiddenLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = hidden.ask(BATCH, 2)
    monkeypatch.setattr(hidden_table, "find_spec", lambda _: None)
    with pytest.raises(InputInvalidError, match="numpy") as caught:
        verify_opening(bundle, hidden.world.trust)
    assert "unseen[kernels]" in caught.value.remedy


def frozen(world: Any) -> dict[str, str]:
    hidden = HiddenLookup(world)
    return {
        "opening_found": canonical.encode(hidden.ask(BATCH, 0)).decode(),
        "opening_absent": canonical.encode(hidden.ask(BATCH, 5)).decode(),
    }


def test_the_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_the_frozen_openings_verify(world: Any) -> None:
    for name, found in (("opening_found", True), ("opening_absent", False)):
        bundle = canonical.decode(VECTORS[world.suite.id][name].encode())
        assert verify_opening(bundle, world.trust).found is found


def test_secrets_are_not_shown() -> None:
    shown = Answered(seed=b"s" * 32, query=(), part=b"p", block=(), answer=b"a" * 32, path=())
    assert repr(shown) == "Answered()"
    assert Answered.from_json(shown.to_json()) == shown
