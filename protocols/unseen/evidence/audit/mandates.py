"""Mandates in a log: who granted what, and that no contract went beyond it."""

from datetime import datetime

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.leaves import Event
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import MandateInvalidError, TrustMissingError
from unseen.evidence.registry.mandate import Mandate, Withdrawal
from unseen.evidence.registry.mandated import Mandated
from unseen.evidence.registry.permission import chain_of, check_terms


class Mandates:
    """The mandates at the present leaf."""

    def __init__(self, context: Context) -> None:
        """Start with none."""
        self._context = context
        self._standing = Mandated({})
        self._reached: dict[bytes, datetime] = {}  # by contract, until the next change

    def registered(self, index: int, leaf: Event) -> None:
        """Check that a mandate was an authority's to grant, or its grantee's to give on."""
        identifier = leaf.named()
        mandate = self._context.document("mandate", identifier, index)
        if not isinstance(mandate, Mandate):
            return
        stated = tuple(leaf.fields.get(name) for name in ("grantor", "grantee", "tier"))
        if stated != (mandate.grantor, mandate.grantee, mandate.tier):
            self._context.fail("mandate.leaf", index, "is not what the mandate says")
        known = {**self._standing.known, identifier: mandate}
        try:
            chain = chain_of(identifier, known)
        except MandateInvalidError as error:
            self._context.fail("mandate.chain", index, str(error))
            return
        if not self._is_authority(chain[0][1].grantor):
            what = "rests on the word of nobody whom you trust as an authority"
            self._context.fail("mandate.authority", index, what)
        if leaf.time >= mandate.until:
            self._context.fail("mandate.expired", index, "had expired when it was shown")
        if not self._standing.withdrawn.isdisjoint(key for key, _ in chain):
            self._context.fail("mandate.withdrawn", index, "hangs below one that was withdrawn")
        self._now(Mandated(known, self._standing.withdrawn, self._standing.required))

    def withdrawn(self, index: int, leaf: Event) -> None:
        """Take a mandate back, by the document that says so."""
        found = self._context.document("mandate-withdrawal", leaf.named(), index)
        if not isinstance(found, Withdrawal):
            return
        if found.mandate != leaf.named("mandate"):
            self._context.fail("mandate.leaf", index, "withdraws another mandate than it says")
        before = self._standing
        self._now(Mandated(before.known, before.withdrawn | {found.mandate}, before.required))

    def required(self, _index: int, leaf: Event) -> None:
        """Take note that the operator put a table under mandates, or took it out."""
        table, before = str(leaf.fields.get("table")), self._standing
        others = before.required - {table}
        tables = others | {table} if leaf.fields.get("required") is True else others
        self._now(Mandated(before.known, before.withdrawn, tables))

    def proposed(self, index: int, terms: Terms) -> None:
        """Check that the terms stay within the mandates that they name, and name some if needed."""
        if terms.mandates:
            try:
                check_terms(terms, self._standing.known)
            except MandateInvalidError as error:
                self._context.fail("contract.mandate", index, f"goes beyond its mandates: {error}")
        elif self._standing.concerns(terms):
            self._context.fail("contract.mandate", index, "names no mandate over its table")

    def covers(self, contract: bytes, terms: Terms, time: datetime) -> bool:
        """Return whether a contract is covered at `time`; `contract` is its id."""
        reached = self._reached.get(contract)
        if reached is None or time >= reached:
            reached = self._reached[contract] = self._standing.reach(terms, time)
        return time < reached

    def _now(self, standing: Mandated) -> None:
        self._standing, self._reached = standing, {}

    def _is_authority(self, key: str) -> bool:
        try:
            return self._context.owner(key).role == "authority"
        except TrustMissingError:
            return False
