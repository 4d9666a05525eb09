"""Receipts: one release with everything that a stranger needs to check it, signed by the node.

A JWS over the release's leaf, its index and inclusion proof (RFC 6962 section 2.1.1), the log's
checkpoint (C2SP signed note) and the certification of the client instance that asked. At 2^20
leaves a receipt is at most 4096 bytes under `intl`.

This module only writes receipts. `verify.py` reads them.
"""

from collections.abc import Sequence

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.errors import ReceiptInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.suite import DIGEST_BYTES, Signer

TYP = "unseen-receipt"
FIELDS = ("leaf", "index", "proof", "checkpoint", "instance")
MAX_BYTES = 8192  # what a verifier reads; leaves room for cosignatures under a checkpoint
MAX_PROOF = 63  # hashes: no log of this project outgrows 2^63 leaves

_CHECK = Checker(ReceiptInvalidError, "receipt")


def issue(
    signer: Signer,
    leaf: ReleaseLeaf | dict[str, Json],
    index: int,
    proof: Sequence[bytes],
    checkpoint: str,
    instance: str,
) -> str:
    """Return the receipt of the release `leaf` at `index` of the log that `checkpoint` heads.

    `proof` are the 32-byte hashes from the leaf to the checkpoint's root, `instance` is the JWS
    of the client instance that signed the request. Neither is verified here: the node has just
    computed the one and admitted the other. Nor is the leaf: the log holds it already.

    Raises:
        ReceiptInvalidError: the leaf is of another suite, the index is negative, the proof is
            malformed, or the receipt exceeds 8192 bytes.
        CanonicalError: a field has no canonical form.

    """
    body = leaf.to_json() if isinstance(leaf, ReleaseLeaf) else leaf
    if body.get("suite") != signer.suite.id:
        _CHECK.fail("leaf", "is not of the signer's suite")
    return issue_logged(signer, canonical.encode(body), index, proof, checkpoint, instance)


def issue_logged(
    signer: Signer,
    leaf: bytes,
    index: int,
    proof: Sequence[bytes],
    checkpoint: str,
    instance: str,
) -> str:
    """Do as `issue` does, for a leaf's bytes as the log of the signer's suite holds them.

    Raises:
        ReceiptInvalidError: as `issue`, but for the leaf, which is not looked at.
        CanonicalError: a field has no canonical form.

    """
    _CHECK.integer("index", index, 0)
    if len(proof) > MAX_PROOF or any(len(node) != DIGEST_BYTES for node in proof):
        _CHECK.fail("proof", f"is not at most {MAX_PROOF} hashes of {DIGEST_BYTES} bytes")
    fields = head("receipt", signer.suite.id) | {
        "index": index,
        "proof": b64encode(b"".join(proof)),
        "checkpoint": checkpoint,
        "instance": instance,
    }
    token = jws.sign_bytes(signer, TYP, canonical.encode_around(fields, "leaf", leaf))
    if len(token) > MAX_BYTES:
        _CHECK.fail("document", f"exceeds {MAX_BYTES} bytes")
    return token
