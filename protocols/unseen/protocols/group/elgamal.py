"""ElGamal 1985 with the value in the exponent, under a key that two parties share; RFC 8235.

A ciphertext of the number v under the key K is (r G, v G + r K): sums of ciphertexts are those of
sums, and only v G comes out, so that v has to be found again (`discrete_log`). K is the sum of two
shares; each comes with a Schnorr proof (RFC 8235 section 3) that its secret is known, or whoever
speaks second could choose K. Both have to take part in opening.

For parties that follow a protocol. A ciphertext proves nothing of what is in it, and anybody can
multiply it by a number or add to it. Products with r are read from tables by its bytes (`fixed`),
and Python does not wipe it.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from unseen.protocols.errors import InputInvalidError, ProofInvalidError, ScalarInvalidError
from unseen.protocols.group import fixed, ristretto255
from unseen.protocols.group.fixed import Term
from unseen.protocols.party import Rng

VALUE_BYTES: Final = 8
PROOF_BYTES: Final = 2 * ristretto255.SCALAR_BYTES
_BYTES: Final = ristretto255.ELEMENT_BYTES
_PROOF_TAG: Final = b"unseen/elgamal/share/v1"
# A scalar of 252 random bits is within 2^-127 of one from below the order.
_LOW: Final = bytes(value & 0x0F for value in range(256))
# Two's complement of 64 bits, its first bit turned, is the value plus 2^63.
_TURNED: Final = bytes(value ^ 0x80 for value in range(256))


class Ciphertexts(NamedTuple):
    """Any number of ciphertexts: all first elements, one after another, and all second ones."""

    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True)
class Share:
    """One party's share of a key: its secret scalar, the element, and the proof for it."""

    secret: bytes = field(repr=False)
    element: bytes
    proof: bytes


def new_share(context: bytes, rng: Rng) -> Share:
    """Return a fresh share; `context` names run and party, and the proof holds for it alone."""
    secret, nonce = ristretto255.random_scalar(rng), ristretto255.random_scalar(rng)
    element = ristretto255.multiply_base(secret)
    challenge = _challenge(ristretto255.multiply_base(nonce), element, context)
    response = ristretto255.subtract_product(nonce, challenge, secret)
    return Share(secret, element, challenge + response)


def check_share(element: bytes, proof: bytes, context: bytes) -> None:
    """Check that whoever made another party's share knows its secret.

    Raises:
        ElementInvalidError: the share is no element, or the identity.
        ProofInvalidError: the proof is malformed, or not for this share and context.

    """
    ristretto255.check_element(element)
    if len(proof) != PROOF_BYTES:
        raise ProofInvalidError
    challenge, response = proof[:_BYTES], proof[_BYTES:]
    try:
        commitment = ristretto255.add(
            ristretto255.multiply_base(response), ristretto255.multiply(challenge, element)
        )
    except ScalarInvalidError:
        raise ProofInvalidError from None
    if _challenge(commitment, element, context) != challenge:
        raise ProofInvalidError


def joined_key(one: bytes, other: bytes) -> bytes:
    """Return the key of two checked shares.

    Raises:
        ElementInvalidError: they cancel each other out.

    """
    key = ristretto255.add(one, other)
    ristretto255.check_element(key)
    return key


def encrypt_each(key: bytes, values: bytes, rng: Rng) -> Ciphertexts:
    """Return a ciphertext for each value. Draws 32 bytes a value, at once.

    Args:
        key: an element.
        values: 8 bytes each, two's complement, little-endian, one after another.
        rng: bytes.

    Raises:
        InputInvalidError: the values are not whole, or `rng` gave too little.

    """
    if len(values) % VALUE_BYTES:
        raise InputInvalidError(f"values have {VALUE_BYTES} bytes each")
    drawn = _drawn(len(values) // VALUE_BYTES, rng)
    raised = bytearray(values)
    raised[VALUE_BYTES - 1 :: VALUE_BYTES] = raised[VALUE_BYTES - 1 :: VALUE_BYTES].translate(
        _TURNED
    )
    base = Term(ristretto255.GENERATOR, bytes(raised), VALUE_BYTES)
    return Ciphertexts(
        fixed.plus_multiples(ristretto255.IDENTITY, [Term(ristretto255.GENERATOR, drawn)]),
        fixed.plus_multiples(_minus_offset(), [Term(key, drawn), base]),
    )


def refresh_each(key: bytes, ciphertexts: Ciphertexts, rng: Rng) -> Ciphertexts:
    """Return ciphertexts of the same values that nobody can tell from others. Draws as above.

    Raises:
        InputInvalidError: there is not a second element for each first one, or as above.
        ElementInvalidError: they are no elements; `position` names the first.

    """
    drawn = _drawn(_size(ciphertexts), rng)
    return Ciphertexts(
        fixed.plus_multiples(ciphertexts.first, [Term(ristretto255.GENERATOR, drawn)]),
        fixed.plus_multiples(ciphertexts.second, [Term(key, drawn)]),
    )


def total(ciphertexts: Ciphertexts) -> Ciphertexts:
    """Return one ciphertext of the sum of all.

    Raises:
        InputInvalidError, ElementInvalidError: as `refresh_each`.

    """
    _size(ciphertexts)
    return Ciphertexts(fixed.total(ciphertexts.first), fixed.total(ciphertexts.second))


def add(one: Ciphertexts, other: Ciphertexts) -> Ciphertexts:
    """Return the ciphertext of the sum of two."""
    return Ciphertexts(
        ristretto255.add(one.first, other.first), ristretto255.add(one.second, other.second)
    )


def opened_with(secret: bytes, ciphertext: Ciphertexts) -> Ciphertexts:
    """Return one ciphertext under what is left of the key without this share.

    Under the last share of a key, `second` is the value times the generator.

    Raises:
        ElementInvalidError: it is none, or its first element the identity.

    """
    mask = ristretto255.multiply(secret, ciphertext.first)
    return Ciphertexts(ciphertext.first, ristretto255.subtract(ciphertext.second, mask))


def _challenge(commitment: bytes, element: bytes, context: bytes) -> bytes:
    # RFC 8235 section 3.3: the length of each part before it, in 4 bytes.
    parts = (ristretto255.GENERATOR, commitment, element, context)
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return ristretto255.hash_to_scalar(message, _PROOF_TAG)


def _drawn(count: int, rng: Rng) -> bytes:
    drawn = bytearray(rng(_BYTES * count))
    if len(drawn) != _BYTES * count:
        raise InputInvalidError(f"rng gave {len(drawn)} bytes, expected {_BYTES * count}")
    drawn[_BYTES - 1 :: _BYTES] = drawn[_BYTES - 1 :: _BYTES].translate(_LOW)
    return bytes(drawn)


def _minus_offset() -> bytes:
    offset = (ristretto255.ORDER - (1 << 63)).to_bytes(ristretto255.SCALAR_BYTES, "little")
    return ristretto255.multiply_base(offset)


def _size(ciphertexts: Ciphertexts) -> int:
    if len(ciphertexts.first) != len(ciphertexts.second):
        raise InputInvalidError("a ciphertext is two elements")
    return len(ciphertexts.first) // _BYTES
