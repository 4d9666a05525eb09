"""RFC 9380 and RFC 9496: the items of one run as group elements, times a scalar of this run alone.

Products are computed in bulk, in a time that depends on the scalar (`group.bulk`): it serves one
run and is dropped with the last product. Python does not wipe it.
"""

from collections.abc import Sequence

from unseen.protocols.errors import StepOrderError
from unseen.protocols.group import bulk, ristretto255
from unseen.protocols.party import Rng
from unseen.protocols.psi.messages import check_items, group_tag


class Masked:
    """A party's items under its scalar: `elements`, 32 bytes each, in the items' order."""

    def __init__(self, session: bytes, items: Sequence[bytes], rng: Rng) -> None:
        """Mask the items of a run; `session` is 32 bytes that both parties know and no run had.

        Raises:
            InputInvalidError: no items, too many, one twice; or the session's id.

        """
        check_items(items)
        tag = group_tag(session)
        self._scalar = ristretto255.random_scalar(rng)
        self.elements = bulk.hash_each(self._scalar, items, tag)

    @property
    def is_spent(self) -> bool:
        """Whether the scalar has served."""
        return not self._scalar

    def check_open(self) -> None:
        """Return if the scalar is still there.

        Raises:
            StepOrderError: it has served.

        """
        if not self._scalar:
            raise StepOrderError("this run is over: its scalars serve one answer")

    def double(self, elements: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return another party's elements under this scalar too, once; then it is dropped.

        Raises:
            ElementInvalidError: one is no element; `position` names the first. Nothing is dropped.
            StepOrderError: it has served.

        """
        self.check_open()
        found = bulk.multiply_each(self._scalar, elements)
        self._scalar = b""
        return found
