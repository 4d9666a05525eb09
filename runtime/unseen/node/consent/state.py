"""What a serving node remembers of consents beside the store."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from unseen.node.consent.tree import TreeKeys


@dataclass(slots=True)
class Consents:
    """The tree's keys, once there are any, and until when lookups may answer after withdrawals.

    `deadlines` are by contract: from then on its present table, which holds somebody who has
    withdrawn, answers nothing. `seconds` is how long a contract's last build took. `hurry` is set
    when a table has to be built anew at once.
    """

    tree: TreeKeys | None = None
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    importing: asyncio.Lock = field(default_factory=asyncio.Lock)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    deadlines: dict[str, datetime] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
