"""What a hidden query needs of its contract's present epoch: checked manifest and table.

The manifest is believed when the pinned node signed it, the contract's terms and plan say the
same, the log announced it, and this home has seen no later epoch of the contract and no other
manifest of this one, but for that of an earlier build of a table that stays with its owner: so
every buyer is shown one key and one table at a time. A node that shows two is refused, and both are
kept. Two homes find out by comparing the ids their receipts name.
"""

import threading
import time
from dataclasses import dataclass

from unseen.client.agreements.contracts import Contracts, resource
from unseen.client.errors import AnswerInvalidError, WireError
from unseen.client.leaves import check_logged
from unseen.client.local.home import read_file, write_json
from unseen.client.queries.tables import (
    fetch_table,
    keep_manifest,
    load_manifest,
    map_table,
    note_before,
)
from unseen.client.session import Session
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.releases.manifest import Manifest, build_fault, verify_manifest
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.match import EVALUATIONS
from unseen.protocols.lookup.oprf_table import Table
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

_MANIFEST_SECONDS = 600.0
_BUILD_SECONDS = 900.0
_BUILD_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of one contract. `id` is the manifest's, in base64url and as 32 bytes."""

    contract: str
    terms: Terms
    manifest: Manifest
    id: str
    id_bytes: bytes
    table: Table
    read_at: float

    @property
    def evaluations(self) -> int:
        """Return how many elements a unit has: two where whole subjects are matched."""
        return EVALUATIONS if self.manifest.match else 1


