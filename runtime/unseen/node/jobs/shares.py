"""Whose job is next: start-time fair queueing over buyers. Pure.

Source: P. Goyal, H. Vin and H. Cheng, "Start-time Fair Queueing", SIGCOMM '96. A job's start tag
is the greater of the virtual time and the finish tag of its buyer's job before; the job with the
least start tag is next, and the virtual time becomes that tag. The finish tag is start plus cost.

Of two buyers who both always have something waiting, neither gets more work than the other by
more than one job of each. Whoever comes new waits for at most one job of every other buyer;
having been away earns nothing. A job that runs is not interrupted for fairness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits: its id, whose account it is on, and what it costs (at least 1)."""

    id: str
    account: str
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Shares:
    """What has been handed out: the virtual time, and the finish tags that lie beyond it."""

    time: int = 0
    finish: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def start(self, account: str) -> int:
        """Return the start tag of the account's next job."""
        return max(self.time, self.finish.get(account, 0))

    def choose(self, waiting: Sequence[Waiting]) -> tuple[Waiting, "Shares"]:
        """Return who is next of `waiting`, at least one, in the order of arrival; and the rest.

        Of one account the first to arrive is next; so is it of equal start tags.
        """
        chosen = min(waiting, key=lambda job: self.start(job.account))
        begun = self.start(chosen.account)
        end = begun + max(chosen.cost, 1)
        if len(waiting) == 1:  # nobody else waits: with nothing to share, time catches up
            return chosen, Shares(max([end, *self.finish.values()]))
        finish = {name: tag for name, tag in self.finish.items() if tag > begun}
        return chosen, Shares(begun, MappingProxyType(finish | {chosen.account: end}))
