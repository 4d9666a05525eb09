"""What a row gives to an encrypted table, whichever way the table is reached: bytes and labels.

One point, or two where whole subjects are matched (`protocols/lookup/match.py`). Rows of a match
that share a point give it once. A row whose values have no canonical form gives none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from unseen.node.data.spec import BuildSpec
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.match import encode_points, row_labels
from unseen.protocols.lookup.subject import Value

Answers = Sequence[bool | None]


@dataclass(slots=True)
class Points:
    """The points of some rows: `inputs` are to be evaluated, `labels` are theirs, one each."""

    seen: int = 0  # rows
    unusable: int = 0  # of these, rows without a canonical form
    inputs: list[bytes] = field(default_factory=list)
    labels: list[bytes] = field(default_factory=list)


def points_of(spec: BuildSpec, rows: Iterable[tuple[tuple[Value, ...], Answers]]) -> Points:
    """Return the points of rows, given by their subjects and answers."""
    found, known = Points(), set[bytes]()
    for subject, answers in rows:
        found.seen += 1
        try:
            pairs = _row_points(spec, subject, answers)
        except SubjectInvalidError:
            found.unusable += 1
            continue
        for data, label in pairs:
            if spec.match and data in known:
                continue
            known.add(data)
            found.inputs.append(data)
            found.labels.append(label)
    return found


def distinct(rows: bytes, size: int) -> bytes:
    """Return concatenated rows of `size` bytes without those that came before.

    Of a match, points that rows share are sealed into equal bytes.
    """
    each = (rows[start : start + size] for start in range(0, len(rows), size))
    return b"".join(dict.fromkeys(each))


def _row_points(
    spec: BuildSpec, subject: tuple[Value, ...], answers: Answers
) -> Iterable[tuple[bytes, bytes]]:
    if not spec.match and not any(answer is not None for answer in answers):
        return ()  # absent and without a usable answer look the same: neither has a row
    parameters = spec.parameters
    inputs = encode_points(spec.subject, spec.match, subject, parameters.domain)
    return zip(inputs, row_labels(spec.match, answers, parameters.label_bytes), strict=True)
