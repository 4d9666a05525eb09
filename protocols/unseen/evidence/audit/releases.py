"""Releases and epochs: every release has a contract in force, an instance, an epoch, a quota.

What is not checked, since the log does not say it: the pace of requests within a minute, which
the node measures when a request arrives, and that an answer was true.
"""

from collections.abc import Iterator
from datetime import datetime

from unseen.evidence.audit.consents import Consents
from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Contracts, Epoch, Standing
from unseen.evidence.audit.findings import EXPORTER
from unseen.evidence.audit.gate import Gate
from unseen.evidence.audit.leaves import Event, Release, decode_b64
from unseen.evidence.audit.parties import Certified, Parties
from unseen.evidence.audit.privacy import Privacy
from unseen.evidence.audit.signatures import Signature
from unseen.evidence.audit.tables import Tables
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.manifest import MAX_BUILD_AGE, Manifest, build_fault
from unseen.evidence.releases.request import signed_bytes

_LOOKUP = b"lookup"


class Releases:
    """Follows epochs and releases, leaf by leaf."""

    def __init__(
        self, context: Context, contracts: Contracts, parties: Parties, tables: Tables
    ) -> None:
        """Start before the first leaf."""
        self._context, self._contracts = context, contracts
        self._parties, self._tables = parties, tables
        self._manifests: dict[str, bytes] = {}
        self.count = self.units = 0
        self.stopped: int | None = None  # the leaf that stopped the whole node
        self.left: int | None = None  # the leaf that handed it over
        self.gate = Gate(context)
        self.consents = Consents(context)
        self.privacy = Privacy(context, tables)

    def index_manifests(self) -> None:
        """Remember which document holds which manifest; leaves name manifests, not documents."""
        for identifier, read in self._context.documents.items():
            if isinstance(read.facts, Manifest):
                self._manifests[b64encode(read.facts.id())] = identifier

    def published(self, index: int, leaf: Event) -> None:
        """Take note of an epoch, if its manifest is the contract's."""
        contract = self._contracts.of(index, leaf)
        manifest = self._manifest(index, leaf)
        if contract is None or manifest is None:
            return
        fail, terms, number = self._context.fail, contract.terms, manifest.epoch
        claimed = (leaf.fields.get("contract"), leaf.fields.get("epoch"))
        rest = (leaf.fields.get("snapshot"), leaf.fields.get("root"))
        named = (b64encode(manifest.contract), number)
        if (claimed, rest) != (named, (b64encode(manifest.snapshot), b64encode(manifest.root))):
            fail("epoch.manifest", index, "the manifest is not the one that the leaf describes")
            return
        if contract.state is not State.ACTIVE:
            fail("epoch.contract", index, f"begins an epoch of a {contract.state.value} contract")
        since = self._built_again(index, leaf, contract, manifest) if manifest.build > 1 else None
        if manifest.build == 1 and number <= max(contract.epochs, default=0):
            fail("epoch.number", index, f"epoch {number} does not follow the last one")
        others = (epoch for known, epoch in contract.epochs.items() if known != number or not since)
        if any(epoch.closed is None for epoch in others):
            fail("epoch.open", index, "begins an epoch while another one is open")
        stated = (manifest.outputs, manifest.protocol, "lookup")
        agreed = (terms.outputs, terms.protocol, terms.kind)
        if stated != agreed or manifest.until > terms.period.until:
            what = "the manifest's outputs, protocol or end are not the contract's"
            fail("epoch.terms", index, what)
        snapshot = b64encode(manifest.snapshot).encode()
        if not self._tables.has(terms.table, snapshot):
            fail("epoch.snapshot", index, "is built from a snapshot that was not registered")
        self.consents.published(index, terms, manifest)
        root = b64encode(manifest.consent_root).encode()
        name = b64encode(manifest.id()).encode()
        contract.epochs[number] = Epoch(
            name, snapshot, root, stated=manifest, since=since or leaf.time
        )

    def _built_again(
        self, index: int, leaf: Event, contract: Standing, manifest: Manifest
    ) -> datetime | None:
        """Check a further build of an open epoch; return since when that is, if there is one."""
        fail, before = self._context.fail, contract.epochs.get(manifest.epoch)
        if before is None or before.closed is not None or before.stated is None:
            fail("epoch.build", index, "is a further build of an epoch that is not open")
            return None
        if manifest.build != before.stated.build + 1:
            fail("epoch.build", index, f"build {manifest.build} does not follow the last one")
        elif field := build_fault(before.stated, manifest):
            fail("epoch.build", index, f"has another {field} than a further build may have")
        since = before.since or leaf.time
        if leaf.time - since > MAX_BUILD_AGE:
            what = f"builds under a key that is older than {MAX_BUILD_AGE.days} days"
            fail("epoch.age", index, what)
        return since

    def closed(self, index: int, leaf: Event) -> None:
        """Take note that an epoch has ended."""
        contract = self._contracts.of(index, leaf)
        if contract is None:
            return
        number = leaf.fields.get("epoch")
        epoch = contract.epochs.get(number) if isinstance(number, int) else None
        if epoch is None or epoch.closed is not None:
            self._context.fail("epoch.closed", index, "closes an epoch that is not open")
            return
        epoch.closed = index

    def halted(self, index: int, leaf: Event) -> None:
        """Take note that the whole node is stopped, or goes on."""
        self.stopped = index if leaf.type == "node.stopped" else None

    def reviewed(self, index: int, leaf: Event) -> None:
        """Take note of what the gate holds, refuses, or lets out by a decision."""
        self.gate.reviewed(index, leaf, self._contracts.of(index, leaf))

    def released(self, index: int, leaf: Release) -> None:
        """Check that the release was allowed, and count it."""
        self.count, self.units = self.count + 1, self.units + leaf.units
        contract = self._contracts.by_id.get(leaf.contract)
        if contract is None:
            what = "is about a contract that the export lacks"
            self._context.fail("export.contracts", index, what, party=EXPORTER)
            return
        for rule, what in self._faults(contract, leaf):
            self._context.fail(f"release.{rule}", index, what)
        self._check_instance(index, contract, leaf)
        contract.used = leaf.total
        contract.requests.add(leaf.request)

    def _faults(self, contract: Standing, leaf: Release) -> Iterator[tuple[str, str]]:
        terms = contract.terms
        if self.stopped is not None:
            yield "stopped", f"released while the node was stopped by leaf {self.stopped}"
        if self.left is not None:
            yield "handover", f"released after leaf {self.left} had handed the node over"
        if contract.state is not State.ACTIVE:
            yield "contract", f"released under a contract that is {contract.state.value}"
        if not terms.period.covers(leaf.time):
            yield "period", "released outside the contract's period"
        if not self._contracts.mandates.covers(leaf.contract, terms, leaf.time):
            yield "mandate", "released while no mandate covered the contract"
        if leaf.kind != terms.kind.encode():
            yield "kind", "is of another kind than the contract"
        if leaf.plan != contract.plan:
            yield "plan", "followed another plan than the contract's"
        if (leaf.billed is not None) != terms.bills_hits:
            yield "billed", "bills hits, or does not, other than the contract"
        if leaf.leakage != contract.leakage:
            yield "leakage", "names another leakage statement than the contract's"
        yield from self._sum_faults(contract, leaf)
        yield from self.gate.faults(contract, leaf)
        yield from self.privacy.faults(contract, leaf)
        yield from self._epoch_faults(contract, leaf)
        yield from self.consents.faults(terms, leaf, contract.epochs.get(leaf.epoch))

    def _sum_faults(self, contract: Standing, leaf: Release) -> Iterator[tuple[str, str]]:
        quota = contract.terms.quota.units
        if not leaf.timely:
            yield "window", "request and release are further apart than they may be"
        if leaf.request in contract.requests:
            yield "request", "is charged for a request that was charged before"
        if leaf.total != contract.used + leaf.units:
            yield "total", f"the total is {leaf.total} after {contract.used} and {leaf.units} more"
        if leaf.total > quota:
            yield "quota", f"the total of {leaf.total} exceeds the quota of {quota}"

    def _epoch_faults(self, contract: Standing, leaf: Release) -> Iterator[tuple[str, str]]:
        if leaf.kind != _LOOKUP:
            if leaf.epoch:
                yield "epoch", "names an epoch, and its kind has none"
            if not self._tables.has(contract.terms.table, leaf.snapshot):
                yield "snapshot", "used a snapshot that was not registered"
            return
        epoch = contract.epochs.get(leaf.epoch)
        if epoch is None:
            yield "epoch", "used an epoch whose manifest was not published before"
            return
        if epoch.closed is not None:
            yield "epoch", f"used an epoch that leaf {epoch.closed} had closed"
        if epoch.manifest != leaf.manifest:
            yield "manifest", "was asked under another manifest than the epoch's"
        if epoch.snapshot != leaf.snapshot:
            yield "snapshot", "used another snapshot than the epoch's"

    def _check_instance(self, index: int, contract: Standing, leaf: Release) -> None:
        fail, instance = self._context.fail, self._parties.instances.get(leaf.instance)
        if instance is None:
            fail("release.instance", index, "was asked for by an instance nobody registered")
            return
        if instance.revoked is not None or instance.party.revoked is not None:
            fail("release.revoked", index, "was asked for by an instance that was revoked before")
        if instance.party.key != contract.terms.buyer:
            fail("release.buyer", index, "was asked for by an instance that is not the buyer's")
        if max(leaf.time, leaf.issued_at) >= instance.until:
            fail("release.instance", index, "was asked for after the certification had ended")
        self._check_signature(index, leaf, instance)

    def _check_signature(self, index: int, leaf: Release, instance: Certified) -> None:
        suite = self._context.suite
        signature = Signature(
            suite.id, instance.key, decode_b64(leaf.signature), signed_bytes(leaf.statement)
        )
        self._context.pending.add(signature, self._context.author, index)

    def _manifest(self, index: int, leaf: Event) -> Manifest | None:
        identifier = self._manifests.get(str(leaf.fields.get("manifest")), b"")
        found = self._context.document("manifest", identifier, index)
        return found if isinstance(found, Manifest) else None
