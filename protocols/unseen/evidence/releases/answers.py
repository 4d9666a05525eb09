"""What a node says it answered to queries at a hidden table: the roots of queries and answers.

`queries` is the RFC 6962 root over the hashes of the queries, in their order. `answers` is the root
over as many leaves: that of query i is the RFC 6962 root over its answer, one leaf a block. So an
opening shows one query, and of its answer the one block that matters. The node signs it after it
has computed; it is in no log, and charges nothing: the evaluation was charged, and `request` names
it.

It proves what the node answered to which bytes. It does not prove that the answer is the product
of the table with the query: a hint that the node has signed lets a buyer see, for a subject it
knows, that the two do not fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import AnswersInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, Suite
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.oprf.suite import MAX_BATCH
from unseen.protocols.tlog.tree import Tree, leaf_hash

TYP: Final = "unseen-answers"
_CHECK: Final = Checker(AnswersInvalidError, "answers")
_FIELDS: Final = (
    "contract",
    "epoch",
    "manifest",
    "request",
    "count",
    "queries",
    "answers",
    "time",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the node answered to `count` queries: as many as elements, or one more about nobody.

    `contract`, `manifest` (whose table was asked), `queries` and `answers` are 32 bytes. `request`
    is the id of the evaluation that these queries follow. Errors: `AnswersInvalidError`.
    """

    suite: str
    contract: bytes
    epoch: int
    manifest: bytes
    request: str
    count: int
    queries: bytes
    answers: bytes
    time: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        for field in ("contract", "manifest", "queries", "answers"):
            _CHECK.octets(field, getattr(self, field))
        _CHECK.integer("epoch", self.epoch, 1)
        _CHECK.request_id("request", self.request)
        _CHECK.integer("count", self.count, 1, MAX_BATCH + 1)
        _CHECK.time("time", self.time)

    def to_json(self) -> dict[str, Json]:
        """Return what the node signs."""
        return head("answers", self.suite) | {
            "contract": b64encode(self.contract),
            "epoch": self.epoch,
            "manifest": b64encode(self.manifest),
            "request": self.request,
            "count": self.count,
            "queries": b64encode(self.queries),
            "answers": b64encode(self.answers),
            "time": format_time(self.time),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return what `to_json` gives `value` for.

        Raises:
            AnswersInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "answers", _FIELDS)
        own = {name: body[name] for name in _FIELDS}
        for name in ("contract", "manifest", "queries", "answers"):
            own[name] = _CHECK.unb64(name, body[name])
        own["time"] = _CHECK.untime("time", body["time"])
        return cls(suite=body["suite"], **own)


def tree_of_queries(suite: Suite, queries: Iterable[bytes]) -> Tree:
    """Return the tree whose root is `queries`: a leaf is the hash of a query's bytes."""
    return tree_of_hashes(suite, (suite.digest(query) for query in queries))


def tree_of_answer(suite: Suite, shape: Shape, answer: bytes) -> Tree:
    """Return the tree over one query's answer, a leaf for each block's part of it.

    Raises:
        AnswersInvalidError: the answer has another length than the table's have.

    """
    if len(answer) != shape.answer_bytes:
        _CHECK.fail("answers", f"does not have {shape.answer_bytes} bytes for each query")
    tree, size = Tree(suite.hash), shape.part_bytes
    for start in range(0, len(answer), size):
        tree.append(leaf_hash(answer[start : start + size], suite.hash))
    return tree


def tree_of_hashes(suite: Suite, hashes: Iterable[bytes]) -> Tree:
    """Return the tree over hashes of queries, or over the roots of their answers, in order."""
    tree = Tree(suite.hash)
    for each in hashes:
        tree.append(leaf_hash(each, suite.hash))
    return tree


def sign_answers(signer: Signer, answers: Answers) -> str:
    """Return `answers` signed by the node.

    Raises:
        AnswersInvalidError: they name another suite than the signer's.

    """
    if answers.suite != signer.suite.id:
        _CHECK.fail("suite", "is not the signer's")
    return jws.sign(signer, TYP, answers.to_json())


def verify_answers(token: str, suite: Suite, public_key: bytes) -> Answers:
    """Return what the node with `public_key` says it answered.

    Raises:
        AnswersInvalidError: malformed, or of another suite.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    found = Answers.from_json(jws.verify(token, typ=TYP, suite=suite, public_key=public_key))
    if found.suite != suite.id:
        _CHECK.fail("suite", "is not the node's")
    return found
