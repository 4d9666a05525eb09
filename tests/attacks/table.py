"""All attacks, and their table: what each learns of a careless table and of a node's."""

from typing import NamedTuple

from tests.attacks import (
    averaging,
    complements,
    fakes,
    insiders,
    minimality,
    reconstruction,
    refusals,
    snapshots,
    subgroups,
    trackers,
)
from tests.attacks.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *complements.ATTACKS,
    *minimality.ATTACKS,
    *subgroups.ATTACKS,
    *trackers.ATTACKS,
    *fakes.ATTACKS,
    *averaging.ATTACKS,
    *snapshots.ATTACKS,
    *refusals.ATTACKS,
    *reconstruction.ATTACKS,
    *insiders.ATTACKS,
)
_HEAD = ("attack", "asks", "careless table", "runs", "chance", "careless", "node", "bound")


class Measured(NamedTuple):
    """How often an attack was right, from 0 to 1."""

    attack: Attack
    careless: float
    node: float

    def row(self) -> str:
        """Return the attack's line of the table, in per cent."""
        attack = self.attack
        shares = (attack.chance, self.careless, self.node, attack.bound)
        words = ["-" if share is None else f"{100 * share:.0f} %" for share in shares]
        return _line(attack.name, attack.does, attack.careless, str(attack.runs), *words)


def measure(attack: Attack) -> Measured:
    """Play an attack against both tables."""
    return Measured(attack, attack.success(guarded=False), attack.success(guarded=True))


def head() -> tuple[str, str]:
    """Return the first two lines of the table, in Markdown."""
    return _line(*_HEAD), "|---|---|---|--:|--:|--:|--:|--:|"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
