"""What a row gives to an encrypted table, whichever way the table is reached: bytes and labels.

One point, or two where whole subjects are matched (`protocols/lookup/match.py`). Rows of a match
that share a point give it once. A row whose values have no canonical form gives none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from unseen.node.data.spec import BuildSpec
from unseen.protocols.lookup.match import formed_points, row_labels
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
        if not spec.match and not any(answer is not None for answer in answers):
            continue  # absent and without a usable answer look the same: neither has a row
        inputs = formed_points(spec.subject, spec.match, subject, spec.parameters.domain)
        if inputs is None:
            found.unusable += 1
            continue
        labels = row_labels(spec.match, answers, spec.parameters.label_bytes)
        for data, label in zip(inputs, labels, strict=True):
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
