"""Openings of whole tuples matched: three answers, and what neither side can pretend."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.matching import (
    COLUMNS,
    CONSISTENT,
    IDS,
    NOBODY,
    OTHER_NAME,
    REGISTER,
    Matched,
)

from unseen.evidence import canonical
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import ContractInvalidError, ManifestInvalidError, OpeningInvalidError
from unseen.evidence.oversight.batch import verify_batch_opening
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.releases.manifest import Manifest

ASKED = (CONSISTENT, OTHER_NAME, NOBODY)
VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/evidence/match_v1.json").read_text(encoding="utf-8")
)


@pytest.fixture
def matched(world: Any) -> Matched:
    return Matched(world)


def check_refused(bundle: Any, matched: Matched, what: str) -> None:
    with pytest.raises(OpeningInvalidError) as caught:
        verify_opening(bundle, matched.world.trust)
    assert caught.value.what == what


def test_every_format_is_what_it_was(matched: Matched) -> None:
    matched.ask(ASKED)
    assert VECTORS[matched.world.suite.id] == frozen(matched)


def frozen(matched: Matched) -> dict[str, str]:
    return {
        "plan": matched.plan.encode().decode(),
        "manifest": canonical.encode(matched.manifest.to_json()).decode(),
        "opening": canonical.encode(matched.opening(1)).decode(),
        "opening_batch": canonical.encode(matched.opening_all()).decode(),
    }


def test_an_opening_shows_each_of_the_three_answers(matched: Matched) -> None:
    matched.ask(ASKED)
    trust = matched.world.trust
    for position, verdict in enumerate((True, False, None)):
        bundle = canonical.decode(canonical.encode(matched.opening(position)))
        found = verify_opening(bundle, trust)
        assert dict(found.verdicts) == {"match": verdict}
        assert (found.found, found.malformed) == (verdict is not None, False)
        assert [str(value) for value in found.subject] == matched.texts(ASKED[position])


def test_a_batch_counts_subjects_and_not_points(matched: Matched) -> None:
    matched.ask(ASKED)
    found = verify_batch_opening(matched.opening_all(), matched.world.trust)
    assert found.size == len(found.items) == len(ASKED)
    assert [one.verdicts["match"] for one in found.items] == [True, False, None]


def test_a_unit_spent_on_two_people_cannot_be_opened(matched: Matched) -> None:
    """The node cannot see it; whoever has to open the unit cannot hide it."""
    mixed = (matched.points(CONSISTENT)[0], matched.points(REGISTER[1])[1])
    matched.ask([CONSISTENT], mixed)
    check_refused(matched.opening(0), matched, "blinded")
    twice = (matched.points(CONSISTENT)[0],) * 2
    matched.ask([CONSISTENT], twice)
    check_refused(matched.opening(0), matched, "blinded")


def test_points_cannot_be_left_out_swapped_or_moved(matched: Matched) -> None:
    matched.ask(ASKED)
    bundle = matched.opening(0)
    without = {name: value for name, value in bundle.items() if name != "id"}
    check_refused(without, matched, "id")
    own = {"blind": bundle["blind"], "rows": bundle["rows"]}
    check_refused(bundle | bundle["id"] | {"id": own}, matched, "blinded")
    check_refused(bundle | {"position": 1}, matched, "blinded")
    check_refused(bundle | {"position": 3}, matched, "blinded")
    check_refused(bundle | {"id": bundle["id"] | {"rows": bundle["rows"]}}, matched, "rows")
    check_refused(bundle | {"rows": bundle["id"]["rows"]}, matched, "rows")


def test_an_opening_of_predicates_has_no_id(lookup: Any) -> None:
    bundle = lookup.ask([("Ada", "1815-12-10")], 0)
    own = {"blind": bundle["blind"], "rows": bundle["rows"]}
    with pytest.raises(OpeningInvalidError) as caught:
        verify_opening(bundle | {"id": own}, lookup.world.trust)
    assert caught.value.what == "id"


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("label", [b"\x00", b"\x03", b"\x06", b"\xff", "other"], ids=repr)
def test_a_label_that_no_match_has_is_proven_and_says_nothing(
    world: Any, place: int, label: Any
) -> None:
    wrong = (b"\x01", b"\x02")[place] if label == "other" else label
    matched = Matched(world, {place: wrong})
    matched.ask(ASKED)
    found = verify_opening(matched.opening(0), world.trust)
    assert (dict(found.verdicts), found.malformed, found.found) == ({"match": None}, True, True)
    other = verify_opening(matched.opening(2), world.trust)
    assert (dict(other.verdicts), other.malformed) == ({"match": None}, False)


def test_a_subject_is_shown_in_its_form(matched: Matched) -> None:
    matched.ask(ASKED)
    raw = list(REGISTER[0])
    assert raw != matched.opening(0)["subject"]
    check_refused(matched.opening(0) | {"subject": raw}, matched, "subject")


BAD_IDS: tuple[Any, ...] = (
    ("name", "number", "birth"),
    ("staff",),
    ("number", "number"),
    ("birth", "number"),
    ("",),
    ["number"],
    (7,),
    "number",
)


@pytest.mark.parametrize("ids", BAD_IDS, ids=repr)
def test_an_id_is_some_of_the_subjects_columns(matched: Matched, ids: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        Plan(
            **{name: getattr(matched.plan, name) for name in matched.plan.__slots__}
            | {"match": ids}
        )
    assert caught.value.clause == "match"
    fields = {name: getattr(matched.manifest, name) for name in Manifest.__slots__}
    with pytest.raises(ManifestInvalidError) as found:
        Manifest(**fields | {"match": ids})
    assert found.value.clause == "match"


def test_a_match_has_one_output_and_is_of_a_kind_about_one_subject(matched: Matched) -> None:
    plan = matched.plan.to_json()
    for changes, clause in (
        ({"outputs": [plan["outputs"][0] | {"name": "other"}]}, "outputs"),
        ({"kind": "statistics"}, "match"),
        ({"match": []}, "match"),
    ):
        with pytest.raises(ContractInvalidError) as caught:
            Plan.from_json(plan | changes)
        assert caught.value.clause == clause
    for changes, clause in (({"outputs": ["other"]}, "outputs"), ({"match": []}, "match")):
        with pytest.raises(ManifestInvalidError) as found:
            Manifest.from_json(matched.manifest.to_json() | changes)
        assert found.value.clause == clause


@pytest.mark.parametrize(
    "column",
    [
        {"name": "name", "type": "string", "form": "exact"},
        {"name": "name", "type": "string", "form": "x"},
        {"name": "name", "type": "integer", "form": "id"},
        {"name": "name", "type": "date", "form": "name"},
        {"name": "name", "type": "string", "form": None},
    ],
    ids=str,
)
def test_a_form_that_a_column_has_not_is_refused(matched: Matched, column: Any) -> None:
    columns = [column, *matched.plan.to_json()["subject_columns"][1:]]
    with pytest.raises(ContractInvalidError) as caught:
        Plan.from_json(matched.plan.to_json() | {"subject_columns": columns})
    assert caught.value.clause == "subject_columns.form"


def test_forms_and_ids_come_back_and_change_the_digest(matched: Matched, world: Any) -> None:
    assert Plan.from_json(matched.plan.to_json()) == matched.plan
    assert Manifest.from_json(matched.manifest.to_json()) == matched.manifest
    assert matched.plan.evaluations == 2
    assert world.plan().evaluations == 1
    plain = tuple(type(column)(column.name, column.type) for column in COLUMNS)
    fields = {name: getattr(matched.plan, name) for name in Plan.__slots__}
    digests = {
        Plan(**fields | changes).digest(world.suite)
        for changes in ({}, {"match": ()}, {"match": ("name", *IDS)}, {"subject_columns": plain})
    }
    assert len(digests) == 4
