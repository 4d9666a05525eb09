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


class ModelInvalidError(UnseenError):
    """A model cannot be scored with under encryption; the clause says which rule it breaks."""

    reason = "MODEL_INVALID"


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


class FilterFullError(UnseenError):
    """A block of a hidden table has more keys than its filter takes."""

    reason = "FILTER_FULL"


class KernelFaultError(UnseenError):
    """A kernel cannot be compiled here, or does not compute the published numbers."""

    reason = "KERNEL_FAULT"

    def __init__(self, name: str, what: str = "fails its known-answer test") -> None:
        """Record which implementation it is, and what is wrong with it."""
        super().__init__(
            f"{name} {what}",
            remedy="uninstall numba: the portable twin is used without it",
        )
        self.name = name


class ContributionError(UnseenError):
    """A vector of secure aggregation cannot be used, and `party` is the one whose it is."""

    def __init__(self, party: str, message: str) -> None:
        """Record whose it is and what is wrong with it."""
        super().__init__(f"{party}: {message}")
        self.party = party


class VectorInvalidError(ContributionError):
    """A vector holds something that is no finite number; says where, never what."""

    reason = "VECTOR_INVALID"

    def __init__(self, party: str, what: str, position: int) -> None:
        """Record the first such coordinate."""
        super().__init__(party, f"{what} at coordinate {position}")
        self.position = position


class RingOverflowError(ContributionError):
    """A coordinate is larger than the round allows, so that a sum might wrap unnoticed."""

    reason = "RING_OVERFLOW"

    def __init__(self, party: str, position: int) -> None:
        """Record the first such coordinate."""
        super().__init__(party, f"a value over the bound at coordinate {position}")
        self.position = position


class DimensionMismatchError(ContributionError):
    """A vector has another number of coordinates than the round."""

    reason = "DIMENSION_MISMATCH"

    def __init__(self, party: str, *, found: int, expected: int) -> None:
        """Record both numbers of coordinates."""
        super().__init__(party, f"a vector of {found} coordinates, expected {expected}")
        self.found = found
        self.expected = expected


class CohortError(PeerError):
    """A round of secure aggregation cannot go on, and `party` is the one it is about.

    `party` is the name in the roster, or `#N` for a number that the roster does not hold. A
    message that is not signed names the party that it claims to be of.
    """

    def __init__(self, party: str, message: str) -> None:
        """Record whom it is about and what happened."""
        super().__init__(f"{party}: {message}")
        self.party = party


class PlanMismatchError(CohortError):
    """A message is for another plan, or for the same round under other parameters."""

    reason = "PLAN_MISMATCH"


class RoundReplayedError(CohortError):
    """A message is of another round, or the round was run before."""

    reason = "ROUND_REPLAYED"


class PartyUnknownError(CohortError):
    """A message or a list names a party that the roster does not."""

    reason = "COHORT_PARTY_UNKNOWN"


class PartyDuplicateError(CohortError):
    """A party sent a step twice, or a list or a roster names it twice."""

    reason = "COHORT_PARTY_DUPLICATE"


class PartyDroppedError(CohortError):
    """A message or a share comes from a party that had dropped out of the round."""

    reason = "COHORT_PARTY_DROPPED"


class ShareConflictError(CohortError):
    """Both shares of one party were asked for: together they would open its vector."""

    reason = "SHARE_CONFLICT"


class ShareInvalidError(CohortError):
    """A share is not what was committed to, or what the shares make up is not."""

    reason = "SHARE_INVALID"


class CohortSignatureError(CohortError):
    """A message of a round is not signed by the party it names, or its key is unusable."""

    reason = "COHORT_SIGNATURE_INVALID"


class SurvivorsTooFewError(CohortError):
    """Fewer parties are left than the round needs; `party` names those that are missing."""

    reason = "SURVIVORS_TOO_FEW"

    def __init__(self, missing: str, *, found: int, expected: int) -> None:
        """Record how many are left and how many it takes."""
        super().__init__(missing, f"missing; {found} parties are left, expected {expected}")
        self.found = found
        self.expected = expected


class StepOrderError(UnseenError):
    """A step of a protocol was called out of its turn, or twice."""

    reason = "STEP_ORDER"
