"""Where a subject stands in a tree: the first 16 bytes of a VOPRF of it (RFC 9497).

The place of CONIKS's VRF (USENIX Security 2015, section 3.4): without the tree's key nobody can
tell whose an index is, or try out who has one; with the proof its owner is certain of the one
place that can be hers. The key's holder can do both, as can whoever it answers. That any two of n
subjects share a place has probability n^2 / 2^129.

    ask()            --- B = r * H(subject) --->      evaluate (mode VOPRF)
    Asked.finish()   <-- E = k * B, proof --------
    IndexProof       shown with the subject: anyone verifies that this is its index
"""

from dataclasses import dataclass, field

from unseen.protocols.errors import CountMismatchError
from unseen.protocols.oprf import client, dleq
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.server import Evaluation, evaluate_input
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.party import Rng
from unseen.protocols.smt.shape import INDEX_BYTES


@dataclass(frozen=True, slots=True)
class IndexProof:
    """What proves a subject's index. Shows nothing of the subject, nor the index without it.

    `blind` and `evaluated` are 32 bytes, `dleq` is 64. Given away together with the subject, not
    before: with the blind, whoever has seen the question can try out subjects against it.
    """

    blind: bytes = field(repr=False)
    evaluated: bytes = field(repr=False)
    dleq: bytes = field(repr=False)

    def verify(self, public_key: bytes, subject: bytes) -> bytes:
        """Return the 16-byte index of `subject` in the trees of the key.

        Raises:
            ProofInvalidError: the proof does not hold for this subject and key.
            ElementInvalidError, ScalarInvalidError: an element or the blind is not valid.
            InputInvalidError: the subject is over 65535 bytes.

        """
        blinded = client.recompute(subject, self.blind)
        dleq.verify(public_key, (blinded,), (self.evaluated,), self.dleq)
        return client.unblind_one(subject, self.blind, self.evaluated)[:INDEX_BYTES]


@dataclass(frozen=True, slots=True)
class Asked:
    """The asker between its question, which is `element`, and the answer."""

    subject: bytes = field(repr=False)
    blind: bytes = field(repr=False)
    element: bytes

    def finish(self, public_key: bytes, answer: Evaluation) -> tuple[bytes, IndexProof]:
        """Return the subject's index and the proof of it.

        Raises:
            CountMismatchError: the answer is not to one question.
            ProofInvalidError: it was not given under `public_key`.

        """
        if len(answer.elements) != 1:
            raise CountMismatchError(found=len(answer.elements), expected=1)
        proof = IndexProof(self.blind, answer.elements[0], answer.proof)
        return proof.verify(public_key, self.subject), proof


def ask(subject: bytes, rng: Rng) -> Asked:
    """Blind a subject.

    Raises:
        InputInvalidError: it is over 65535 bytes.

    """
    blinded = client.blind((subject,), Mode.VOPRF, rng)
    return Asked(subject, blinded.blinds[0], blinded.elements[0])


def index_of(key: PrivateKey, subject: bytes) -> bytes:
    """Return the index of a subject that the key's holder knows anyway.

    Raises:
        InputInvalidError: it is over 65535 bytes.

    """
    return evaluate_input(key, subject, Mode.VOPRF)[:INDEX_BYTES]
