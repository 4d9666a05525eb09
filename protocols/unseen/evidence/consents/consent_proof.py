"""Proofs about one subject's consents: which were in force, and whether a job could use its row.

The node answers about an index without being told whose it is, and signs what it says (`answer`, a
JWS). Whoever asked adds the subject and what proves the index (`smt/index.py`): the bundle.
`verify_consent_proof` checks in this order, with nothing but the trust file:

    form       canonical, every field of its type
    node       the answer is signed by a node that the trust file lists
    place      the root's leaf is in that node's own log, under a signed head
    index      the VOPRF of the subject, under the root's key, gives the answer's index
    path       the tree with this root holds this commitment at the index, or nothing
    consents   each one listed is what the commitment holds: of this subject, signed by whom it
               says, the chain from a hub that the trust file lists
    job        the release is in the same log after the root, and names the root

What the node's signature alone shows: the clauses (recipient, scenario, table, product) of the
job's contract, whose terms are not the subject's to read. That the subject is named by the columns
of that table, without which nobody is ever found, is for the reader to see. That the consents
listed had not been withdrawn is what the root says; who has an earlier proof and a withdrawal can
hold them against it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.commitment import NONCE_BYTES
from unseen.evidence.consents.consent import Consent, Use, read_consent, verify_consent
from unseen.evidence.consents.consent_tree import EVENT, ConsentRoot, set_commitment
from unseen.evidence.consents.delegation import MAX_LINKS, read_delegation
from unseen.evidence.consents.subjects import DataSubject, check_subject
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.errors import (
    CanonicalError,
    ConsentProofInvalidError,
    EvidenceError,
    SignatureInvalidError,
    SuiteUnknownError,
    TrustMissingError,
)
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.logged import Headed, Logged
from unseen.evidence.suite import DIGEST_BYTES, Signer, Suite, signer_id, suite_of
from unseen.evidence.trust import Trust, TrustedParty
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import InputInvalidError, PeerError
from unseen.protocols.smt.index import IndexProof
from unseen.protocols.smt.proofs import Path, verify_absent, verify_present
from unseen.protocols.smt.shape import INDEX_BYTES
from unseen.protocols.tlog.checkpoint import Checkpoint

TYP = "unseen-consent-answer"
MAX_CONSENTS = 256
_CHECK = Checker(ConsentProofInvalidError, "consent proof")
_ANSWER = ("index", "root", "path", "place")
_OPTIONAL = ("set", "job")
_BUNDLE = ("subject", "blind", "evaluated", "dleq", "answer")
_SCOPE = ("recipient", "table", "product", "consent")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobScope:
    """What the node says of a job's contract: who, on which table, under which consent rule."""

    recipient: str
    table: str
    product: str
    consent: ConsentRule

    def to_json(self) -> dict[str, Json]:
        """Return the scope as an object."""
        return {
            "recipient": self.recipient,
            "table": self.table,
            "product": self.product,
            "consent": self.consent.to_json(),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the scope that `to_json` gives `value` for."""
        body = _CHECK.take(value, _SCOPE, "job.scope")
        _CHECK.key_id("job.recipient", body["recipient"])
        for name in ("table", "product"):
            _CHECK.name(f"job.{name}", body[name])
        consent = ConsentRule.from_json(body["consent"])
        return cls(
            recipient=body["recipient"],
            table=body["table"],
            product=body["product"],
            consent=consent,
        )

    def permits(self, consents: Sequence[Consent], job: ReleaseLeaf) -> bool:
        """Return whether one of `consents` covers the job.

        A hidden lookup reads a table that may be older than the job by the rule's latency.
        """
        hidden = job.request.kind != "verify"
        late = timedelta(seconds=self.consent.latency_seconds if hidden else 0)
        return any(
            consent.covers(self._use(min(job.time, max(job.time - late, consent.given_at)), hidden))
            for consent in consents
        )

    def _use(self, at: datetime, hidden: bool) -> Use:
        return Use(
            recipient=self.recipient,
            scenario=self.consent.scenario,
            table=self.table,
            product=self.product,
            at=at,
            once=self.consent.once and not hidden,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A consent in force, and the delegations from the hub to its signer; both as tokens."""

    token: str = field(repr=False)
    chain: tuple[str, ...] = field(repr=False)

    def to_json(self) -> dict[str, Json]:
        """Return the entry as an object."""
        return {"token": self.token, "chain": list(self.chain)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the entry that `to_json` gives `value` for; nothing is verified."""
        body = _CHECK.take(value, ("token", "chain"), "set.consents")
        chain = tuple(_CHECK.unlist("set.chain", body["chain"]))
        _CHECK.members("set.chain", chain, str, MAX_LINKS)
        if type(body["token"]) is not str:
            _CHECK.fail("set.token", "is not text")
        return cls(token=body["token"], chain=chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswer:
    """What a node says is at `index` (16 bytes) of its tree. Errors: `ConsentProofInvalidError`.

    `path` leads to `root`; `place` and `job` to the head `checkpoint`. `nonce` (32 bytes) opens
    the commitment to `consents`; it is empty where there is nothing at the index. `job` and `scope`
    are a release that named the root, and what its contract is about.
    """

    index: bytes
    root: ConsentRoot
    path: bytes = field(repr=False)
    place: Logged
    checkpoint: str = field(repr=False)
    nonce: bytes = field(default=b"", repr=False)
    consents: tuple[Listed, ...] = field(default=(), repr=False)
    job: Logged | None = None
    scope: JobScope | None = None

    def to_json(self) -> dict[str, Json]:
        """Return what the node signs."""
        found: dict[str, Json] = {}
        if self.nonce:
            listed: list[Json] = [consent.to_json() for consent in self.consents]
            found["set"] = {"nonce": b64encode(self.nonce), "consents": listed}
        if self.job is not None and self.scope is not None:
            found["job"] = {"place": self.job.to_json(), "scope": self.scope.to_json()}
        return found | self._fixed()

    def _fixed(self) -> dict[str, Json]:
        return head("consent-answer", self.root.suite) | {
            "index": b64encode(self.index),
            "root": self.root.to_json(),
            "path": b64encode(self.path),
            "place": self.place.to_json() | {"checkpoint": self.checkpoint},
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the answer that `to_json` gives `value` for; nothing is verified.

        Raises:
            EvidenceError: a field is missing, not known, of another type or out of range.

        """
        body = _CHECK.body(value, "consent-answer", _ANSWER, _OPTIONAL)
        shown = Headed.from_json(_CHECK, "place", body["place"])
        root = ConsentRoot.from_json(body["root"])
        if root.suite != body["suite"]:
            _CHECK.fail("root", "is of another suite than the answer")
        index = _CHECK.unb64("index", body["index"])
        _CHECK.octets("index", index, INDEX_BYTES)
        nonce, consents = _set(body["set"]) if "set" in body else (b"", ())
        job, scope = _job(body["job"]) if "job" in body else (None, None)
        return cls(
            index=index,
            root=root,
            path=_CHECK.unb64("path", body["path"]),
            place=Logged(leaf=shown.leaf, index=shown.index, proof=shown.proof),
            checkpoint=shown.checkpoint,
            nonce=nonce,
            consents=consents,
            job=job,
            scope=scope,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentProof:
    """What a proof shows. Only `verify_consent_proof` makes one.

    `known` says whether the subject ever consented to anything; `consents` are those in force at
    `root`. `permitted` says whether one of them covered `job`; both are None where the proof is of
    a root alone. `recipient` is then the name of the buyer's key.
    """

    subject: DataSubject
    root: ConsentRoot
    known: bool
    consents: tuple[Consent, ...]
    node: str
    origin: str
    root_index: int
    job: ReleaseLeaf | None
    job_index: int | None
    scope: JobScope | None
    permitted: bool | None


def sign_answer(signer: Signer, answer: ConsentAnswer) -> str:
    """Return `answer` signed by the node.

    Raises:
        ConsentProofInvalidError: its root is another node's.

    """
    if answer.root.suite != signer.suite.id or answer.root.node != signer_id(signer):
        _CHECK.fail("root", "is not the signer's")
    return jws.sign(signer, TYP, answer.to_json())


def read_answer(token: str) -> ConsentAnswer:
    """Return the answer in `token`; nothing is verified.

    Raises:
        EvidenceError: it is malformed.

    """
    return ConsentAnswer.from_json(jws.peek(token).payload)


def make_consent_proof(subject: DataSubject, index: IndexProof, answer: str) -> dict[str, Json]:
    """Return the bundle that shows what `answer`, a node's token, says of `subject`."""
    check_subject(_CHECK, subject)
    return head("consent-proof", read_answer(answer).root.suite) | {
        "subject": subject.to_json(),
        "blind": b64encode(index.blind),
        "evaluated": b64encode(index.evaluated),
        "dleq": b64encode(index.dleq),
        "answer": answer,
    }


def verify_consent_proof(bundle: Json, trust: Trust) -> ConsentProof:
    """Return what `bundle` proves to someone who trusts `trust`.

    Raises:
        ConsentProofInvalidError: a check fails; `what` names it.
        SignatureInvalidError: a signature fails; `clause` names the check.
        TrustMissingError: node, log or hub is not in the trust file.
        SuiteUnknownError: the proof is of a suite that is not known here.

    """
    with _named("form"):
        body = _CHECK.body(bundle, "consent-proof", _BUNDLE)
        if type(body["answer"]) is not str:
            _CHECK.fail("answer", "is not text")
        subject = DataSubject.from_json(_CHECK, body["subject"])
        raw = {name: _CHECK.unb64(name, body[name]) for name in ("blind", "evaluated", "dleq")}
        token = jws.peek(body["answer"])
        answer = ConsentAnswer.from_json(token.payload)
    root, suite = answer.root, suite_of(answer.root.suite)
    with _named("node"):
        node = trust.party(token.kid, "node")
        if (node.suite, node.key_id, body["suite"]) != (suite.id, root.node, suite.id):
            _CHECK.fail("node", "is another one than the root's, or of another suite")
        jws.verify_token(token, typ=TYP, suite=suite, public_key=node.key)
    with _named("place"):
        checkpoint = _place(answer, node, trust, suite)
    with _named("index"):
        if IndexProof(**raw).verify(root.public_key, subject.data()) != answer.index:
            _CHECK.fail("index", "is not the subject's")
    with _named("path"):
        _path(answer, suite)
    with _named("consents"):
        consents = tuple(_consent(listed, subject, trust, suite) for listed in answer.consents)
    with _named("job"):
        job = _released(answer, checkpoint, suite)
    permitted = None
    if job is not None and answer.scope is not None:
        permitted = answer.scope.permits(consents, job)
    return ConsentProof(
        subject=subject,
        root=root,
        known=bool(answer.nonce),
        consents=consents,
        node=node.name,
        origin=checkpoint.origin,
        root_index=answer.place.index,
        job=job,
        job_index=None if answer.job is None else answer.job.index,
        scope=answer.scope,
        permitted=permitted,
    )


def _set(value: Json) -> tuple[bytes, tuple[Listed, ...]]:
    body = _CHECK.take(value, ("nonce", "consents"), "set")
    nonce = _CHECK.unb64("set.nonce", body["nonce"])
    _CHECK.octets("set.nonce", nonce, NONCE_BYTES)
    entries = _CHECK.unlist("set.consents", body["consents"])
    if len(entries) > MAX_CONSENTS:
        _CHECK.fail("set.consents", f"exceed {MAX_CONSENTS}")
    return nonce, tuple(map(Listed.from_json, entries))


def _job(value: Json) -> tuple[Logged, JobScope]:
    body = _CHECK.take(value, ("place", "scope"), "job")
    return Logged.from_json(_CHECK, "job", body["place"]), JobScope.from_json(body["scope"])


def _place(answer: ConsentAnswer, node: TrustedParty, trust: Trust, suite: Suite) -> Checkpoint:
    checkpoint = verify_checkpoint(answer.checkpoint, trust)
    log = trust.log(checkpoint.origin)
    if (log.node, log.suite) != (node.key_id, suite.id):
        _CHECK.fail("place", "is in another node's log")
    answer.place.verify(checkpoint, suite)
    expected = {**answer.root.leaf_fields(), "document": b64encode(answer.root.id())}
    leaf: Mapping[str, Json] = answer.place.leaf
    found = {name: leaf.get(name) for name in expected}
    if leaf.get("type") != EVENT or found != expected:
        _CHECK.fail("place", "is of another leaf than the root's")
    return checkpoint


def _path(answer: ConsentAnswer, suite: Suite) -> None:
    shape, root = answer.root.shape(), answer.root.root
    path = Path.decode(answer.path, DIGEST_BYTES)
    if not answer.nonce:
        verify_absent(shape, root, answer.index, path)
        return
    ids = [read_consent(listed.token).id() for listed in answer.consents]
    _CHECK.distinct("consents", ids)
    value = set_commitment(suite, answer.nonce, ids)
    verify_present(shape, root, answer.index, value, path)


def _consent(listed: Listed, subject: DataSubject, trust: Trust, suite: Suite) -> Consent:
    claimed = read_consent(listed.token)
    if claimed.subject != subject:
        _CHECK.fail("consents", "hold one of another subject")
    first = read_delegation(listed.chain[0]).by if listed.chain else claimed.by
    hub = trust.party(first, "hub").key
    return verify_consent(listed.token, listed.chain, suite, hub, claimed.given_at)


def _released(answer: ConsentAnswer, checkpoint: Checkpoint, suite: Suite) -> ReleaseLeaf | None:
    if answer.job is None:
        return None
    answer.job.verify(checkpoint, suite)
    job = ReleaseLeaf.from_json(answer.job.leaf)
    if job.suite != suite.id:
        _CHECK.fail("job", "is of another suite than the answer")
    if answer.job.index <= answer.place.index:
        _CHECK.fail("job", "is not after the root in the log")
    if job.consent_root != answer.root.root:
        _CHECK.fail("job", "was done under another root")
    return job


@contextmanager
def _named(check: str) -> Iterator[None]:
    """Let an error of the block say which check it failed."""
    try:
        yield
    except SignatureInvalidError:
        raise SignatureInvalidError(
            f"consent proof: the signature of check {check} does not verify", clause=check
        ) from None
    except (SuiteUnknownError, TrustMissingError):
        raise
    except (CanonicalError, EvidenceError, InputInvalidError, PeerError) as error:
        raise ConsentProofInvalidError(
            f"consent proof, check {check}: {error}", clause=check
        ) from None
