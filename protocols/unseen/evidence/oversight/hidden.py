"""The parts of an opening of hidden lookups, taken apart: shapes only, nothing yet believed.

A batch was asked and answered as one; an item is one subject of it. `opening.py` checks them
against the receipt, and says in which order and what it proves. Where the table stays with its
owner, a batch has the token of the node's `answers` and each point what opens its own
(`hidden_answer.py`); elsewhere neither is written.
"""

from dataclasses import dataclass, field
from typing import Any

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import OpeningInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.logged import Headed
from unseen.evidence.oversight.hidden_answer import Answered
from unseen.evidence.releases.manifest import MAX_ROWS
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.suite import MAX_BATCH

CHECK = Checker(OpeningInvalidError, "opening")
BATCH_FIELDS = (
    "receipt",
    "terms",
    "manifest",
    "announcement",
    "blinded",
    "evaluated",
    "dleq",
    "request_nonce",
    "release_nonce",
)
ITEM_FIELDS = ("subject", "position", "blind", "rows")
BATCH_OPTIONAL = ("plan", "answers")
ITEM_OPTIONAL = ("id", "answered")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the encrypted table with its place and its path to the manifest's root."""

    index: int
    row: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What all subjects of a request share.

    `receipt` and `manifest` are the signed tokens, `announcement` is the leaf that announced the
    manifest, `blinded`, `evaluated` and `dleq` the batch as it was sent and answered, elements
    of 32 bytes, and the nonces open the two commitments of the release. `plan` may be left out.
    `answers` is the token of what the node answered to queries, where there were some.
    """

    receipt: str
    terms: Terms
    manifest: str
    announcement: Headed
    blinded: tuple[bytes, ...]
    evaluated: tuple[bytes, ...]
    dleq: bytes
    request_nonce: bytes = field(repr=False)
    release_nonce: bytes = field(repr=False)
    plan: Plan | None = None
    answers: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return the batch's fields of a bundle."""
        more: dict[str, Json] = {} if self.plan is None else {"plan": self.plan.to_json()}
        if self.answers:
            more["answers"] = self.answers
        return more | {
            "receipt": self.receipt,
            "terms": self.terms.to_json(),
            "manifest": self.manifest,
            "announcement": self.announcement.to_json(),
            "blinded": [b64encode(element) for element in self.blinded],
            "evaluated": [b64encode(element) for element in self.evaluated],
            "dleq": b64encode(self.dleq),
            "request_nonce": b64encode(self.request_nonce),
            "release_nonce": b64encode(self.release_nonce),
        }


