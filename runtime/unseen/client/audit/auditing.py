"""What auditors, regulators and witnesses do with a node's log; see `checking` for the rest.

A client exports the log, keeps its heads, cosigns them, and gathers the evidence of single
requests. Checking any of it takes no client, no network and no home.
"""

import datetime as dt
import fcntl
import os
from functools import cached_property
from pathlib import Path

from unseen.client.agreements.contracts import resource
from unseen.client.audit.exporting import Exported, Exporting
from unseen.client.demanding import WITHIN, Demand
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.session import Session
from unseen.evidence import canonical, trust
from unseen.evidence.audit.bundle import Bundle, Cosigned, check_bundle
from unseen.evidence.audit.heads import Head, read_head
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.log import decode_leaf
from unseen.evidence.logged import Headed
from unseen.evidence.trust import TrustedParty
from unseen.protocols.tlog import cosign
from unseen.v1 import audit_pb2, audit_pb2_grpc, log_pb2, log_pb2_grpc


class Auditing:
    """The audit of one node, by a client of its."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._log = log_pb2_grpc.LogServiceStub(session.channel.grpc)
        self._audit = audit_pb2_grpc.AuditServiceStub(session.channel.grpc)
        self._lock: int | None = None

    def export(self, folder: Path) -> Exported:
        """Write an export; see `Client.export`."""
        return Exporting(self._session).write(folder)

    def heads(self) -> list[Head]:
        """Return the log's newest head, and then those that witnesses cosigned."""
        answer = self._session.call(self._log.GetCheckpoint, log_pb2.GetCheckpointRequest())
        self._session.channel.link()
        notes = (answer.checkpoint, *answer.cosigned)
        found = [read_head("the node", note, self._session.trust) for note in notes]
        if any(head.checkpoint.origin != self._session.profile.node.log_origin for head in found):
            raise AnswerInvalidError("a checkpoint is of another log", clause="log.origin")
        return found

    def keys(self) -> list[TrustedParty]:
        """Return the parties' keys as the node tells them; nothing is trusted by that."""
        answer = self._session.call(self._audit.GetKeys, audit_pb2.GetKeysRequest())
        return list(trust.parse(answer.keys).parties.values())

    def accept(self, parties: list[TrustedParty]) -> None:
        """Trust these keys from now on."""
        for party in parties:
            if party.role != "node":
                self._session.trust_party(party)

    def cosign(self) -> Head:
        """Cosign the newest head; see `Client.cosign`."""
        self._hold_lock()
        session = self._session
        session.call(self._log.GetCheckpoint, log_pb2.GetCheckpointRequest())
        session.channel.link()  # every head this witness has seen leads to the newest
        newest = session.channel.follower.newest
        if newest is None:  # the call above brought one
            raise AnswerInvalidError("the node showed no head of its log", clause="log.checkpoint")
        signer, suite = session.party_signer, session.suite
        note = cosign(
            newest.note,
            session.profile.party,
            suite.cosign_type,
            signer.public_key,
            signer.sign,
            time=int(dt.datetime.now(dt.UTC).timestamp()),
        )
        request = log_pb2.AddCosignatureRequest(checkpoint=note)
        served = session.call(self._log.AddCosignature, request).checkpoint
        head = read_head("the node", served, session.trust)
        own = [item for item in head.witnesses if item.key == session.profile.key_id]
        if (head.checkpoint.size, head.checkpoint.root) != (newest.size, newest.root) or not own:
            raise AnswerInvalidError("the node does not serve the cosignature", clause="cosigned")
        return head

    def bundle(self, request: str, contract: str = "") -> dict[str, Json]:
        """Return the evidence of one request; see `Client.bundle`."""
        ask = audit_pb2.GetEvidenceRequest(
            request=request, contract=resource(contract) if contract else ""
        )
        found = self._session.call(self._audit.GetEvidence, ask)
        bundle = Bundle(
            receipt=found.receipt,
            terms=Terms.decode(found.contract.terms),
            plan=Plan.from_json(canonical.decode(found.contract.plan)),
            leakage=Leakage.from_json(canonical.decode(found.contract.leakage)),
            approvals={item.role: item.token for item in found.contract.approvals},
            manifest=found.manifest,
            announcement=_announcement(found),
            cosigned=tuple(
                Cosigned(note=item.checkpoint, proof=tuple(item.proof)) for item in found.cosigned
            ),
            documents=tuple((item.type, item.body.decode()) for item in found.documents),
        ).to_json()
        verified = check_bundle(bundle, self._session.trust)
        if verified.receipt.request != request:
            raise AnswerInvalidError("the node returned another request", clause="request.id")
        return bundle

    def _hold_lock(self) -> None:
        """Keep two processes from cosigning with one home: each would know half of the heads."""
        if self._lock is not None:
            return
        path = self._session.home.root / "witness.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise HomeError(
                "another process cosigns with this home",
                clause="home",
                remedy="let one process do it: unseen audit witness --every SECONDS",
            ) from None
        self._lock = handle

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class AuditCalls:
    """Methods of `Client` about the node's log: exported, witnessed, and what it says of a request.

    Checking any of it takes no client: see `unseen.client.audit.checking`.
    """

    _session: Session

    @cached_property
    def _auditing(self) -> Auditing:
        return Auditing(self._session)

    def _stop_witnessing(self) -> None:
        self._auditing.close()

    def export(self, folder: Path | str) -> Exported:
        """Write the log, and everything needed to recompute it, into `folder`.

        An export that was interrupted goes on; one that is there grows to the present head. A
        party to contracts gets its own leaves whole and the others' hashes; the operator,
        auditors and regulators get everything. Check it with `unseen.client.check_folder`.

        Raises:
            HomeError: the folder cannot be written.
            ExportInvalidError: what is there is no export of this log.
            LogForkedError: the leaves are not those of the head that the node signed.

        """
        return self._auditing.export(Path(folder))

    def heads(self) -> list[Head]:
        """Return the log's newest head, proven to extend those seen before, then cosigned ones."""
        return self._auditing.heads()

    def keys(self, *, accept: bool = False) -> list[TrustedParty]:
        """Return the parties' keys as the node tells them.

        With `accept` they enter this home's trust file: compare them with what the parties say
        themselves before you do that.
        """
        found = self._auditing.keys()
        if accept:
            self._auditing.accept(found)
        return found

    @property
    def demand(self) -> Demand:
        """How many witnesses this home demands, and how late they may be."""
        return self._session.witnesses.demand

    def demand_witnesses(self, needed: int, within: int = WITHIN) -> Demand:
        """Ask nothing from now on unless `needed` witnesses have cosigned within so many seconds.

        They are those with the role `witness` in this home's trust file. 0 demands none. Answers
        to what was asked before are fetched all the same.

        Raises:
            InputInvalidError: a number is out of range.

        """
        self._session.witnesses.change(Demand(needed, within))
        return self.demand

    def cosign(self) -> Head:
        """Cosign the log's newest head (witness only), and return it as the node serves it.

        It was proven to extend every head that this home has seen: a witness never signs two
        histories.

        Raises:
            LogForkedError: it does not; both heads are kept as evidence, nothing is signed.
            HomeError: another process cosigns with this home.

        """
        return self._auditing.cosign()

    def bundle(self, request: str, contract: str = "") -> dict[str, Json]:
        """Return everything about one charged request, verified, for whoever settles a dispute.

        Check it anywhere with `unseen.client.check_file`.
        """
        return self._auditing.bundle(request, contract)


def _announcement(found: audit_pb2.GetEvidenceResponse) -> Headed | None:
    if not found.manifest:
        return None
    return Headed(
        leaf=decode_leaf(found.announcement),
        index=found.announcement_index,
        proof=tuple(found.announcement_proof),
        checkpoint=found.checkpoint,
    )
