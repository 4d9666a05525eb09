"""A small world for the tests of evidence, in two suites: `intl` and a dummy one.

The dummy suite (Ed448 with SHA3-256) has other key, signature and note sizes, so that a format
welded to the first suite fails here.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey

from unseen.evidence import suite as suites
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Period, Prices, Quota, Terms
from unseen.evidence.contracts.leakage import Leakage, Statement
from unseen.evidence.contracts.plan import Output, Plan
from unseen.evidence.errors import SignatureInvalidError
from unseen.evidence.log import ReleaseLeaf, encode_leaf
from unseen.evidence.logged import Headed
from unseen.evidence.oversight.opening import make_opening, prove_rows
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.manifest import Manifest, published_leaf, sign_manifest
from unseen.evidence.releases.receipt import issue
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, Ed25519Signer, Signer, Suite, register, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.protocols.lookup.oprf_table import TableParameters, build, epoch_domain, pack_verdicts
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.server import evaluate
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Tree, leaf_hash, node_hash

ORIGIN = "node.example.org/log"
NOW = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)


def _check_ed448(public_key: bytes, signature: bytes, data: bytes) -> None:
    try:
        Ed448PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise SignatureInvalidError("signature does not verify") from None


DUMMY = Suite(
    id="dummy",
    algorithm="Ed448",
    note_type=b"\xff",
    key_bytes=57,
    signature_bytes=114,
    hash=lambda data: hashlib.sha3_256(data).digest(),
    check=_check_ed448,
)
register(DUMMY)


class Ed448Signer:
    """Signs for the dummy suite."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed448PrivateKey.from_private_bytes(seed)

    @property
    def suite(self) -> Suite:
        return DUMMY

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def make_signer(suite: Suite, number: int) -> Signer:
    seed = bytes([number])
    return Ed25519Signer(seed * 32) if suite is INTL else Ed448Signer(seed * 57)


