"""RFC 9497 section 2.2: one proof that one key evaluated a whole batch.

It shows log_G(public key) = log_B[i](E[i]) for every i at once, by a random linear
combination of the batch; non-interactive by Fiat-Shamir. The verifier learns that the key is the
one it expected; that everybody else was served under the same key has to come from outside, from
a manifest.

Discussion. In the RFC the weight of item i is a hash of the key, i and that item alone, and no
published analysis covers the batch (its section 7.2). A server may therefore draw candidates for
each wrong answer E[i] = key * B[i] + e[i] * G one by one and look for weights with
sum(weight[i] * e[i]) = 0: a generalized birthday problem (Wagner, CRYPTO 2002), which for 4096
items costs about 2^31 instead of 2^126. By default (`Weights.BATCH`) every weight is a hash of
the whole batch, as Fiat-Shamir over the full statement asks: a wrong batch then passes with
probability 1/order for each try. A batch of one is byte for byte the RFC's proof.
"""

import hashlib
import hmac
from collections.abc import Sequence

from unseen.protocols.errors import ElementInvalidError, ProofInvalidError, ScalarInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.suite import Mode, Weights, context_string
from unseen.protocols.party import Rng

PROOF_BYTES = 2 * ristretto255.SCALAR_BYTES

_CONTEXT = context_string(Mode.VOPRF)
_HASH_TO_SCALAR = b"HashToScalar-" + _CONTEXT
_SEED_TAG = b"Seed-" + _CONTEXT
_BATCH_TAG = b"Batch-" + _CONTEXT
_ELEMENT_LENGTH = ristretto255.ELEMENT_BYTES.to_bytes(2, "big")


def prove(
    key: PrivateKey,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    rng: Rng,
    weights: Weights = Weights.BATCH,
) -> bytes:
    """Return the 64-byte proof (c || s) that `evaluated[i]` is key * `blinded[i]`.

    Both are of the same length, at most 65535. Costs one multiplication and one addition an
    item beside hashing: the second composite is the key times the first.

    Raises:
        ElementInvalidError: an element of `blinded` is not valid.

    """
    seed = batch_seed(key.public_key, blinded, evaluated, weights)
    return prove_composite(key, composite(seed, 0, blinded, evaluated), rng)


def batch_seed(
    public_key: bytes,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    weights: Weights = Weights.BATCH,
) -> bytes:
    """Return the 64 bytes that a batch's weights come from: two hashes over the whole batch."""
    preimage = _ELEMENT_LENGTH + public_key + _framed(_SEED_TAG)
    if weights is Weights.BATCH and len(blinded) > 1:
        batch = b"".join(blinded) + b"".join(evaluated)
        preimage += _framed(_BATCH_TAG) + _framed(hashlib.sha512(batch).digest())
    return hashlib.sha512(preimage).digest()


def composite(
    seed: bytes, start: int, blinded: Sequence[bytes], evaluated: Sequence[bytes]
) -> bytes:
    """Return the weighted sum of some of a batch's blinded elements, those from `start` on.

    The sum over the whole batch is the sum of those over its pieces, so that a long batch can be
    proven in steps, on several cores, and given up in between. One multiplication an item.

    Raises:
        ElementInvalidError: an element of `blinded` is not valid; `position` is within the piece.

    """
    return ristretto255.weighted_sum(_scalars(seed, start, blinded, evaluated), blinded)


def prove_composite(key: PrivateKey, first: bytes, rng: Rng) -> bytes:
    """Return the 64-byte proof for a batch whose composite is `first`: four multiplications."""
    second = ristretto255.multiply(key.scalar, first)
    nonce = ristretto255.random_scalar(rng)
    commitments = (ristretto255.multiply_base(nonce), ristretto255.multiply(nonce, first))
    challenge = _challenge(key.public_key, first, second, *commitments)
    return challenge + ristretto255.subtract_product(nonce, challenge, key.scalar)


def verify(
    public_key: bytes,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    proof: bytes,
    weights: Weights = Weights.BATCH,
) -> None:
    """Check a proof. Costs two multiplications and two additions an item, beside hashing.

    Raises:
        ElementInvalidError: an element, or the public key (`position` is None), is not valid.
        ProofInvalidError: the proof is malformed or does not hold for these elements.

    """
    if len(proof) != PROOF_BYTES:
        raise ProofInvalidError
    ristretto255.check_element(public_key)
    challenge = proof[: ristretto255.SCALAR_BYTES]
    response = proof[ristretto255.SCALAR_BYTES :]
    seed = batch_seed(public_key, blinded, evaluated, weights)
    scalars = _scalars(seed, 0, blinded, evaluated)
    first = ristretto255.weighted_sum(scalars, blinded)
    second = ristretto255.weighted_sum(scalars, evaluated)
    try:
        commitments = (
            ristretto255.add(
                ristretto255.multiply_base(response), ristretto255.multiply(challenge, public_key)
            ),
            ristretto255.weighted_sum((response, challenge), (first, second)),
        )
    except (ElementInvalidError, ScalarInvalidError):
        # A scalar out of range, or a composite that is the identity: both are forgeries.
        raise ProofInvalidError from None
    expected = _challenge(public_key, first, second, *commitments)
    if not hmac.compare_digest(expected, challenge):
        raise ProofInvalidError


def _scalars(
    seed: bytes, start: int, blinded: Sequence[bytes], evaluated: Sequence[bytes]
) -> tuple[bytes, ...]:
    # ComputeComposites: d_i = HashToScalar(seed, i, C_i, D_i), every part length-prefixed.
    prefix = len(seed).to_bytes(2, "big") + seed
    return tuple(
        ristretto255.hash_to_scalar(
            prefix
            + index.to_bytes(2, "big")
            + _ELEMENT_LENGTH
            + before
            + _ELEMENT_LENGTH
            + after
            + b"Composite",
            _HASH_TO_SCALAR,
        )
        for index, (before, after) in enumerate(zip(blinded, evaluated, strict=True), start)
    )


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def _challenge(*elements: bytes) -> bytes:
    framed = b"".join(_ELEMENT_LENGTH + element for element in elements)
    return ristretto255.hash_to_scalar(framed + b"Challenge", _HASH_TO_SCALAR)