@dataclass(frozen=True, slots=True)
class Point:
    """One evaluation: its blind, a scalar of 32 bytes, and what `opening.RowProver` gives.

    `answered` is what came of its query, where the table stays with its owner.
    """

    blind: bytes = field(repr=False)
    rows: tuple[Row, ...]
    answered: Answered | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the point's fields of a bundle."""
        more: dict[str, Json] = {}
        if self.answered is not None:
            more["answered"] = self.answered.to_json()
        return more | {
            "blind": b64encode(self.blind),
            "rows": [
                {
                    "index": row.index,
                    "row": b64encode(row.row),
                    "path": b64encode(b"".join(row.path)),
                }
                for row in self.rows
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One subject: its values as text, its place in the batch, its blind, and the table's rows.

    `position` counts subjects. `blind`, `rows` and `answered` are a `Point`'s; of a match they are
    those of the whole tuple, and `id` is the point of its id.
    """

    subject: tuple[str, ...] = field(repr=False)
    position: int
    blind: bytes = field(repr=False)
    rows: tuple[Row, ...]
    id: Point | None = None
    answered: Answered | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """Return the subject's evaluations in their order in the batch."""
        first = Point(self.blind, self.rows, self.answered)
        return (first,) if self.id is None else (first, self.id)

    def to_json(self) -> dict[str, Json]:
        """Return the item's fields of a bundle."""
        matched: dict[str, Json] = {} if self.id is None else {"id": self.id.to_json()}
        named: dict[str, Json] = {"subject": list(self.subject), "position": self.position}
        return named | self.points[0].to_json() | matched


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A batch read from a bundle; terms and plan are read once the receipt is believed."""

    receipt: str
    manifest: str
    announcement: Headed
    blinded: tuple[bytes, ...]
    evaluated: tuple[bytes, ...]
    dleq: bytes
    request_nonce: bytes = field(repr=False)
    release_nonce: bytes = field(repr=False)
    terms: Json
    plan: Json
    answers: str


def parse_batch(body: dict[str, Any]) -> Sent:
    """Return the batch that the fields `body` of a bundle hold.

    Raises:
        OpeningInvalidError: a field is of another type or size.

    """
    for name in ("receipt", "manifest", "answers"):
        if name in body and (type(body[name]) is not str or not body[name]):
            CHECK.fail(name, "is not text")
    check_plan(body)
    blinded, evaluated = (_elements(name, body[name]) for name in ("blinded", "evaluated"))
    if not 1 <= len(blinded) <= MAX_BATCH or len(evaluated) != len(blinded):
        CHECK.fail("blinded", f"and evaluated are not 1 to {MAX_BATCH} pairs")
    return Sent(
        receipt=body["receipt"],
        manifest=body["manifest"],
        announcement=read_announcement(body["announcement"]),
        blinded=blinded,
        evaluated=evaluated,
        dleq=_octets("dleq", body["dleq"], dleq.PROOF_BYTES),
        request_nonce=_octets("request_nonce", body["request_nonce"], 32),
        release_nonce=_octets("release_nonce", body["release_nonce"], 32),
        terms=body["terms"],
        plan=body.get("plan"),
        answers=body.get("answers", ""),
    )


def read_announcement(value: Json) -> Headed:
    """Return a leaf `manifest.published` with its place; nothing is verified.

    Raises:
        OpeningInvalidError: a field is missing, not known or of another type.

    """
    return Headed.from_json(CHECK, "announcement", value)


def check_plan(body: dict[str, Any]) -> None:
    """Refuse a field `plan` that is there and holds no object: a plan is given or left out."""
    if "plan" in body and type(body["plan"]) is not dict:
        CHECK.fail("plan", "is not an object")


def parse_item(body: dict[str, Any], size: int) -> Item:
    """Return the item that the fields `body` hold, of a batch of `size` subjects.

    Raises:
        OpeningInvalidError: a field is of another type or size.

    """
    CHECK.integer("position", body["position"], 0, size - 1)
    texts = CHECK.unlist("subject", body["subject"])
    if not all(type(text) is str for text in texts):
        CHECK.fail("subject", "holds more than texts")
    point = _point(body)
    return Item(
        subject=tuple(texts),
        position=body["position"],
        blind=point.blind,
        rows=point.rows,
        answered=point.answered,
        id=_point(_own(body["id"])) if "id" in body else None,
    )


def _own(value: Json) -> dict[str, Any]:
    return CHECK.take(value, ("blind", "rows"), "id", ("answered",))


def _point(body: dict[str, Any]) -> Point:
    rows = CHECK.unlist("rows", body["rows"])
    answered = Answered.from_json(body["answered"]) if "answered" in body else None
    return Point(_octets("blind", body["blind"], 32), tuple(map(_row, rows)), answered)


def _octets(name: str, value: Json, size: int) -> bytes:
    data = CHECK.unb64(name, value)
    CHECK.octets(name, data, size)
    return data


def _elements(name: str, value: Json) -> tuple[bytes, ...]:
    return tuple(_octets(name, item, 32) for item in CHECK.unlist(name, value))


def _row(value: Json) -> Row:
    entry = CHECK.take(value, ("index", "row", "path"), "rows")
    CHECK.integer("rows.index", entry["index"], 0, MAX_ROWS)
    row = CHECK.unb64("rows.row", entry["row"])
    return Row(entry["index"], row, CHECK.hashes("rows.path", entry["path"]))