@dataclass
class World:
    """One operator, its node and log, one buyer and its client instance."""

    suite: Suite

    def __post_init__(self) -> None:
        self.operator, self.node, self.buyer, self.client, self.log, self.stranger = (
            make_signer(self.suite, number) for number in range(1, 7)
        )
        parties = [
            TrustedParty(
                "Registry of Example", "operator", self.suite.id, self.operator.public_key
            ),
            TrustedParty("node-1", "node", self.suite.id, self.node.public_key),
            TrustedParty("示范银行", "buyer", self.suite.id, self.buyer.public_key),
        ]
        log = TrustedLog(self.suite.id, self.log.public_key, signer_id(self.node))
        self.trust = Trust.of(parties, [(ORIGIN, log)])
        self.origin, self.ends = ORIGIN, NOW + timedelta(days=30)
        self.instance = certify(self.buyer, "desk 7", self.client.public_key, self.ends)
        self.columns = (SubjectColumn("name", "string"), SubjectColumn("birth", "date"))
        self.tree = Tree(self.suite.hash)
        for entry in range(5):
            self.tree.append(leaf_hash(b"%d" % entry, self.suite.hash))

    def hash(self, text: str) -> bytes:
        return self.suite.digest(text.encode())

    def plan(self, **changes: Any) -> Plan:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "kind": "lookup",
            "protocol": "oprf_table",
            "table": "enterprises",
            "subject_columns": self.columns,
            "columns_read": ("name", "birth", "debt"),
            "outputs": (
                Output(name="overdue", text="debt is overdue", expression_digest=self.hash("a")),
                Output(name="listed", text="是否被列入名单", expression_digest=self.hash("b")),
            ),
            "bits_per_unit": 4,
            "label_bytes": 1,
            "threat_model": "malicious buyer, semi-honest operator",
            "retention": "replies are kept until the epoch ends",
        }
        return Plan(**fields | changes)

    def leakage(self, **changes: Any) -> Leakage:
        line = Statement(
            party="operator",
            what="query-count",
            text="how many subjects are asked about, and when",
            text_zh="查询次数与时间",
            bound="the quota",
        )
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "statements": (line, dataclasses.replace(line, party="network", what="sizes")),
            "ciphertext_leaves": True,
        }
        return Leakage(**fields | changes)

    def terms(self, **changes: Any) -> Terms:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "operator": signer_id(self.operator),
            "node": signer_id(self.node),
            "buyer": signer_id(self.buyer),
            "product": "overdue-check",
            "product_digest": self.hash("product"),
            "table": "enterprises",
            "scenario": "贷前核验",
            "kind": "lookup",
            "protocol": "oprf_table",
            "outputs": ("overdue", "listed"),
            "quota": Quota(units=1000, per_minute=60),
            "period": Period(start=NOW - timedelta(days=1), until=NOW + timedelta(days=30)),
            "prices": Prices(currency="CNY", data_fee=50_000, service_fee=10_000),
            "plan": self.plan().digest(self.suite),
            "leakage": self.leakage().digest(self.suite),
            "threat_model": "malicious buyer, semi-honest operator",
            "openings": True,
            "nonce": bytes(range(16)),
        }
        return Terms(**fields | changes)

    def request(self, number: int = 1, **changes: Any) -> Request:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "contract": self.terms().id(),
            "request": f"{number:032x}",
            "kind": "lookup",
            "units": 1,
            "commitment": self.hash("request"),
            "manifest": self.hash("manifest"),
            "epoch": 1,
            "issued_at": NOW,
        }
        return Request(**fields | changes)

    def leaf(self, request: Request | None = None, **changes: Any) -> ReleaseLeaf:
        request = self.request() if request is None else request
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "time": NOW + timedelta(seconds=1),
            "job": "job-1",
            "plan": self.plan().digest(self.suite),
            "leakage": self.leakage().digest(self.suite),
            "snapshot": self.hash("snapshot"),
            "request": request,
            "signature": sign_request(self.client, request),
            "instance": signer_id(self.client),
            "release": self.hash("release"),
            "total": request.units,
        }
        return ReleaseLeaf(**fields | changes)

    def checkpoint(self, size: int, root: bytes, signer: Signer | None = None) -> str:
        signer = self.log if signer is None else signer
        body = Checkpoint(ORIGIN, size, root).body()
        return sign_note(body, ORIGIN, self.suite.note_type, signer.public_key, signer.sign)

    def receipt(self, leaf: ReleaseLeaf | None = None, **changes: Any) -> str:
        """Append `leaf` to the log, one more after it, and return its receipt."""
        leaf = self.leaf() if leaf is None else leaf
        index = self.tree.append(leaf_hash(encode_leaf(leaf.to_json()), self.suite.hash))
        self.tree.append(leaf_hash(b"after", self.suite.hash))
        fields: dict[str, Any] = {
            "signer": self.node,
            "leaf": leaf,
            "index": index,
            "proof": self.tree.inclusion_proof(index),
            "checkpoint": self.checkpoint(self.tree.size, self.tree.root()),
            "instance": self.instance,
        }
        return issue(**fields | changes)

    def announce(self, manifest: Manifest, leaf: Any = None) -> Headed:
        """Append the leaf that announces `manifest`, or `leaf`, to the log and prove it."""
        leaf = published_leaf(manifest, NOW) if leaf is None else leaf
        index = self.tree.append(leaf_hash(encode_leaf(leaf), self.suite.hash))
        proof = tuple(self.tree.inclusion_proof(index))
        note = self.checkpoint(self.tree.size, self.tree.root())
        return Headed(leaf=leaf, index=index, proof=proof, checkpoint=note)

    def receipt_deep(self, leaf: ReleaseLeaf, depth: int, **changes: Any) -> str:
        """Return the receipt of `leaf`, the last one in a log of 2^depth leaves."""
        index, root = 2**depth - 1, leaf_hash(encode_leaf(leaf.to_json()), self.suite.hash)
        proof = [self.hash(str(level)) for level in range(depth)]
        for sibling in proof:
            root = node_hash(sibling, root, self.suite.hash)
        checkpoint = self.checkpoint(2**depth, root)
        fields: dict[str, Any] = {"instance": self.instance, "checkpoint": checkpoint}
        fields |= {"signer": self.node, "leaf": leaf, "index": index, "proof": proof}
        return issue(**fields | changes)

    def manifest(self, **changes: Any) -> Manifest:
        """Return a manifest of a table without rows."""
        empty = self.suite.digest(b"")
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "contract": self.terms().id(),
            "epoch": 1,
            "public_key": keys.generate(seeded_rng(1)).public_key,
            "rows": 0,
            "row_bytes": 17,
            "label_bytes": 1,
            "nonce": self.hash("nonce"),
            "snapshot": self.hash("snapshot"),
            "snapshot_at": NOW - timedelta(days=1),
            "root": empty,
            "digest": empty,
            "subject": self.columns,
            "outputs": ("overdue", "listed"),
            "until": NOW + timedelta(days=1),
        }
        return Manifest(**fields | changes)


