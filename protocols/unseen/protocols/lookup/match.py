"""Match (要素核验): whether a whole tuple agrees, or only the id in it, or neither. Own format, v1.

A row gives two points, each a subject of its own columns (`subject.py`): the whole tuple, labelled
"yes", and its id, some of its columns, labelled "no". A buyer always asks about both:

    whole tuple found         yes    consistent         一致
    else its id found         no     inconsistent       不一致
    else                      none   no usable result   库无

The columns' names and their count are in a point's bytes: no tuple is another's id. Rows that share
an id, or a tuple, share the point.

A unit is two evaluations, and nothing keeps a buyer from asking about two people with them: what it
may learn from a unit is two points, four bits. Does not protect against guesses at the rest of a
tuple whose id is known: each costs a unit.
"""

from collections.abc import Sequence
from typing import Final

from unseen.protocols.errors import InputInvalidError, MalformedMessageError, SubjectInvalidError
from unseen.protocols.lookup.labels import pack_verdicts, unpack_verdicts
from unseen.protocols.lookup.subject import SubjectColumn, Value, encode_subject

OUTPUT: Final = "match"  # the one output of a match
EVALUATIONS: Final = 2  # of a unit

Columns = tuple[SubjectColumn, ...]


def check_ids(columns: Sequence[str], ids: Sequence[str]) -> None:
    """Return if `ids` are some of `columns`, each once, in their order, and not all of them.

    Raises:
        InputInvalidError: they are not.

    """
    if not ids or [name for name in columns if name in ids] != list(ids):
        raise InputInvalidError(
            "the id of a match is some of the subject's columns, each once, in their order"
        )
    if len(ids) == len(columns):
        raise InputInvalidError("the id of a match is not the whole subject: nothing would differ")


def points(columns: Columns, ids: Sequence[str], values: Sequence[Value]) -> tuple[Columns, ...]:
    """Return the columns of each point of a subject: all of them and, of a match, those of its id.

    Raises:
        InputInvalidError: there is not one value for each column.

    """
    if len(values) != len(columns):
        raise InputInvalidError(f"found {len(values)} values, expected {len(columns)}")
    own = tuple(column for column in columns if column.name in ids)
    return (columns, own) if ids else (columns,)


def encode_points(
    columns: Columns, ids: Sequence[str], values: Sequence[Value], domain: bytes
) -> tuple[bytes, ...]:
    """Return the canonical bytes of each point of a subject, the whole tuple first.

    Without `ids` it is no match, and there is one.

    Raises:
        SubjectInvalidError: as `encode_subject`.
        InputInvalidError: there is not one value for each column.

    """
    named = dict(zip((column.name for column in columns), values, strict=False))
    return tuple(
        encode_subject(part, [named[column.name] for column in part], domain)
        for part in points(columns, ids, values)
    )


def formed_points(
    columns: Columns, ids: Sequence[str], values: Sequence[Value], domain: bytes
) -> tuple[bytes, ...] | None:
    """Return what `encode_points` does, or None for values that have no canonical form.

    Nobody can ask about a row of such values: it has no point.

    Raises:
        InputInvalidError: there is not one value for each column.

    """
    try:
        return encode_points(columns, ids, values, domain)
    except SubjectInvalidError:
        return None


def row_labels(
    ids: Sequence[str], answers: Sequence[bool | None], label_bytes: int
) -> tuple[bytes, ...]:
    """Return the labels of a row's points; of a match they are always the same two."""
    if not ids:
        return (pack_verdicts(answers, label_bytes),)
    return tuple(pack_verdicts([answer], label_bytes) for answer in (True, False))


def match_of(labels: Sequence[bytes | None]) -> tuple[bool | None, bool]:
    """Return what the labels of both points say, None for a point not found, and if one is wrong.

    A label that a match does not have says nothing, and neither does the other one then.

    Raises:
        InputInvalidError: there are not two.

    """
    if len(labels) != EVALUATIONS:
        raise InputInvalidError(f"found {len(labels)} labels, expected {EVALUATIONS}")
    found: list[bool | None] = []
    for label, right in zip(labels, (True, False), strict=True):
        if label is not None:
            try:
                (said,) = unpack_verdicts(label, 1)
            except MalformedMessageError:
                return None, True
            if said is not right:
                return None, True
        found.append(None if label is None else right)
    whole, own = found
    return (whole if whole is not None else own), False
