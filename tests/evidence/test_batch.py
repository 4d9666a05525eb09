"""Openings of a whole request, and the plan that an opening may carry."""

from typing import Any

import pytest
from tests.evidence.conftest import PEOPLE

from unseen.evidence import canonical
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import OpeningInvalidError, ReceiptInvalidError
from unseen.evidence.oversight.batch import make_batch_opening, verify_batch_opening
from unseen.evidence.oversight.hidden import Batch, Item, Row, read_announcement
from unseen.evidence.oversight.opening import verify_opening

ABSENT = ("nobody", "1999-09-09")
ASKED = (*PEOPLE[:3], ABSENT)


def item_of(bundle: Any) -> Item:
    rows = [
        Row(row["index"], canonical.b64decode(row["row"]), split(row["path"]))
        for row in bundle["rows"]
    ]
    return Item(
        subject=tuple(bundle["subject"]),
        position=bundle["position"],
        blind=canonical.b64decode(bundle["blind"]),
        rows=tuple(rows),
    )


def split(path: str) -> tuple[bytes, ...]:
    data = canonical.b64decode(path)
    return tuple(data[at : at + 32] for at in range(0, len(data), 32))


def batch_of(lookup: Any, bundle: Any, plan: Plan | None) -> Batch:
    unb64 = canonical.b64decode
    return Batch(
        receipt=bundle["receipt"],
        terms=lookup.world.terms(),
        manifest=bundle["manifest"],
        announcement=read_announcement(bundle["announcement"]),
        blinded=tuple(map(unb64, bundle["blinded"])),
        evaluated=tuple(map(unb64, bundle["evaluated"])),
        dleq=unb64(bundle["dleq"]),
        request_nonce=unb64(bundle["request_nonce"]),
        release_nonce=unb64(bundle["release_nonce"]),
        plan=plan,
    )


@pytest.fixture
def singles(lookup: Any) -> list[Any]:
    """Return openings of every subject of one request."""
    return list(lookup.ask_all(ASKED))


@pytest.fixture
def bundle(lookup: Any, singles: list[Any]) -> Any:
    batch = batch_of(lookup, singles[0], lookup.world.plan())
    return make_batch_opening(batch, [item_of(single) for single in singles])


def test_a_batch_opens_every_subject(lookup: Any, bundle: Any, singles: list[Any]) -> None:
    found = verify_batch_opening(canonical.decode(canonical.encode(bundle)), lookup.world.trust)
    assert found.size == len(ASKED)
    assert [one.position for one in found.items] == list(range(len(ASKED)))
    for one, single in zip(found.items, singles, strict=True):
        alone = verify_opening(single, lookup.world.trust)
        assert (one.subject, one.verdicts, one.found) == (
            alone.subject,
            alone.verdicts,
            alone.found,
        )
        assert one.plan == lookup.world.plan()
        assert alone.plan is None
    assert not found.items[-1].found


def test_some_subjects_may_be_left_out_and_it_shows(lookup: Any, bundle: Any) -> None:
    found = verify_batch_opening(bundle | {"items": bundle["items"][1:]}, lookup.world.trust)
    assert (found.size, len(found.items)) == (len(ASKED), len(ASKED) - 1)


@pytest.mark.parametrize("what", ["subject", "position", "blind", "rows"])
def test_an_item_of_another_subject_is_refused(lookup: Any, bundle: Any, what: str) -> None:
    items = [dict(item) for item in bundle["items"]]
    items[0][what] = items[1][what]
    with pytest.raises(OpeningInvalidError):
        verify_batch_opening(bundle | {"items": items}, lookup.world.trust)


def test_a_batch_without_items_or_with_one_twice_is_refused(lookup: Any, bundle: Any) -> None:
    first = bundle["items"][0]
    wrong: list[Any] = [[], [first] * 2, [{}], "x", [first | {"x": 1}]]
    for items in wrong:
        with pytest.raises(OpeningInvalidError) as caught:
            verify_batch_opening(bundle | {"items": items}, lookup.world.trust)
        assert caught.value.what.startswith("items")


def test_a_batch_carries_the_contracts_plan(lookup: Any, bundle: Any, singles: list[Any]) -> None:
    batch = batch_of(lookup, singles[0], None)
    with pytest.raises(OpeningInvalidError, match="plan"):
        make_batch_opening(batch, [])
    without = {name: value for name, value in bundle.items() if name != "plan"}
    other = lookup.world.plan(retention="for ever").to_json()
    for changed in (without, bundle | {"plan": None}, bundle | {"plan": other}):
        with pytest.raises(OpeningInvalidError) as caught:
            verify_batch_opening(changed, lookup.world.trust)
        assert caught.value.what == "plan"


def test_a_single_opening_may_carry_the_plan(lookup: Any, singles: list[Any]) -> None:
    trust, plan = lookup.world.trust, lookup.world.plan()
    assert verify_opening(singles[0] | {"plan": plan.to_json()}, trust).plan == plan
    other = lookup.world.plan(threat_model="none").to_json()
    wrongs: list[Any] = [None, 7, {}, other, other | {"x": 1}]
    for wrong in wrongs:
        with pytest.raises(OpeningInvalidError) as caught:
            verify_opening(singles[0] | {"plan": wrong}, trust)
        assert caught.value.what == "plan"


def test_the_receipt_within_is_checked(lookup: Any, bundle: Any) -> None:
    with pytest.raises(ReceiptInvalidError):
        verify_batch_opening(bundle | {"receipt": "a.b.c"}, lookup.world.trust)
