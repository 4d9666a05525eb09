"""A log of any size as an honest node writes it, exported: for benches, tests, random edits.

Everything in it verifies. A small set of parties and contracts goes through every state there is;
releases fill the rest. All keys and ids follow from a seed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO

from unseen.evidence import canonical
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    CONTRACTS,
    DOCUMENTS,
    FRAME,
    LEAVES_PER_FILE,
    PARTIES,
    ContractRecord,
    Frame,
    checkpoint_line,
    contract_line,
    document_line,
    entry_line,
    frame_bytes,
    leaves_file,
    node_name,
)
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.contract import Period, Prices, Quota, Terms, sign_terms
from unseen.evidence.contracts.leakage import Leakage, Statement
from unseen.evidence.contracts.plan import Output, Plan, ReleaseSpec
from unseen.evidence.log import ReleaseLeaf, encode_leaf, event_leaf
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.manifest import Manifest, published_leaf, sign_manifest
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import Ed25519Signer, Signer, Suite, signer_id
from unseen.evidence.trust import Role, Trust, TrustedLog, TrustedParty
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.oprf import keys
from unseen.protocols.party import Rng
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.cosignature import cosign
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Frontier, leaf_hash

ORIGIN = "bench.unseen/log"
START = datetime(2026, 1, 1, tzinfo=UTC)
WITNESS = "witness"
PARTIES_OF = {"operator": "operator", "lender": "buyer", "rival": "buyer", WITNESS: "witness"}
_TABLE, _SCENARIO, _OUTPUTS = "enterprises", "credit", ("overdue", "listed")
_MODEL = "malicious buyer, semi-honest operator"
_BATCH = 7  # units of every third lookup
_EPOCH_LEAVES = 1 << 12  # a new key after so many leaves
_PER_SECOND = 50

Make = Callable[[Rng], Signer]
"""`make(rng)` returns a signer with a fresh key of the ledger's suite."""
Put = Callable[[str, Iterable[bytes]], None]
"""`put(name, lines)` writes one file of the export."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was written: whom to trust, the newest head, and one that was shown before it.

    `log` signs heads, `node` manifests, `signers` for the parties by their names, and `instance`
    the lender's requests, so that tests can forge as their owners.
    """

    trust: Trust
    head: str
    earlier: str
    log: Signer = field(repr=False)
    node: Signer = field(repr=False)
    signers: Mapping[str, Signer] = field(repr=False)
    instance: Signer = field(repr=False)


