"""Time for the node: one source, and a floor that a clock set back cannot pass."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from unseen.node.errors import ClockSetBackError

TOLERANCE = timedelta(seconds=5)

Now = Callable[[], datetime]


def system_now() -> datetime:
    """Return the system's time in UTC, to the second, as leaves and contracts write it."""
    return datetime.now(UTC).replace(microsecond=0)


class Clock:
    """A clock that never runs behind the log.

    Times given out are `max(now, floor)`, where the floor is the newest leaf's time: an
    expired contract stays expired when somebody sets the clock back.
    """

    def __init__(self, now: Now = system_now, floor: datetime | None = None) -> None:
        """Start from `now` with an optional `floor`, both in UTC."""
        self._now = now
        self._floor = floor or datetime(1970, 1, 1, tzinfo=UTC)

    def raise_floor(self, time: datetime) -> None:
        """Remember that something happened at `time`."""
        self._floor = max(self._floor, time)

    def now(self) -> datetime:
        """Return the present time, in UTC with whole seconds.

        Raises:
            ClockSetBackError: the clock is more than five seconds behind the newest leaf.

        """
        now = self._now()
        if now < self._floor - TOLERANCE:
            raise ClockSetBackError(
                "the machine's clock is behind the newest entry of the log",
                clause="log.time",
                remedy="set the clock right (for example with NTP) and start the node again",
            )
        return max(now, self._floor)
