"""What an audit found: each finding names a rule, the party that answers for it, and the leaf."""

from collections import Counter
from dataclasses import dataclass

from unseen.evidence.canonical import Json

EXPORTER = "exporter"
"""Whoever made or kept the export: what it holds is not what the node's log commits to."""
MAX_KEPT = 1000


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that does not hold.

    `index` is the leaf it is about, or the one that names the document it is about; for a head of
    the log, its size. `rule` is a stable name, `party` who answers for it, `where` a file and line
    of the export, or empty.
    """

    index: int
    rule: str
    party: str
    what: str
    where: str = ""

    def __str__(self) -> str:
        """Return the finding in one line."""
        place = f" ({self.where})" if self.where else ""
        return f"{self.index}  {self.rule}  {self.party}: {self.what}{place}"

    def to_json(self) -> dict[str, Json]:
        """Return the finding as an object."""
        return {
            "index": self.index,
            "rule": self.rule,
            "party": self.party,
            "what": self.what,
            "where": self.where,
        }


class Findings:
    """Collects findings; keeps the first thousand and counts the rest by their rule."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def add(self, rule: str, party: str, index: int, what: str, where: str = "") -> None:
        """Note that `what` is wrong with the leaf at `index`."""
        self.counts[rule] += 1
        if len(self._kept) < MAX_KEPT:
            self._kept.append(Finding(index, rule, party, what, where))

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.counts)

    def __len__(self) -> int:
        """Return how many there are, kept or not."""
        return self.counts.total()

    def sorted(self) -> tuple[Finding, ...]:
        """Return those that were kept, in the order of the log."""
        return tuple(sorted(self._kept))
