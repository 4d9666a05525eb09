"""How the output of an evaluation becomes a label: what the ways of a hidden lookup differ in.

Whatever the way, a subject is blinded, evaluated, charged and receipted alike (`lookups.py`). Then
the label is opened: from the table that was fetched before, or by asking a table that stays with
its owner.

A way sends nothing that depends on an output, nor on the label it leads to: what follows an
evaluation is fixed by how many elements it had.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from unseen.client.queries.epochs import Epoch
from unseen.evidence.releases.request import Request
from unseen.protocols.lookup.oprf_table import Found, find, open_row
from unseen.protocols.oprf.suite import MAX_BATCH


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A charged request with the outputs of its elements, 64 bytes each, in their order.

    `secret` is what was written down before it was sent, with what `Way.drawn` gave.
    """

    request: Request
    outputs: Sequence[bytes] = field(repr=False)
    secret: Mapping[str, object] = field(repr=False)


class Way(Protocol):
    """One way from outputs to labels, within one epoch."""

    @property
    def largest(self) -> int:
        """Return how many elements a request has at most."""

    @property
    def asks(self) -> bool:
        """Return whether the node is asked again: the request is open until that is answered."""

    def drawn(self, count: int) -> dict[str, object]:
        """Return secrets for `count` elements, as JSON, to be written down before they are sent."""

    def labels(self, evaluated: Evaluated) -> list[bytes | None]:
        """Return the label of each element's subject, or None where it has none.

        Raises:
            RefusedError, UnreachableError, NodeError: there is no answer.
            AnswerInvalidError: what came is no answer to what was asked.

        """


class SentTable:
    """Labels from the table of an epoch that was fetched whole: nothing more is asked."""

    largest = MAX_BATCH
    asks = False

    def __init__(self, epoch: Epoch) -> None:
        """Open rows of the epoch's table."""
        self._table, self._parameters = epoch.table, epoch.manifest.parameters()

    def drawn(self, count: int) -> dict[str, object]:  # noqa: ARG002 - nothing is asked later
        """Return nothing: a row is found without being asked for."""
        return {}

    def labels(self, evaluated: Evaluated) -> list[bytes | None]:
        """Return the labels of the rows with the subjects' tags."""
        return [self._label(output) for output in evaluated.outputs]

    def _label(self, output: bytes) -> bytes | None:
        place = find(self._parameters, self._table, output)
        return open_row(self._parameters, output, place.row) if isinstance(place, Found) else None
