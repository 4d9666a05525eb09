"""The charge: quota, leaf and stored reply in one transaction, many requests at a time.

Here the contract is decided on for good, under the writer's order; what was decided before the
work only saved the work. A request id that is already charged yields the stored reply instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.exc import IntegrityError

from unseen.evidence.contracts.privacy import rho_text
from unseen.evidence.contracts.states import Event, advance
from unseen.evidence.log import ReleaseLeaf, event_leaf
from unseen.evidence.registry.mandated import EXPIRED, FOREVER
from unseen.evidence.releases.request import MAX_HELD_AGE, MAX_REQUEST_AGE, Request
from unseen.evidence.suite import suite_of
from unseen.node.consent.charging import (
    Consented,
    Consenting,
    consent_over,
    consents_changed,
    outlived,
)
from unseen.node.contracts.decide import Deny, Usage, decide
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    CertificateRevokedError,
    InternalError,
    ManifestStaleError,
    RequestIdReusedError,
)
from unseen.node.failpoints import hit
from unseen.node.jobs import frames
from unseen.node.mandates.book import not_covered
from unseen.node.metering.charged import Charged, charged_for, find_charge
from unseen.node.metering.known import ONLY, find_charges, find_contracts, find_cut, find_epochs
from unseen.node.privacy.charging import Ledger
from unseen.node.privacy.spend import Spend
from unseen.node.release.gate import Released
from unseen.node.release.register import bits_exhausted, most_bits
from unseen.node.store.schema import charges, contracts
from unseen.node.store.writer import Operation, Transaction
from unseen.protocols.errors import UnseenError


@dataclass(frozen=True, slots=True)
class Charge(Operation[Charged]):
    """One finished piece of work, to be paid for and kept: what the gate let out, and for whom."""

    contract: Contract
    request: Request
    statement_digest: str
    signature: bytes
    instance: str  # name of the instance's key
    snapshot: bytes
    released: Released
    billed: int | None = None  # units that were a hit, where the contract bills those
    consent_root: bytes = b""
    consent: Consented | None = None
    opening: bytes | None = None  # sealed: what opens the commitment of a request in the clear
    kept: bool = True  # else the reply is kept elsewhere, as a job's result
    covered: datetime = FOREVER  # from then on no mandate covers the contract
    privacy: Spend | None = None
    keep: bytes = field(default=b"", repr=False)  # the reply, sealed, to be given again
    again: Callable[[bytes], Released | UnseenError] | None = field(default=None, repr=False)
    # lets a stored answer out: given to whoever asked the same question at the same time

    @classmethod
    def apply_all(
        cls, transaction: Transaction, operations: Sequence[Any]
    ) -> Sequence[Charged | UnseenError]:
        """Charge each operation in order, with a handful of statements for the whole group.

        Whether an id is charged already was asked before the work, and the table's key holds it
        for good: here it is only asked where that key, or a refusal, says that it might be.
        """
        mark = len(transaction.bodies)
        try:
            with transaction.connection.begin_nested():
                outcomes = _Group(transaction, operations, {}).charge()
        except IntegrityError:  # an id is charged already: what stands is looked up, then once more
            del transaction.bodies[mark:]
            known = find_charges(transaction.connection, operations)
            outcomes = _Group(transaction, operations, known).charge()
        hit("charge.before_commit")
        return outcomes


class _Group:
    """The charges of one transaction: what they find, and what they will write.

    `known` are rows of the store by contract and request id; those of this group join them.
    """

    def __init__(
        self,
        transaction: Transaction,
        operations: Sequence[Charge],
        known: dict[tuple[str, str], Any],
    ) -> None:
        self._transaction = transaction
        self._operations = operations
        self._known = known
        self._standing, self._stopped = find_contracts(transaction.connection, operations)
        self._ready = find_epochs(transaction.connection, operations)
        self._cut = find_cut(transaction.connection, operations)
        self._consents = Consenting(transaction, (operation.consent for operation in operations))
        self._privacy = Ledger.read(transaction.connection, operations)
        self._rows: list[dict[str, Any]] = []
        self._changed: set[str] = set()

    def charge(self) -> list[Charged | UnseenError]:
        """Decide on every operation, write what is charged, and return what became of each."""
        outcomes = [self._charge(operation) for operation in self._operations]
        self._write()
        self._consents.write()
        self._privacy.write(self._transaction.connection)
        return outcomes

    def _charge(self, operation: Charge) -> Charged | UnseenError:
        contract, request = operation.contract, operation.request
        row = self._known.get((contract.id, request.request))
        if row is not None:
            return _again(row, operation)
        if not _lets_out(operation.released, operation):
            return InternalError("a charge is not for what the gate let out")
        permitted = self._against(operation) or self._consented(operation)
        if not isinstance(permitted, UnseenError):
            permitted = self._private(permitted)
        if isinstance(permitted, UnseenError):
            return self._denied(operation, permitted)
        operation, released = permitted, permitted.released
        used, said, state = self._standing[contract.id]
        total = used + request.units
        leaf, index = self._append(operation, total)
        self._spend(operation, index)
        if total == contract.terms.quota.units:
            state = advance(state, Event.EXHAUST)
            suite = suite_of(contract.terms.suite)
            fields = {"contract": contract.id}
            now = self._transaction.now
            self._transaction.append(event_leaf(suite, "contract.exhausted", now, fields))
        said += released.bits
        self._standing[contract.id] = (total, said, state)
        self._changed.add(contract.id)
        signer = operation.instance
        reply = released.parts if operation.kept else ()
        return Charged(index, released.nonce, signer, reply, leaf, total, state, said)

    def _against(self, operation: Charge) -> UnseenError | None:
        """Return what stands against the charge: the contract as it is now, or its epoch."""
        if operation.instance in self._cut:
            return CertificateRevokedError(
                "the instance that asked, or its party, was revoked meanwhile",
                clause="identity.revocation",
                remedy="ask the operator for a new invitation",
            )
        contract, request, released = operation.contract, operation.request, operation.released
        used, said, state = self._standing[contract.id]
        window = MAX_HELD_AGE if released.since else MAX_REQUEST_AGE
        now, stopped = self._transaction.now, self._stopped
        verdict = decide(contract.terms, state, request, Usage(used), now, window, stopped)
        if isinstance(verdict, Deny):
            return verdict.error
        most = most_bits(contract)
        if said + released.bits > most:
            return bits_exhausted(said, released.bits, most)
        if request.epoch:
            answering = self._ready.get((contract.id, request.epoch))
            if answering not in (ONLY, request.manifest):
                return epoch_over(request.epoch)
        return not_covered(EXPIRED) if now >= operation.covered else None

    def _consented(self, operation: Charge) -> Charge | UnseenError:
        """Return the operation under the root in force, with the answer that consent allows.

        Rows that were chosen by a root keep it for the contract's latency; an epoch has its own.
        """
        consent = operation.consent
        if consent is None:
            return consents_changed() if self._outlived(operation) else operation
        operation = replace(operation, consent_root=self._consents.root())
        if consent.permit is None or self._consents.answers(consent.permit):
            return operation
        if consent.withheld is None:
            return consent_over()
        billed = None if operation.billed is None else 0  # as if nobody had been found
        return replace(operation, released=consent.withheld, billed=billed, keep=b"")

    def _outlived(self, operation: Charge) -> bool:
        if operation.request.epoch:
            return False
        rule, transaction = operation.contract.terms.consent, self._transaction
        return outlived(transaction.connection, rule, operation.consent_root, transaction.now)

    def _private(self, operation: Charge) -> Charge | UnseenError:
        """Return the operation with what it costs in privacy: nothing, if it was answered before.

        What a person has let out is not replaced by another draw of the noise: it is charged.
        """
        spend = operation.privacy
        stored = self._privacy.answer(spend)
        if spend is None or stored is None or not (spend.known or operation.again):
            if spend is not None and spend.known:
                return InternalError("an answer is given again that is not stored")
            return self._privacy.against(operation.contract, spend) or operation
        if error := self._privacy.against_known(operation.contract, spend):
            return error
        released = operation.released
        if operation.again and not spend.known:
            found = operation.again(stored)
            if isinstance(found, UnseenError):
                return found
            released = found
        self._privacy.give(operation.contract, spend)
        return replace(operation, released=released, privacy=None, keep=b"")

    def _spend(self, operation: Charge, index: int) -> None:
        spend, contract = operation.privacy, operation.contract
        if spend is None:
            return
        request, snapshot = operation.request.request, operation.snapshot
        self._privacy.note(contract, request, spend, snapshot, index)
        if operation.keep:
            self._privacy.keep(contract.id, spend, snapshot, operation.keep, index)

    def _denied(self, operation: Charge, error: UnseenError) -> Charged | UnseenError:
        connection, contract = self._transaction.connection, operation.contract.id
        row = find_charge(connection, contract, operation.request.request)
        return error if row is None else _again(row, operation)

    def _append(self, operation: Charge, total: int) -> tuple[bytes, int]:
        terms, request = operation.contract.terms, operation.request
        released = operation.released
        leaf = ReleaseLeaf(
            suite=terms.suite,
            time=self._transaction.now,
            job=request.request,
            plan=terms.plan,
            leakage=terms.leakage,
            snapshot=operation.snapshot,
            request=request,
            signature=operation.signature,
            instance=operation.instance,
            release=released.commitment,
            total=total,
            privacy=rho_text(operation.privacy.units) if operation.privacy else "0",
            billed=operation.billed,
            since=released.since,
            review=released.review,
            consent_root=operation.consent_root,
        ).encode()
        index = self._transaction.append(leaf)
        row = {
            "contract": operation.contract.id,
            "request": request.request,
            "statement_digest": operation.statement_digest,
            "epoch": request.epoch,
            "units": request.units,
            "bits": released.bits,
            "leaf_index": index,
            "instance": operation.instance,
            "release_nonce": released.nonce,
            "reply": frames.pack(released.parts) if operation.kept else None,
            "opening": operation.opening,
        }
        self._rows.append(row)
        self._known[operation.contract.id, request.request] = _Row(row)
        return leaf, index

    def _write(self) -> None:
        connection = self._transaction.connection
        if self._rows:
            connection.execute(_INSERT, self._rows)
        if self._changed:
            values = [
                {"of": key, "used": used, "said": said, "standing": state.value}
                for key in sorted(self._changed)
                for used, said, state in [self._standing[key]]
            ]
            connection.execute(_UPDATE, values)


# Statements are made once: building one anew costs more than SQLite takes to answer it.
_INSERT = insert(charges)
_UPDATE = (
    update(contracts)
    .where(contracts.c.id == bindparam("of"))
    .values(
        units_used=bindparam("used"),
        bits_used=bindparam("said"),
        state=bindparam("standing"),
    )
)


def _lets_out(released: Released, operation: Charge) -> bool:
    """Return whether the gate made `released`, and for this very run."""
    run = (operation.contract.id, operation.request.request)
    return type(released) is Released and (released.contract, released.request) == run


def _again(row: Any, operation: Charge) -> Charged | UnseenError:
    """Return what was charged before for this operation's id, or why it cannot be its charge."""
    try:
        return charged_for(row, operation.statement_digest)
    except RequestIdReusedError as error:
        return error


class _Row:
    """A row that was just noted, read like one from the store."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def epoch_over(number: int) -> ManifestStaleError:
    """Return the error for a request under an epoch that does not answer (any more)."""
    return ManifestStaleError(
        f"the request is for epoch {number}; another one, or a further build, answers now",
        clause="epoch",
        remedy="fetch the present manifest and table, then ask anew",
    )
