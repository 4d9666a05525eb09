"""A home of a made-up party, the pins of a made-up node, and such a node without a network."""

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from unseen.client.follow import Follower
from unseen.client.local.home import Home
from unseen.client.local.profile import Node, Profile
from unseen.client.local.sealing import make_local_key
from unseen.client.local.state import State
from unseen.client.queries.lookups import Lookups
from unseen.client.queries.tables import table_name
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Period, Prices, Quota, Terms
from unseen.evidence.contracts.plan import Output, Plan
from unseen.evidence.log import ReleaseLeaf, encode_leaf
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.manifest import Manifest, published_leaf, sign_manifest
from unseen.evidence.releases.receipt import issue
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import INTL, Ed25519Signer, key_id, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.protocols.lookup.oprf_table import TableParameters, build, epoch_domain
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.server import evaluate
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.tlog import Checkpoint, Tree, leaf_hash, sign_note
from unseen.v1 import lookup_pb2, request_pb2

ORIGIN = "node.test/log"
ROWS = 20
COLUMNS = (SubjectColumn("id", "integer"),)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def node() -> Node:
    return Node(
        name="node",
        address="127.0.0.1:1",
        evidence_key=Ed25519Signer(b"\x01" * 32).public_key,
        log_origin=ORIGIN,
        log_key=Ed25519Signer(b"\x07" * 32).public_key,
        operator_key=Ed25519Signer(b"\x02" * 32).public_key,
    )


@pytest.fixture
def profile(node: Node) -> Profile:
    key = Ed25519Signer(b"\x03" * 32).public_key
    return Profile("lender", "buyer", "default", "intl", key, node)


class FakeNode:
    """A node with one contract, called as a function; every step may be made to misbehave.

    `labels` are its rows; `sent` counts the subjects of each request. `spoil` may change an
    evaluated batch before it is committed to, `answered` an answer before it leaves.
    """

    def __init__(self) -> None:
        self.signer, self.log = Ed25519Signer(b"\x01" * 32), Ed25519Signer(b"\x07" * 32)
        self.buyer, self.instance = Ed25519Signer(b"\x03" * 32), Ed25519Signer(b"\x04" * 32)
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self.tree, self.total = Tree(), 0
        self.labels = dict.fromkeys(range(ROWS), b"\x02")
        self.sent: list[int] = []
        self.spoil: Callable[[list[bytes]], None] = lambda _: None
        self.answered: Callable[[Any], None] = lambda _: None
        self.fork = False
        digest = INTL.digest(b"")
        self.plan = Plan(
            suite="intl",
            kind="lookup",
            protocol="oprf_table",
            table="people",
            subject_columns=COLUMNS,
            columns_read=("id",),
            outputs=(Output(name="rich", text="Is rich", expression_digest=digest),),
            bits_per_unit=2,
            label_bytes=1,
            threat_model="none",
            retention="none",
        )
        self.terms = Terms(
            suite="intl",
            operator=signer_id(Ed25519Signer(b"\x02" * 32)),
            node=signer_id(self.signer),
            buyer=signer_id(self.buyer),
            product="p",
            product_digest=digest,
            table="people",
            scenario="test",
            kind="lookup",
            protocol="oprf_table",
            outputs=("rich",),
            quota=Quota(units=1000, per_minute=4),
            period=Period(
                start=self.now - dt.timedelta(days=1), until=self.now + dt.timedelta(days=1)
            ),
            prices=Prices(currency="CNY", data_fee=2, service_fee=1),
            plan=self.plan.digest(INTL),
            leakage=digest,
            threat_model="none",
            openings=True,
            nonce=bytes(16),
        )

    def publish(self, epoch: int = 1, **changes: Any) -> Manifest:
        """Build the table of an epoch under a fresh key, announce its manifest, answer under it."""
        self.key, nonce = keys.generate(secrets.token_bytes), secrets.token_bytes(32)
        domain = epoch_domain(self.terms.id(), epoch)
        parameters = TableParameters(domain=domain, nonce=nonce, label_bytes=1)
        items = [
            (encode_subject(COLUMNS, (number,), domain), label)
            for number, label in self.labels.items()
        ]
        self.table, rows = build(parameters, self.key, items), Tree()
        for start in range(0, len(self.table), parameters.row_bytes):
            rows.append(leaf_hash(self.table[start : start + parameters.row_bytes]))
        fields = self.manifest_fields(epoch) | {
            "rows": rows.size,
            "row_bytes": parameters.row_bytes,
            "nonce": nonce,
            "root": rows.root(),
            "digest": INTL.digest(self.table),
        }
        self.manifest = Manifest(**fields | changes)
        self.announced = encode_leaf(published_leaf(self.manifest, self.now))
        self.announced_at = self.tree.append(leaf_hash(self.announced))
        return self.manifest

    def manifest_fields(self, epoch: int) -> dict[str, Any]:
        """Return what a manifest says whatever the way its table is reached."""
        return {
            "suite": "intl",
            "contract": self.terms.id(),
            "epoch": epoch,
            "public_key": self.key.public_key,
            "label_bytes": 1,
            "snapshot": INTL.digest(b"snapshot"),
            "snapshot_at": self.now,
            "subject": COLUMNS,
            "outputs": ("rich",),
            "until": self.now + dt.timedelta(days=1),
        }

    def note(self, tree: Tree) -> str:
        body = Checkpoint(ORIGIN, tree.size, tree.root()).body()
        return sign_note(body, ORIGIN, INTL.note_type, self.log.public_key, self.log.sign)

    def answer(self, message: Any) -> Any:
        if isinstance(message, lookup_pb2.GetManifestRequest):
            return lookup_pb2.GetManifestResponse(
                manifest=sign_manifest(self.signer, self.manifest),
                leaf=self.announced,
                leaf_index=self.announced_at,
                inclusion_proof=self.tree.inclusion_proof(self.announced_at),
                checkpoint=self.note(self.tree),
            )
        self.sent.append(len(message.blinded))
        done = evaluate(self.key, message.blinded, Mode.VOPRF, secrets.token_bytes)
        evaluated = list(done.elements)
        self.spoil(evaluated)
        request, nonce = Request.decode(message.request.statement), secrets.token_bytes(32)
        self.total += request.units
        leaf = ReleaseLeaf(
            suite="intl",
            time=self.now,
            job="job",
            plan=self.terms.plan,
            leakage=self.terms.leakage,
            snapshot=self.manifest.snapshot,
            request=request,
            signature=message.request.signature,
            instance=signer_id(self.instance),
            release=commit(INTL, nonce, (*evaluated, done.proof)),
            total=self.total,
        )
        receipt = self.receipt(leaf)
        release = request_pb2.Release(nonce=nonce, receipt=receipt)
        answer = lookup_pb2.EvaluateResponse(evaluated=evaluated, proof=done.proof, release=release)
        self.answered(answer)
        return answer

    def receipt(self, leaf: ReleaseLeaf) -> str:
        tree = self.tree
        if self.fork:  # a history of its own for this receipt
            tree = Tree()
            for index in range(self.tree.size):
                tree.append(self.tree.leaf(index))
        index = tree.append(leaf_hash(encode_leaf(leaf.to_json())))
        if self.fork:
            self.tree.append(leaf_hash(b"the public history"))
        certified = certify(
            self.buyer, "default", self.instance.public_key, self.now + dt.timedelta(days=1)
        )
        proof = tree.inclusion_proof(index)
        return issue(self.signer, leaf, index, proof, self.note(tree), certified)

    def trust(self) -> Trust:
        parties = [
            TrustedParty("node", "node", "intl", self.signer.public_key),
            TrustedParty("lender", "buyer", "intl", self.buyer.public_key),
        ]
        log = TrustedLog("intl", self.log.public_key, key_id(INTL, self.signer.public_key))
        return Trust.of(parties, [(ORIGIN, log)])