class Epochs:
    """The epochs that this client asks under, fetched when first needed. Thread-safe."""

    def __init__(self, session: Session, contracts: Contracts) -> None:
        """Use `session` for the calls and `contracts` for the terms."""
        self._session = session
        self._contracts = contracts
        self._stub = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)
        self._epochs: dict[str, Epoch] = {}
        self._opening = threading.Lock()

    def present(self, contract: str) -> Epoch:
        """Return the contract's present epoch; waits while the node builds its table."""
        known = self._fresh(contract)
        if known is not None:
            return known
        with self._opening:
            known = self._fresh(contract)
            if known is None:
                known = self._open(contract, self._fetch(contract))
                self._epochs[contract] = known
            return known

    def forget(self, contract: str) -> None:
        """Ask the node again before the contract's next query: its epoch is over."""
        with self._opening:
            self._epochs.pop(contract, None)

    def past(self, contract: str, manifest: str) -> Epoch:
        """Return the epoch of the manifest with this id, which this home has seen before."""
        known = self._epochs.get(contract)
        if known is not None and known.id == manifest:
            return known
        return self._open(contract, load_manifest(self._session, manifest)[1])

    def _fresh(self, contract: str) -> Epoch | None:
        known = self._epochs.get(contract)
        if known is None or time.monotonic() - known.read_at > _MANIFEST_SECONDS:
            return None
        return known

    def _open(self, contract: str, manifest: Manifest) -> Epoch:
        known = self._epochs.get(contract)
        if known is not None and known.manifest == manifest:
            table = known.table
        else:
            table = map_table(fetch_table(self._session, contract, manifest))
        identifier = manifest.id()
        return Epoch(
            contract=contract,
            terms=self._contracts.terms(contract),
            manifest=manifest,
            id=b64encode(identifier),
            id_bytes=identifier,
            table=table,
            read_at=time.monotonic(),
        )

    def _fetch(self, contract: str) -> Manifest:
        self._check_kind(contract)
        session = self._session
        node_key = session.profile.node.evidence_key
        while True:
            before = session.state.epoch(contract)
            answer = self._wait(contract)
            manifest = verify_manifest(answer.manifest, session.suite, node_key)
            self._check(contract, manifest, answer.manifest)
            check_logged(
                session,
                answer.leaf,
                answer.leaf_index,
                answer.inclusion_proof,
                answer.checkpoint,
                manifest=manifest,
            )
            self._check_known(contract, manifest, before, answer)
            keep_manifest(session.home, manifest, answer.manifest)
            found = manifest.epoch, b64encode(manifest.id())
            over = before[1] if before and before[0] == found[0] else ""
            if over not in ("", found[1]):
                note_before(session.home, manifest, over)
            kept = session.state.save_epoch(contract, *found, over=over)
            if kept == found:
                return manifest
            # Another process of this home has seen more since; only what it saw before counts.
            if kept[0] == found[0] and self._fault(manifest, kept[1]):
                self._check_known(contract, manifest, kept, answer)

    def _fault(self, before: Manifest, identifier: str) -> str:
        """Return what says that a manifest of this home is no later build than `before`."""
        return build_fault(before, load_manifest(self._session, identifier)[1])

    def _check_known(
        self,
        contract: str,
        manifest: Manifest,
        known: tuple[int, str] | None,
        answer: lookup_pb2.GetManifestResponse,
    ) -> None:
        """Refuse an epoch before the one `known`, and manifests of that one but of later builds."""
        identifier = b64encode(manifest.id())
        if known is None or manifest.epoch > known[0] or (manifest.epoch, identifier) == known:
            return
        fault = self._against_build(manifest, known)
        if not fault:
            return
        home = self._session.home
        path = home.evidence(f"manifest-{identifier[:16]}.json")
        value: dict[str, Json] = {
            "v": 1,
            "type": "manifests",
            "contract": contract,
            "before": read_file(home.table(f"{known[1]}.manifest")).decode(),
            "after": answer.manifest,
            "leaf": b64encode(answer.leaf),
            "index": answer.leaf_index,
            "proof": b64encode(b"".join(answer.inclusion_proof)),
            "checkpoint": answer.checkpoint,
        }
        write_json(path, value)
        what = "another manifest of" if manifest.epoch == known[0] else "the earlier"
        raise AnswerInvalidError(
            f"the node showed {what} epoch {manifest.epoch} after that of epoch {known[0]}",
            clause=f"manifest.{fault}",
            remedy=f"stop using this node and show {path} to whoever supervises it",
        )

    def _against_build(self, manifest: Manifest, known: tuple[int, str]) -> str:
        """Return what says that `manifest` is no later build of the one `known`; else nothing."""
        if manifest.epoch != known[0]:
            return "epoch"
        before = load_manifest(self._session, known[1])[1]
        built_again = max(manifest.build, before.build) > 1
        return build_fault(before, manifest) if built_again else "epoch"

    def _wait(self, contract: str) -> lookup_pb2.GetManifestResponse:
        request = lookup_pb2.GetManifestRequest(contract=resource(contract))
        give_up = time.monotonic() + _BUILD_SECONDS
        while True:
            try:
                return self._session.call(self._stub.GetManifest, request)
            except WireError as error:
                over = error.clause == "epoch.failed" or time.monotonic() > give_up
                if error.reason != "EPOCH_NOT_READY" or over:
                    raise
            self._session.progress("the node is building the encrypted table", 0, 0)
            time.sleep(_BUILD_PAUSE)

    def _check_kind(self, contract: str) -> None:
        kind = self._contracts.terms(contract).kind
        if kind != "lookup":
            raise InputInvalidError(
                f"the contract is for kind {kind}",
                clause="kind",
                remedy=f"ask with: unseen {kind} {contract} ...",
            )

    def _check(self, contract: str, manifest: Manifest, token: str) -> None:
        terms, plan = self._contracts.terms(contract), self._contracts.plan(contract)
        clauses: tuple[tuple[str, object, object], ...] = (
            ("contract", manifest.contract, terms.id()),
            ("suite", manifest.suite, terms.suite),
            ("protocol", manifest.protocol, terms.protocol),
            ("outputs", manifest.outputs, terms.outputs),
            ("outputs", manifest.outputs, tuple(output.name for output in plan.outputs)),
            ("subject", manifest.subject, plan.subject_columns),
            ("match", manifest.match, plan.match),
            ("label_bytes", manifest.label_bytes, plan.label_bytes),
        )
        for clause, found, expected in clauses:
            if found != expected:
                path = self._session.home.evidence(f"manifest-{b64encode(manifest.id())[:16]}.json")
                value: dict[str, Json] = {
                    "v": 1,
                    "type": "manifest",
                    "contract": contract,
                    "clause": clause,
                    "manifest": token,
                }
                write_json(path, value)
                raise AnswerInvalidError(
                    f"the manifest's {clause} is not the contract's",
                    clause=f"manifest.{clause}",
                    remedy=f"show {path} to the operator, who signed it",
                )
