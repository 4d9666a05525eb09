"""Signed heads of a log, their cosignatures, and whether two of them tell one history.

Two heads of one size with two roots are a fork, whoever showed them: the log's key signed both.
Heads of two sizes need the leaves in between, or a consistency proof, to be told apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from unseen.evidence.audit.findings import Findings
from unseen.evidence.canonical import Json, format_time
from unseen.evidence.suite import suite_of
from unseen.evidence.trust import Trust, TrustedParty
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.cosignature import cosignatures


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A witness cosigned the log's head of `size` leaves at `time`."""

    witness: str
    key: str
    size: int
    time: datetime

    def to_json(self) -> dict[str, Json]:
        """Return the cosignature as an object."""
        return {
            "witness": self.witness,
            "key": self.key,
            "size": self.size,
            "time": format_time(self.time),
        }


@dataclass(frozen=True, slots=True)
class Head:
    """A verified head of a log: where it was found, the signed note, who cosigned it."""

    source: str
    note: str = field(repr=False)
    checkpoint: Checkpoint
    witnesses: tuple[Witnessed, ...] = ()


def read_head(source: str, note: str, trust: Trust) -> Head:
    """Return the head in a signed note, with the cosignatures of witnesses that `trust` lists.

    Raises:
        CheckpointInvalidError: the note is malformed, or a signature under it does not hold.
        TrustMissingError: the trust file lists no such log.

    """
    checkpoint = verify_checkpoint(note, trust)
    witnesses = [party for party in trust.parties.values() if party.role == "witness"]
    found = tuple(
        cosigned for party in witnesses for cosigned in _cosigned(note, checkpoint, party)
    )
    return Head(source, note, checkpoint, found)


def forks(heads: Iterable[Head]) -> list[tuple[Head, Head]]:
    """Return the pairs of heads that one log cannot both have had: one size, two roots."""
    first: dict[tuple[str, int], Head] = {}
    pairs = []
    for head in heads:
        key = (head.checkpoint.origin, head.checkpoint.size)
        known = first.setdefault(key, head)
        if known.checkpoint.root != head.checkpoint.root:
            pairs.append((known, head))
    return pairs


def by_size(heads: Iterable[Head], node: str, findings: Findings) -> Mapping[int, Checkpoint]:
    """Return one checkpoint a size; a second root for one size is noted as the node's fork."""
    found: dict[int, Checkpoint] = {}
    listed = list(heads)
    for one, other in forks(listed):
        what = f"signed two heads of this size: {one.source} and {other.source}"
        findings.add("log.fork", node, one.checkpoint.size, what)
    for head in listed:
        found.setdefault(head.checkpoint.size, head.checkpoint)
    return found


def _cosigned(note: str, checkpoint: Checkpoint, party: TrustedParty) -> Iterable[Witnessed]:
    suite = suite_of(party.suite)
    for item in cosignatures(note, suite.cosign_type, party.key, suite.verify):
        try:
            time = datetime.fromtimestamp(item.time, UTC)
        except (OverflowError, ValueError, OSError):
            raise CheckpointInvalidError("a cosignature is dated beyond the calendar") from None
        yield Witnessed(party.name, party.key_id, checkpoint.size, time)