class FakeWorld:
    """A client's lookups against a `FakeNode`, over a session without a network."""

    def __init__(self, home: Home, profile: Profile, node: FakeNode | None = None) -> None:
        make_local_key(home)
        self.home, self.node, self.state = home, node or FakeNode(), State(home)
        self.follower = Follower(profile.node, INTL, home, self.state)
        self.channel = grpc.insecure_channel("127.0.0.1:1")  # never used
        self.session: Any = SimpleNamespace(
            home=home,
            state=self.state,
            profile=profile,
            suite=INTL,
            trust=self.node.trust(),
            instance_signer=self.node.instance,
            instance_key_id=signer_id(self.node.instance),
            channel=SimpleNamespace(grpc=self.channel, follower=self.follower, link=lambda: None),
            progress=lambda *_: None,
            rest=lambda: None,
            witnesses=SimpleNamespace(check=lambda: None),
            call=self.call,
        )
        self.contracts: Any = SimpleNamespace(
            terms=lambda _: self.node.terms, plan=lambda _: self.node.plan
        )

    def call(self, _method: object, message: Any, _timeout: float | None = None) -> Any:
        base = self.follower.begin()
        try:
            answer = self.node.answer(message)
            tree = self.node.tree
            proof = b"" if base is None else b"".join(tree.consistency_proof(base.size))
            self.follower.accept(base, self.node.note(tree), proof)
        finally:
            self.follower.end(base)
        return answer

    def publish(self, epoch: int = 1, **changes: Any) -> Manifest:
        manifest = self.node.publish(epoch, **changes)
        self.home.table(table_name(manifest)).write_bytes(self.node.table)
        return manifest

    def lookups(self, *, gather: bool = False) -> Lookups:
        """Return the lookups of a fresh process on this home."""
        return Lookups(self.session, self.contracts, gather=gather)


@pytest.fixture
def fake(home: Home, profile: Profile) -> Iterator[FakeWorld]:
    made = FakeWorld(home, profile)
    yield made
    made.state.close()
    made.channel.close()
