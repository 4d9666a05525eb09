"""Receipts, in this process: what the node pays to issue one, and anybody to verify one."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from unseen.bench.registry import CURVE_BITS, SEED, Bench, Case, Group, Parameters, Traffic
from unseen.evidence.log import ReleaseLeaf, encode_leaf
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.receipt import issue
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.evidence.verify import verify_receipt
from unseen.protocols.party import Rng
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Tree, leaf_hash

DEFAULTS = {"leaves": 1 << 20, "receipts": 200, "seed": SEED}
_MODEL = "anybody may forge; node, buyer and log are who the trust file says; EUF-CMA of Ed25519"
_ORIGIN = "bench.unseen/log"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SIGNATURES = 4  # the node's, the log's, the buyer's over its instance, the instance's


@dataclass(frozen=True, slots=True)
class _Parties:
    node: Ed25519Signer
    log: Ed25519Signer
    buyer: Ed25519Signer
    instance: Ed25519Signer
    certification: str
    trust: Trust

    @classmethod
    def make(cls, rng: Rng) -> "_Parties":
        node, log, buyer, instance = (Ed25519Signer.generate(rng) for _ in range(4))
        parties = [
            TrustedParty("node", "node", INTL.id, node.public_key),
            TrustedParty("buyer", "buyer", INTL.id, buyer.public_key),
        ]
        trusted_log = TrustedLog(INTL.id, log.public_key, signer_id(node))
        trust = Trust.of(parties, [(_ORIGIN, trusted_log)])
        until = _NOW + timedelta(days=30)
        certification = certify(buyer, "desk", instance.public_key, until)
        return cls(node, log, buyer, instance, certification, trust)


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench."""
    yield _groups(parameters)


def _groups(parameters: Parameters) -> Iterator[Group]:
    rng, count = seeded_rng(parameters["seed"]), parameters["receipts"]
    parties, tree = _Parties.make(rng), Tree()
    leaves = [_leaf(parties, number + 1, rng) for number in range(count)]

    def grow() -> None:
        for leaf in leaves:
            tree.append(leaf_hash(encode_leaf(leaf.to_json())))
        filler = leaf_hash(b"")
        for _ in range(parameters["leaves"] - tree.size):
            tree.append(filler)

    yield [
        Case(name="receipt/log", phase="set-up", units=parameters["leaves"], work=grow, once=True)
    ]
    yield [*_issue(parties, tree, leaves)]
    yield [*_verify(parties, tree, leaves)]


def _issue(parties: _Parties, tree: Tree, leaves: list[ReleaseLeaf]) -> Iterator[Case]:
    note = _note(parties, tree, tree.size)

    def work() -> None:
        for index, leaf in enumerate(leaves):
            _receipt(parties, tree, note, index, leaf)

    def sign() -> None:
        for _ in leaves:
            parties.node.sign(data)

    size = len(_receipt(parties, tree, note, 0, leaves[0]))
    data = bytes(size * 3 // 4)
    yield Case(
        name="receipt/issue",
        phase="online",
        units=len(leaves),
        work=work,
        traffic=lambda: Traffic(down=size * len(leaves)),
        limit="receipt/issue/sign",
        target=f"<= 4096 bytes each; here {size}",
        threat_model=_MODEL,
        security_bits=CURVE_BITS,
    )
    yield Case(name="receipt/issue/sign", phase="online", units=len(leaves), work=sign)


def _verify(parties: _Parties, tree: Tree, leaves: list[ReleaseLeaf]) -> Iterator[Case]:
    verifier = _Verifier(parties, tree, leaves)
    data = bytes(len(verifier.token()) * 3 // 4)
    signature = parties.node.sign(data)

    def check() -> None:
        for _ in range(_SIGNATURES * len(leaves)):
            INTL.verify(parties.node.public_key, signature, data)

    yield Case(
        name="receipt/verify",
        phase="online",
        units=len(leaves),
        prepare=verifier.prepare,
        work=verifier.verify,
        limit="receipt/verify/signatures",
        target=">= 200 a second (5 ms each)",
        threat_model=_MODEL,
        security_bits=CURVE_BITS,
    )
    yield Case(name="receipt/verify/signatures", phase="online", units=len(leaves), work=check)


class _Verifier:
    """Verifies receipts that share nothing, as somebody does who is shown a single one.

    Each has a head and a certification of its own: the verifier remembers those it has seen.
    """

    def __init__(self, parties: _Parties, tree: Tree, leaves: list[ReleaseLeaf]) -> None:
        self._parties, self._tree, self._leaves = parties, tree, leaves
        self._fresh = itertools.count()
        self._tokens: list[str] = []

    def token(self, index: int = 0) -> str:
        parties, tree, fresh = self._parties, self._tree, next(self._fresh)
        size = max(tree.size - fresh, len(self._leaves))
        until = _NOW + timedelta(days=30)
        name, key = f"desk {fresh}", parties.instance.public_key
        return issue(
            parties.node,
            self._leaves[index],
            index,
            tree.inclusion_proof(index, size),
            _note(parties, tree, size),
            certify(parties.buyer, name, key, until),
        )

    def prepare(self) -> None:
        self._tokens = [self.token(index) for index in range(len(self._leaves))]

    def verify(self) -> None:
        for token in self._tokens:
            verify_receipt(token, self._parties.trust)


def _leaf(parties: _Parties, number: int, rng: Rng) -> ReleaseLeaf:
    request = Request(
        suite=INTL.id,
        contract=rng(32),
        request=rng(16).hex(),
        kind="lookup",
        units=1,
        commitment=rng(32),
        manifest=rng(32),
        epoch=1,
        issued_at=_NOW,
    )
    return ReleaseLeaf(
        suite=INTL.id,
        time=_NOW,
        job=request.request,
        plan=rng(32),
        leakage=rng(32),
        snapshot=rng(32),
        request=request,
        signature=sign_request(parties.instance, request),
        instance=signer_id(parties.instance),
        release=rng(32),
        total=number,
    )


def _note(parties: _Parties, tree: Tree, size: int) -> str:
    body = Checkpoint(_ORIGIN, size, tree.root(size)).body()
    log = parties.log
    return sign_note(body, _ORIGIN, INTL.note_type, log.public_key, log.sign)


def _receipt(parties: _Parties, tree: Tree, note: str, index: int, leaf: ReleaseLeaf) -> str:
    proof = tree.inclusion_proof(index)
    return issue(parties.node, leaf, index, proof, note, parties.certification)


BENCH = Bench("receipt", "issuing and verifying receipts of a large log", DEFAULTS, groups)
