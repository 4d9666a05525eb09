"""The mandates that a node was shown, as values.

What they permit is in `evidence/registry/mandated.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from unseen.evidence.registry.mandate import Mandate
from unseen.evidence.registry.mandated import Mandated
from unseen.node.errors import MandateNotFoundError, MandateRefusedError


@dataclass(frozen=True, slots=True)
class Registered:
    """A mandate as the node has it: the signed token, and whether it was withdrawn."""

    id: bytes
    token: str
    mandate: Mandate
    registered_at: str
    withdrawal: str = ""  # JWS, empty unless it was withdrawn


@dataclass(frozen=True)
class Book:
    """All mandates by their id, and the tables that the operator put under mandates."""

    entries: Mapping[bytes, Registered]
    required: frozenset[str] = frozenset()

    @cached_property
    def standing(self) -> Mandated:
        """What the mandates permit."""
        return Mandated(
            {key: each.mandate for key, each in self.entries.items()},
            frozenset(key for key, each in self.entries.items() if each.withdrawal),
            self.required,
        )

    def having(self, registered: Registered) -> "Book":
        """Return this book with a mandate more, or in another state."""
        return replace(self, entries={**self.entries, registered.id: registered})

    def requiring(self, table: str, *, required: bool) -> "Book":
        """Return this book with a table put under mandates, or taken out again."""
        others = self.required - {table}
        return replace(self, required=others | {table} if required else others)

    def get(self, identifier: bytes) -> Registered:
        """Return a mandate.

        Raises:
            MandateNotFoundError: none of this id.

        """
        found = self.entries.get(identifier)
        if found is None:
            raise MandateNotFoundError(
                "no mandate of this id", clause="mandate", remedy="see: unseen mandate list"
            )
        return found


def not_covered(why: str) -> MandateRefusedError:
    """Return the error for a contract that no mandate covers now."""
    return MandateRefusedError(
        f"no mandate covers this contract now: {why}",
        clause="mandates",
        remedy="the authority renews it; see: unseen mandate list",
    )
