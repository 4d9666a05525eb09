"""A hub, people and a trustee round the small world of evidence, and a node's tree of consents."""

import hashlib
from datetime import timedelta
from typing import Any

from tests.evidence.conftest import NOW, ORIGIN, World, make_signer

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.consents.consent import Consent, Withdrawal, sign_consent, sign_withdrawal
from unseen.evidence.consents.consent_proof import (
    ConsentAnswer,
    JobScope,
    Listed,
    sign_answer,
)
from unseen.evidence.consents.consent_tree import EVENT, ConsentRoot, set_commitment, tree_shape
from unseen.evidence.consents.delegation import Delegation, sign_delegation
from unseen.evidence.consents.subjects import DataSubject
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.log import encode_leaf, event_leaf
from unseen.evidence.logged import Logged
from unseen.evidence.suite import Signer, signer_id
from unseen.evidence.trust import Trust, TrustedParty
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.server import evaluate
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.smt import MemoryStore, SparseTree
from unseen.protocols.smt.index import IndexProof, ask, index_of
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.tree import leaf_hash

COLUMNS = (SubjectColumn("number", "string"), SubjectColumn("birth", "date"))


def subject(number: int) -> DataSubject:
    return DataSubject.of(COLUMNS, (f"subject {number}", "1990-01-31"))


class Consents:
    """One hub; person 1 with a key of its own; a trustee; a tree with a few others in it."""

    def __init__(self, world: World) -> None:
        self.world, self.suite, self.rng = world, world.suite, seeded_rng(11)
        self.hub, self.person, self.trustee, self.helper = (
            make_signer(self.suite, number) for number in range(20, 24)
        )
        hub = TrustedParty("示范授权枢纽", "hub", self.suite.id, self.hub.public_key)
        self.trust = Trust.of([*world.trust.parties.values(), hub], list(world.trust.logs.items()))
        self.key = keys.generate(seeded_rng(3))
        self.node = signer_id(world.node)
        self.shape = tree_shape(self.suite, self.node, self.key.public_key)
        self.tree = SparseTree(self.shape, MemoryStore())
        self.number, self.size = 0, 0

    def delegation(self, **changes: Any) -> Delegation:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "by": signer_id(self.hub),
            "key": self.person.public_key,
            "role": "person",
            "subject": subject(1),
            "until": NOW + timedelta(days=365),
            "nonce": bytes(16),
        }
        return Delegation(**fields | changes)

    def trusteeship(self, **changes: Any) -> Delegation:
        fields: dict[str, Any] = {
            "key": self.trustee.public_key,
            "role": "trustee",
            "subject": None,
            "links": 2,
            "nonce": bytes([1]) * 16,
        }
        return self.delegation(**fields | changes)

    def consent(self, **changes: Any) -> Consent:
        """Return what the hub consents to on behalf of subject 1."""
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "subject": subject(1),
            "role": "hub",
            "by": signer_id(self.hub),
            "recipient": signer_id(self.world.buyer),
            "scenario": "贷前核验",
            "table": "enterprises",
            "given_at": NOW - timedelta(hours=1),
            "until": NOW + timedelta(days=30),
            "notice": self.world.hash("notice"),
            "nonce": bytes([2]) * 16,
        }
        return Consent(**fields | changes)

    def own(self, **changes: Any) -> tuple[str, tuple[str, ...]]:
        """Return a consent by person 1 and its chain, as tokens."""
        link = self.delegation()
        fields: dict[str, Any] = {
            "role": "person",
            "by": signer_id(self.person),
            "chain": (link.id(),),
        }
        consent = self.consent(**fields | changes)
        return sign_consent(self.person, consent), (sign_delegation(self.hub, link),)

    def trusted(self, *links: tuple[Signer, Delegation], signer: Signer, **changes: Any) -> Any:
        """Return a consent by `signer` under a chain of signed links, and the chain."""
        last = links[-1][1]
        consent = self.consent(
            role=last.role,
            by=signer_id(signer),
            chain=tuple(link.id() for _, link in links),
            **changes,
        )
        return sign_consent(signer, consent), [sign_delegation(*link) for link in links]

    def withdrawal(self, signer: Signer, **changes: Any) -> str:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "by": signer_id(signer),
            "target": "consent",
            "id": self.consent().id(),
            "at": NOW,
        }
        return sign_withdrawal(signer, Withdrawal(**fields | changes))

    def index(self, number: int) -> bytes:
        return index_of(self.key, subject(number).data())

    def nonce(self, number: int) -> bytes:
        return hashlib.sha256(b"%d of %d" % (number, self.number)).digest()

    def put(self, sets: dict[int, list[bytes]]) -> tuple[ConsentRoot, Logged]:
        """Set what is in force for each subject; return the new root and its leaf's place."""
        self.number += 1
        self.nonces = {number: self.nonce(number) for number in sets}
        root = self.tree.update(
            {
                self.index(number): set_commitment(self.suite, self.nonces[number], ids)
                for number, ids in sets.items()
            }
        )
        self.size = max(self.size, len(sets))
        document = ConsentRoot(
            suite=self.suite.id,
            node=self.node,
            public_key=self.key.public_key,
            number=self.number,
            size=self.size,
            root=root,
            time=NOW,
        )
        fields = {**document.leaf_fields(), "document": b64encode(document.id())}
        return document, self.log(event_leaf(self.suite, EVENT, NOW, fields))

    def log(self, leaf: dict[str, Json]) -> Logged:
        """Append a leaf; its proof is made when the answer is."""
        index = self.world.tree.append(leaf_hash(encode_leaf(leaf), self.suite.hash))
        return Logged(leaf=leaf, index=index, proof=())

    def placed(self, logged: Logged) -> Logged:
        proof = tuple(self.world.tree.inclusion_proof(logged.index))
        return Logged(leaf=logged.leaf, index=logged.index, proof=proof)

    def head(self) -> str:
        return self.world.checkpoint(self.world.tree.size, self.world.tree.root())

    def ask(self, number: int) -> IndexProof:
        asked = ask(subject(number).data(), self.rng)
        reply = evaluate(self.key, (asked.element,), Mode.VOPRF, self.rng)
        return asked.finish(self.key.public_key, reply)[1]

    def scope(self, **changes: Any) -> JobScope:
        fields: dict[str, Any] = {
            "recipient": signer_id(self.world.buyer),
            "table": "enterprises",
            "product": "overdue-check",
            "consent": ConsentRule(scenario="贷前核验", latency_seconds=86_400, once=False),
        }
        return JobScope(**fields | changes)

    def answer(self, number: int, root: ConsentRoot, at: Logged, **changes: Any) -> ConsentAnswer:
        index = self.index(number)
        fields: dict[str, Any] = {
            "index": index,
            "root": root,
            "path": self.tree.path(index).encode(),
            "place": self.placed(at),
            "checkpoint": self.head(),
        }
        return ConsentAnswer(**fields | changes)

    def sign(self, answer: ConsentAnswer) -> str:
        return sign_answer(self.world.node, answer)


def listed(token: str, chain: Any = ()) -> Listed:
    return Listed(token=token, chain=tuple(chain))


__all__ = ["COLUMNS", "NOW", "ORIGIN", "Consents", "listed", "subject"]
