"""Every error this project raises on purpose. One tree, and no transport in it.

The leaf class says what happened. `reason` is its stable machine-readable name and part of
the wire contract (AIP-193 `ErrorInfo.reason`); renaming one is a breaking change. A message
never carries a subject, a key or any other value that a party wants hidden.
"""

from typing import ClassVar


class UnseenError(Exception):
    """Base class. Catch this to catch everything the project raises on purpose.

    `clause` names the rule that refused and `remedy` what would resolve it; both are empty
    where the error has neither.
    """

    reason: ClassVar[str]

    def __init__(self, message: str = "", *, clause: str = "", remedy: str = "") -> None:
        """Record what happened, which clause refused it and what to do about it."""
        super().__init__(message)
        self.clause = clause
        self.remedy = remedy


class PeerError(UnseenError):
    """The other party sent something this protocol forbids. Retrying cannot help."""


class MalformedMessageError(PeerError):
    """Bytes from the peer do not decode to a message of the expected type."""

    reason = "MALFORMED_MESSAGE"


class ElementInvalidError(PeerError):
    """A group element is not canonical, not in the group, or the identity.

    One message for all three, so that a peer learns nothing from which check failed.
    `position` is the element's place in its batch, or None outside one.
    """

    reason = "ELEMENT_INVALID"

    def __init__(self, *, position: int | None = None) -> None:
        """Record where in the batch the element stood."""
        where = "" if position is None else f" at position {position}"
        super().__init__(f"invalid group element{where}")
        self.position = position


class ScalarInvalidError(PeerError):
    """A scalar is zero or not the canonical encoding of an integer below the group order."""

    reason = "SCALAR_INVALID"

    def __init__(self) -> None:
        """Give the one message there is: the value may be a key."""
        super().__init__("invalid scalar")


class CountMismatchError(PeerError):
    """The peer answered for a different number of items than it was asked about."""

    reason = "COUNT_MISMATCH"

    def __init__(self, *, found: int, expected: int) -> None:
        """Record both counts; neither reveals more than the protocol already does."""
        super().__init__(f"found {found} items, expected {expected}")
        self.found = found
        self.expected = expected


class BatchSizeError(PeerError):
    """A batch is empty or larger than the protocol allows."""

    reason = "BATCH_SIZE"

    def __init__(self, *, found: int, limit: int) -> None:
        """Record the size found and the largest one allowed."""
        super().__init__(f"found a batch of {found}, expected 1 to {limit}")
        self.found = found
        self.limit = limit


class ProofInvalidError(PeerError):
    """A DLEQ or Merkle proof, or a sealed row, does not verify. Deliberately says no more."""

    reason = "PROOF_INVALID"

    def __init__(self) -> None:
        """Give the one message there is: which step failed is nobody's business."""
        super().__init__("proof does not verify")


class CheckpointInvalidError(PeerError):
    """A checkpoint or the signed note round it is malformed or not signed by the key asked for."""

    reason = "CHECKPOINT_INVALID"


class InputInvalidError(UnseenError):
    """A local input is out of the range that the protocol is defined for."""

    reason = "INPUT_INVALID"


class SubjectInvalidError(UnseenError):
    """A subject value has the wrong type or shape. Names the column, never the value."""

    reason = "SUBJECT_INVALID"


class DuplicateSubjectError(UnseenError):
    """A table to be built holds more than one row of the same subject."""

    reason = "SUBJECT_DUPLICATE"

    def __init__(self, *, count: int) -> None:
        """Record how many rows repeat an earlier subject."""
        super().__init__(f"{count} rows repeat the subject of another row")
        self.count = count
