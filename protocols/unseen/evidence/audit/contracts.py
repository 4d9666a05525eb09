"""Contracts as the log proposes, approves and ends them, held to the terms that were signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.export import CONTRACTS, ContractRecord, Export, parse_contract
from unseen.evidence.audit.findings import EXPORTER
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.mandates import Mandates
from unseen.evidence.audit.parties import Parties
from unseen.evidence.audit.tables import Tables
from unseen.evidence.audit.templates import Rulebook, check_standing
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Role, Terms, verify_approval
from unseen.evidence.contracts.limits import is_standing
from unseen.evidence.contracts.states import Event as Step
from unseen.evidence.contracts.states import State, advance
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.errors import (
    ContractInvalidError,
    EvidenceError,
    ExportInvalidError,
    TransitionError,
)
from unseen.evidence.releases.manifest import Manifest
from unseen.evidence.suite import suite_of

_STEPS = {
    "contract.suspended": Step.SUSPEND,
    "contract.resumed": Step.RESUME,
    "contract.revoked": Step.REVOKE,
    "contract.expired": Step.EXPIRE,
    "contract.exhausted": Step.EXHAUST,
}
_LIVE = frozenset({State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED})


@dataclass(slots=True)
class Epoch:
    """An epoch since its leaf `manifest.published`. The first three are base64url."""

    manifest: bytes
    snapshot: bytes
    consent_root: bytes = b""
    closed: int | None = None
    stated: Manifest | None = None  # the newest build's
    since: datetime | None = None  # when the first build was announced


@dataclass(slots=True)
class Standing:
    """A contract at the present leaf. Hashes are base64url, as leaves have them."""

    record: ContractRecord
    terms: Terms
    plan: bytes
    leakage: bytes
    approvals: Mapping[str, str]
    stated: int  # the leaf that proposed it, says the export
    state: State = State.DRAFT
    given: set[str] = field(default_factory=set)
    used: int = 0
    exhausted: bool = False  # a leaf has said that every unit is used
    requests: set[bytes] = field(default_factory=set)
    epochs: dict[int, Epoch] = field(default_factory=dict)

    @classmethod
    def of(cls, record: ContractRecord) -> "Standing":
        """Return a contract that no leaf has proposed yet."""
        terms = record.terms
        plan, leakage = (b64encode(digest).encode() for digest in (terms.plan, terms.leakage))
        return cls(record, terms, plan, leakage, record.approvals, record.index)


class Contracts:
    """Every contract of the export, as it stands at the present leaf."""

    def __init__(
        self, context: Context, parties: Parties, tables: Tables, mandates: Mandates
    ) -> None:
        """Start with contracts that are only written down."""
        self._context, self._parties, self._tables = context, parties, tables
        self.rulebook = Rulebook(context)
        self.mandates = mandates
        self.by_id: dict[bytes, Standing] = {}  # by base64url, as leaves name them

    def read(self, export: Export) -> None:
        """Read the contracts of the export; a malformed line is noted and left out."""
        before = -1
        try:
            for number, line in enumerate(export.lines(CONTRACTS), 1):
                before = self._read(line, number, before)
        except ExportInvalidError as error:
            self._exporter(0, str(error), error.clause)

    def of(self, index: int, leaf: Event) -> Standing | None:
        """Return the contract that a leaf is about; what is not in the export is noted."""
        found = self.by_id.get(str(leaf.fields.get("contract")).encode())
        if found is None:
            self._exporter(index, "is about a contract that the export lacks")
        return found

    def proposed(self, index: int, leaf: Event) -> None:
        """Check that the terms bind this log's node and parties who are enrolled."""
        contract = self.of(index, leaf)
        if contract is None:
            return
        terms, context = contract.terms, self._context
        if contract.state is not State.DRAFT:
            context.fail("contract.state", index, "proposes a contract again")
            return
        contract.state = advance(State.DRAFT, Step.PROPOSE)
        if contract.stated != index:
            self._exporter(index, "holds this contract as that of another leaf", CONTRACTS)
        if (terms.suite, terms.node) != (context.suite.id, context.log.node):
            context.fail("contract.node", index, "the terms are those of another node")
        for role in (*terms.approvals, "regulator"):
            key = getattr(terms, role)
            allowed = ("regulator", "auditor") if role == "regulator" else (role,)
            if key and not any(self._parties.holds(key, one) for one in allowed):
                context.fail("contract.party", index, f"the {role} of the terms is not enrolled")
        self._check_documents(index, terms)
        self.rulebook.check(index, contract.record)
        self.mandates.proposed(index, terms)
        try:
            check_agreed(terms, contract.record.plan)
        except ContractInvalidError as error:
            context.fail("contract.menu", index, str(error))
        if not self._tables.offers(terms):
            context.fail("contract.product", index, "the product of the terms was not registered")

    def approved(self, index: int, leaf: Event) -> None:
        """Check one approval: whose it is, that it is over these terms, that it was due."""
        contract = self.of(index, leaf)
        if contract is None:
            return
        role = str(leaf.fields.get("role", "operator"))
        last = leaf.type == "contract.activated"
        role = "buyer" if last and "role" not in leaf.fields else role
        step = Step.ACTIVATE if last else Step.APPROVE
        if role in contract.given or last != (role == "buyer"):
            self._context.fail("contract.approval", index, f"a signature by the {role} was not due")
            return
        try:
            state = advance(contract.state, step)
        except TransitionError as error:
            self._context.fail("contract.state", index, str(error))
            return
        self._check_approval(index, contract, role, leaf)
        contract.given.add(role)
        if last or contract.given >= set(contract.terms.required()):
            contract.state = state

    def stepped(self, index: int, leaf: Event) -> None:
        """Take a step of the state machine that needs no signature."""
        contract = self.of(index, leaf)
        if contract is None:
            return
        try:
            contract.state = advance(contract.state, _STEPS[leaf.type])
        except TransitionError as error:
            self._context.fail("contract.state", index, str(error))
            return
        contract.exhausted |= contract.state is State.EXHAUSTED
        self._check_end(index, contract, leaf)

    def finish(self, size: int) -> None:
        """Check what only shows at the end of the log."""
        for contract in self.by_id.values():
            if contract.state is State.DRAFT:
                what = "holds a contract that no leaf proposes"
                self._exporter(contract.stated, what, CONTRACTS)
            for role in sorted(contract.approvals.keys() - contract.given):
                what = f"holds a signature by the {role} that no leaf names"
                self._exporter(contract.stated, what, CONTRACTS)
            used_up = contract.used >= contract.terms.quota.units
            held = contract.exhausted and contract.state is State.SUSPENDED
            if used_up and contract.state in _LIVE and not held:
                what = "every unit is used, and no leaf says so"
                self._context.fail("contract.exhausted", size, what)

    def _read(self, line: bytes, number: int, before: int) -> int:
        try:
            record = parse_contract(line, before)
        except EvidenceError as error:
            self._exporter(0, str(error), f"{CONTRACTS}:{number}")
            return before
        key = b64encode(record.id).encode()
        if key in self.by_id:
            self._exporter(record.index, "holds a contract twice", f"{CONTRACTS}:{number}")
        self.by_id[key] = Standing.of(record)
        self._context.terms[record.id] = record.terms
        return record.index

    def _check_documents(self, index: int, terms: Terms) -> None:
        """Check that the log names what the terms rest on before it names the contract."""
        named = [("mandate", identifier) for identifier in terms.mandates]
        named += [("template", terms.template), ("rules", terms.rules)]
        for kind, identifier in named:
            read = self._context.documents.get(identifier)
            known = read is not None and read.named and read.document.type == kind
            if identifier and not known:
                what = f"the {kind} of the terms does not stand in the log before"
                self._context.fail("contract.document", index, what)

    def _check_approval(self, index: int, contract: Standing, role: str, leaf: Event) -> None:
        token, terms = contract.approvals.get(role), contract.terms
        if token is None:
            self._exporter(index, f"the signature by the {role} is missing", CONTRACTS)
            return
        digest = b64encode(suite_of(terms.suite).digest(token.encode()))
        if digest != leaf.fields.get("approval"):
            self._exporter(index, f"the signature by the {role} is not the one logged", CONTRACTS)
            return
        try:
            if terms.template and is_standing(token):
                check_standing(self._context, token, terms, contract.record.plan, role)
                return
            key = self._context.owner(getattr(terms, role)).key
            verify_approval(token, terms, cast("Role", role), key)
        except EvidenceError as error:
            what, owner = f"the signature by the {role}", str(leaf.fields.get("by", ""))
            self._context.refuse(index, what, error, owner=owner, where=CONTRACTS)

    def _check_end(self, index: int, contract: Standing, leaf: Event) -> None:
        terms, fail = contract.terms, self._context.fail
        if leaf.type == "contract.expired" and leaf.time < terms.period.until:
            fail("contract.expired", index, "ends a contract before its period is over")
        if leaf.type == "contract.exhausted" and contract.used != terms.quota.units:
            fail("contract.exhausted", index, "ends a contract that has units left")

    def _exporter(self, index: int, what: str, where: str = "") -> None:
        self._context.fail("export.contracts", index, what, party=EXPORTER, where=where)