@dataclass(slots=True)
class _Book:
    """The log while it grows: leaves go out a file at a time, hashes stay in the frontier."""

    put: Put
    suite: Suite
    tree: Frontier
    time: datetime = START
    lines: list[bytes] = field(default_factory=list)

    def append(self, leaf: dict[str, Json]) -> int:
        data = encode_leaf(leaf)
        hashed = leaf_hash(data, self.suite.hash)
        index = self.tree.append(hashed)
        self.lines.append(entry_line(index, hashed, data))
        if len(self.lines) == LEAVES_PER_FILE:
            self.flush(index // LEAVES_PER_FILE)
        return index

    def event(self, kind: str, **fields: Json) -> int:
        return self.append(event_leaf(self.suite, kind, self.time, fields))

    def flush(self, number: int) -> None:
        if self.lines:
            self.put(leaves_file(number), self.lines)
        self.lines = []


@dataclass(slots=True)
class _Contract:
    record: ContractRecord
    state: str = "active"
    used: int = 0
    epoch: int = 0
    manifest: bytes = b""
    snapshot: bytes = b""


class _Domain:
    """The parties, their keys, and everything they sign."""

    def __init__(self, book: _Book, seed: int, make: Make) -> None:
        self.book, self.suite, self.rng = book, book.suite, seeded_rng(seed)
        self.signers = {name: make(self.rng) for name in PARTIES_OF}
        self.node, self.log = (make(self.rng) for _ in range(2))
        self.instances = {name: make(self.rng) for name in PARTIES_OF}
        self.documents: list[bytes] = []
        self.contracts: dict[bytes, _Contract] = {}
        self.public = keys.generate(self.rng).public_key
        self.snapshot = self.rng(32)

    def trust(self) -> Trust:
        parties = [TrustedParty(node_name(ORIGIN), "node", self.suite.id, self.node.public_key)]
        for name, role in PARTIES_OF.items():
            parties.append(_trusted(name, role, self.signers[name]))
        log = TrustedLog(self.suite.id, self.log.public_key, signer_id(self.node))
        return Trust.of(parties, [(ORIGIN, log)])

    def keep(self, kind: str, body: str) -> bytes:
        self.documents.append(document_line(self.suite, self.book.tree.size, kind, body))
        return self.suite.digest(body.encode())

    def enrol(self, name: str) -> None:
        key, certificate = signer_id(self.signers[name]), b64encode(self.rng(32))
        role = PARTIES_OF[name]
        self.book.event("party.enrolled", party=name, role=role, key=key, certificate=certificate)

    def register(self, name: str) -> None:
        signer, until = self.instances[name], START + timedelta(days=89)
        token = certify(self.signers[name], "default", signer.public_key, until)
        document = b64encode(self.keep("instance", token))
        fields: dict[str, Json] = {"party": name, "name": "default", "key": signer_id(signer)}
        self.book.event("instance.registered", **fields, document=document)

    def refresh(self, version: int) -> None:
        self.snapshot = self.rng(32)
        self.book.event(
            "table.registered",
            table=_TABLE,
            version=version,
            snapshot=b64encode(self.snapshot),
            rows=1000 * version,
            columns=b64encode(self.suite.digest(b"columns")),
        )

    def propose(self, buyer: str, kind: str, units: int) -> _Contract:
        plan, leakage = _plan(self.suite, kind), _leakage(self.suite, kind)
        terms = Terms(
            suite=self.suite.id,
            operator=signer_id(self.signers["operator"]),
            node=signer_id(self.node),
            buyer=signer_id(self.signers[buyer]),
            product=f"overdue-{kind}",
            product_digest=self.suite.digest(f"overdue-{kind}".encode()),
            table=_TABLE,
            scenario=_SCENARIO,
            kind=kind,
            protocol=plan.protocol,
            outputs=_OUTPUTS,
            quota=Quota(units=units, per_minute=10_000),
            period=Period(start=START, until=START + timedelta(days=60)),
            prices=Prices(currency="CNY", data_fee=50_000, service_fee=10_000),
            plan=plan.digest(self.suite),
            leakage=leakage.digest(self.suite),
            threat_model=_MODEL,
            openings=False,
            nonce=self.rng(16),
        )
        signers = {"operator": self.signers["operator"], "buyer": self.signers[buyer]}
        tokens = {role: sign_terms(signer, terms) for role, signer in signers.items()}
        contract = _Contract(ContractRecord(self.book.tree.size, terms, plan, leakage, tokens))
        self.contracts[contract.record.id] = contract
        self.step("contract.proposed", contract)
        for role, by in (("operator", "operator"), ("buyer", buyer)):
            kind_of = "contract.activated" if role == "buyer" else "contract.approved"
            approval = b64encode(self.suite.digest(tokens[role].encode()))
            self.step(kind_of, contract, by=by, role=role, approval=approval)
        return contract

    def step(self, kind: str, contract: _Contract, **fields: Json) -> None:
        self.book.event(kind, contract=b64encode(contract.record.id), **fields)

    def rotate(self, contract: _Contract) -> None:
        if contract.epoch:
            self.step("epoch.closed", contract, epoch=contract.epoch)
        contract.epoch += 1
        contract.snapshot, terms = self.snapshot, contract.record.terms
        manifest = Manifest(
            suite=self.suite.id,
            contract=contract.record.id,
            epoch=contract.epoch,
            public_key=self.public,
            rows=1000,
            row_bytes=17,
            label_bytes=1,
            nonce=self.rng(32),
            snapshot=self.snapshot,
            snapshot_at=self.book.time,
            root=self.rng(32),
            digest=self.rng(32),
            subject=_COLUMNS,
            outputs=_OUTPUTS,
            until=terms.period.until,
        )
        self.keep("manifest", sign_manifest(self.node, manifest))
        contract.manifest = manifest.id()
        self.book.append(published_leaf(manifest, self.book.time))

    def release(self, contract: _Contract, buyer: str, units: int = 1) -> None:
        terms = contract.record.terms
        hidden = terms.kind == "lookup"
        request = Request(
            suite=self.suite.id,
            contract=contract.record.id,
            request=self.rng(16).hex(),
            kind=terms.kind,
            units=units,
            commitment=self.rng(32),
            manifest=contract.manifest if hidden else b"",
            epoch=contract.epoch if hidden else 0,
            issued_at=self.book.time - timedelta(seconds=1),
        )
        contract.used += units
        leaf = ReleaseLeaf(
            suite=self.suite.id,
            time=self.book.time,
            job=request.request,
            plan=terms.plan,
            leakage=terms.leakage,
            snapshot=contract.snapshot if hidden else self.snapshot,
            request=request,
            signature=sign_request(self.instances[buyer], request),
            instance=signer_id(self.instances[buyer]),
            release=self.rng(32),
            total=contract.used,
        )
        self.book.append(leaf.to_json())
        if contract.used == terms.quota.units:
            self.step("contract.exhausted", contract)

    def note(self, size: int, *, cosigned: bool = False) -> str:
        body = Checkpoint(ORIGIN, size, self.book.tree.root()).body()
        note = sign_note(body, ORIGIN, self.suite.note_type, self.log.public_key, self.log.sign)
        if not cosigned:
            return note
        witness, time = self.signers[WITNESS], int(self.book.time.timestamp())
        key = witness.public_key
        return cosign(note, WITNESS, self.suite.cosign_type, key, witness.sign, time=time)


def write_ledger(
    put: Put, leaves: int = 1000, seed: int = 0, make: Make = Ed25519Signer.generate
) -> Ledger:
    """Write an export of `leaves` leaves, 100 or more, by `put`; return how to check it.

    The same seed gives the same bytes. `make` makes the keys, of one suite.
    """
    suite = make(seeded_rng(seed)).suite
    book = _Book(put, suite, Frontier(suite.hash))
    domain = _Domain(book, seed, make)
    hidden, clear = _begin(domain, leaves)
    earlier = domain.note(book.tree.size, cosigned=True)
    earlier_size = book.tree.size
    _fill(domain, hidden, clear, leaves - 2)
    domain.step("contract.suspended", clear, by="node:rules", cause="a label was changed")
    domain.step("contract.revoked", clear, by="lender")
    size = book.tree.size
    book.flush((size - 1) // LEAVES_PER_FILE)
    head = domain.note(size)
    put(CHECKPOINTS, [checkpoint_line(earlier_size, earlier), checkpoint_line(size, head)])
    trust = domain.trust()
    put(PARTIES, [canonical.encode(trust.to_json()) + b"\n"])
    records = [item.record for item in domain.contracts.values()]
    put(CONTRACTS, map(contract_line, records))
    put(DOCUMENTS, domain.documents)
    sizes = (earlier_size, size)
    frame = Frame(suite.id, ORIGIN, size, sizes, len(records), len(domain.documents))
    put(FRAME, [frame_bytes(frame)])
    instance = domain.instances["lender"]
    return Ledger(trust, head, earlier, domain.log, domain.node, domain.signers, instance)


def memory_ledger(
    leaves: int = 1000, seed: int = 0, make: Make = Ed25519Signer.generate
) -> tuple[dict[str, bytes], Ledger]:
    """Do as `write_ledger` does, into memory: the files by their names."""
    files: dict[str, bytes] = {}

    def put(name: str, lines: Iterable[bytes]) -> None:
        files[name] = b"".join(lines)

    return files, write_ledger(put, leaves, seed, make)


class Memory:
    """The files of an export in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Read `files`, by their names."""
        self.files = files

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return name in self.files

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file with their ends."""
        return iter(BytesIO(self.files[name]))


def _begin(domain: _Domain, leaves: int) -> tuple[_Contract, _Contract]:
    """Set everything up, with contracts that end early; return two that go on."""
    book = domain.book
    for name in PARTIES_OF:
        domain.enrol(name)
        domain.register(name)
    book.event("node.started", version="bench")
    domain.refresh(1)
    for kind in ("lookup", "verify"):
        digest = b64encode(domain.suite.digest(f"overdue-{kind}".encode()))
        book.event("product.registered", product=f"overdue-{kind}", digest=digest)
    hidden = domain.propose("lender", "lookup", leaves * _BATCH)
    domain.rotate(hidden)
    clear = domain.propose("lender", "verify", leaves)
    small = domain.propose("rival", "verify", 3)
    other = domain.propose("rival", "lookup", 100)
    domain.rotate(other)
    for _ in range(3):
        domain.release(small, "rival")
    domain.release(other, "rival", 4)
    domain.step("contract.revoked", other, by="rival")
    domain.step("epoch.closed", other, epoch=1)
    domain.step("contract.suspended", hidden, by="node:mandate", cause="a mandate ended")
    domain.step("contract.resumed", hidden, by="node:mandate", cause="the mandate was renewed")
    return hidden, clear


def _fill(domain: _Domain, hidden: _Contract, clear: _Contract, size: int) -> None:
    book, version = domain.book, 1
    while (place := book.tree.size) < size:
        if place % _EPOCH_LEAVES == _EPOCH_LEAVES - 1 and place + 3 < size:
            version += 1
            domain.refresh(version)
            domain.rotate(hidden)
        elif place % 3:
            domain.release(hidden, "lender", _BATCH if place % 9 == 1 else 1)
        else:
            domain.release(clear, "lender")
        if place % _PER_SECOND == 0:
            book.time += timedelta(seconds=1)


_COLUMNS = (SubjectColumn("name", "string"),)


def _plan(suite: Suite, kind: str) -> Plan:
    hidden = kind == "lookup"
    return Plan(
        suite=suite.id,
        kind=kind,
        protocol="oprf_table" if hidden else "clear",
        table=_TABLE,
        subject_columns=_COLUMNS,
        columns_read=("name", "debt"),
        outputs=tuple(
            Output(name=name, text=name, expression_digest=suite.digest(name.encode()))
            for name in _OUTPUTS
        ),
        bits_per_unit=4,
        label_bytes=1 if hidden else 0,
        threat_model=_MODEL,
        retention="replies are kept until the epoch ends",
        release=ReleaseSpec(type="verdicts", bits_per_run=4 * _BATCH, bits_in_all=4 * 10**8),
    )


def _leakage(suite: Suite, kind: str) -> Leakage:
    statement = Statement(
        party="operator",
        what="query-count",
        text="how many subjects are asked about, and when",
        text_zh="查询次数与时间",
        bound="the quota",
    )
    return Leakage(suite=suite.id, statements=(statement,), ciphertext_leaves=kind == "lookup")


def _trusted(name: str, role: str, signer: Signer) -> TrustedParty:
    roles: dict[str, Role] = {"operator": "operator", "buyer": "buyer", "witness": "witness"}
    return TrustedParty(name, roles[role], signer.suite.id, signer.public_key)