PEOPLE = (("Ada", "1815-12-10"), ("Bao", "1990-01-31"), ("陈", "2001-02-03"), ("Dai", "1970-01-01"))
VERDICTS = ((True, False), (None, True), (False, False), (True, None))


class Lookup:
    """A whole hidden lookup in a `World`: table, batch, receipt and what opens it."""

    def __init__(
        self,
        world: World,
        people: Sequence[tuple[str, str]] = PEOPLE,
        labels: dict[tuple[str, str], bytes] | None = None,
    ) -> None:
        self.world, self.rng = world, seeded_rng(7)
        suite, self.key = world.suite, keys.generate(seeded_rng(1))
        parameters = TableParameters(
            domain=epoch_domain(world.terms().id(), 1), nonce=world.hash("nonce"), label_bytes=1
        )
        self.domain = parameters.domain
        labels = {
            person: pack_verdicts(verdicts, 1)
            for person, verdicts in zip(people, VERDICTS, strict=False)
        } | (labels or {})
        items = [(self.subject(person), label) for person, label in labels.items()]
        self.table = build(parameters, self.key, items)
        rows = Tree(suite.hash)
        for start in range(0, len(self.table), 17):
            rows.append(leaf_hash(self.table[start : start + 17], suite.hash))
        self.manifest = world.manifest(
            rows=rows.size, root=rows.root(), digest=suite.digest(self.table)
        )

    def subject(self, person: tuple[str, str]) -> bytes:
        values = (person[0], datetime.fromisoformat(person[1]).date())
        return encode_subject(self.world.columns, values, self.domain)

    def ask(self, people: Sequence[tuple[str, str]], position: int, **changes: Any) -> Any:
        """Ask about `people` in one batch and return the opening of the one at `position`."""
        return next(self._ask(people, [position], changes))

    def ask_all(self, people: Sequence[tuple[str, str]]) -> Iterator[Any]:
        """Ask about `people` in one batch and return the openings of all of them."""
        return self._ask(people, range(len(people)), {})

    def _ask(
        self,
        people: Sequence[tuple[str, str]],
        positions: Sequence[int],
        changes: dict[str, Any],
    ) -> Iterator[Any]:
        world, suite = self.world, self.world.suite
        blinded = blind([self.subject(person) for person in people], Mode.VOPRF, self.rng)
        nonces = self.rng(32), self.rng(32)
        request = world.request(
            commitment=commit(suite, nonces[0], blinded.elements),
            manifest=self.manifest.id(),
            units=len(people),
        )
        reply = evaluate(self.key, blinded.elements, Mode.VOPRF, self.rng)
        release = commit(suite, nonces[1], (*reply.elements, reply.proof))
        outputs = blinded.finish(reply, self.key.public_key)
        announcement = world.announce(self.manifest)
        fields: dict[str, Any] = {
            "receipt": world.receipt(world.leaf(request, release=release)),
            "terms": world.terms(),
            "manifest": sign_manifest(world.node, self.manifest),
            "announcement": announcement,
            "blinded": blinded.elements,
            "evaluated": reply.elements,
            "dleq": reply.proof,
            "request_nonce": nonces[0],
            "release_nonce": nonces[1],
        }
        for position in positions:
            fields["subject"], fields["position"] = people[position], position
            fields["blind"] = blinded.blinds[position]
            if "rows" not in changes:
                fields["rows"] = prove_rows(self.manifest, self.table, outputs[position])
            yield make_opening(**fields | changes)


@pytest.fixture(params=["intl", "dummy"])
def suite(request: pytest.FixtureRequest) -> Suite:
    return suites.suite_of(request.param)


@pytest.fixture
def world(suite: Suite) -> World:
    return World(suite)


@pytest.fixture
def intl() -> World:
    return World(INTL)


@pytest.fixture
def lookup(world: World) -> Lookup:
    return Lookup(world)


@pytest.fixture
def make_lookup() -> type[Lookup]:
    return Lookup


@pytest.fixture
def intl_lookup(intl: World) -> Lookup:
    return Lookup(intl)
