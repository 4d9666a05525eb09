"""What a node has in memory of the runs under way: units that their jobs may use up."""

import asyncio
from dataclasses import dataclass, field

from unseen.node.metering.meter import Meter


@dataclass(slots=True)
class Runs:
    """The runs whose jobs this process has begun; after a restart the charge alone counts."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _held: dict[str, tuple[str, int]] = field(default_factory=dict)  # contract and units, by job

    def reserve(self, meter: Meter, job: str, contract: str, units: int, *, again: bool) -> None:
        """Hold what a job may use up; with `again` the minute has counted it before."""
        self._held[job] = (contract, units)
        if again:
            meter.hold(contract, units)
        else:
            meter.reserve(contract, units)

    def release(self, meter: Meter, job: str) -> None:
        """Let go of what a job has held: it is charged, or will not be by this job."""
        held = self._held.pop(job, None)
        if held is not None:
            meter.release(*held)
