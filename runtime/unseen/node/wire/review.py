"""unseen.v1 review messages <-> held releases and modes."""

import re

from unseen.node.errors import FieldInvalidError
from unseen.node.release.examine import WORDS
from unseen.node.release.facts import Attacked
from unseen.node.release.register import State
from unseen.node.release.reviewing import Shown, held_type
from unseen.node.release.rules import Mode
from unseen.v1 import review_pb2

_ID = re.compile(r"reviews/([A-Za-z0-9_-]{43})", re.ASCII)
_STATES: dict[State, review_pb2.ReviewState] = {
    state: getattr(review_pb2, f"REVIEW_STATE_{state.name}") for state in State
}
_TYPES: dict[str, review_pb2.ReleaseType] = {
    name: getattr(review_pb2, f"RELEASE_TYPE_{name.upper()}")
    for name in ("verdicts", "aggregate", "model")
}
_MODES: dict[Mode, review_pb2.ReleaseMode] = {
    mode: getattr(review_pb2, f"RELEASE_MODE_{mode.name}") for mode in Mode
}


def review_id(name: str) -> str:
    """Return the id in `reviews/ID`.

    Raises:
        FieldInvalidError: not of this form.

    """
    found = _ID.fullmatch(name)
    if found is None:
        raise FieldInvalidError("not a name of the form reviews/ID", clause="review")
    return found[1]


def release_type(value: int) -> str:
    """Return the type of release that a call names.

    Raises:
        FieldInvalidError: it names none.

    """
    for name, number in _TYPES.items():
        if number == value:
            return name
    raise FieldInvalidError("no type of release", clause="release.type")


def release_mode(value: int) -> Mode:
    """Return the mode that a call names.

    Raises:
        FieldInvalidError: it names none.

    """
    for mode, number in _MODES.items():
        if number == value:
            return mode
    raise FieldInvalidError("no mode of a release", clause="release.mode")


def review_message(shown: Shown) -> review_pb2.Review:
    """Return a held release as its reader may see it."""
    review, contract, held = shown.review, shown.contract, shown.held
    return review_pb2.Review(
        name=f"reviews/{review.id}",
        contract=f"contracts/{review.contract}",
        request=review.request.request,
        type=_TYPES[held_type(review, contract)],
        state=_STATES[review.state],
        bits=review.bits,
        findings=[_finding(rule) for rule in review.rules],
        held_at=review.held_at,
        expires_at=review.expires_at,
        decided_at=review.decided_at,
        decided_by=review.decided_by,
        document=review.document,
        parts=held.parts if held else (),
        nonce=held.nonce if held else b"",
        attack=_attack(shown.attacked) if shown.attacked else None,
    )


def modes_message(modes: dict[str, Mode]) -> list[review_pb2.TypeMode]:
    """Return the mode of each type."""
    return [review_pb2.TypeMode(type=_TYPES[name], mode=_MODES[modes[name]]) for name in _TYPES]


def _attack(found: Attacked) -> review_pb2.Attack:
    return review_pb2.Attack(
        measured=found.measured,
        area=found.auc,
        low=found.low,
        high=found.high,
        least=found.least,
        bar=found.bar,
        advantage=found.advantage,
        members=found.members,
        others=found.others,
    )


def _finding(rule: str) -> review_pb2.Finding:
    text, text_zh = WORDS[rule]
    return review_pb2.Finding(rule=rule, text=text, text_zh=text_zh)
