"""Bonawitz et al., CCS 2017, section 3: key agreement, seeds of masks, and sealed shares.

X25519 (RFC 7748), HKDF-SHA256 (RFC 5869), AES-128-GCM (SP 800-38D). Every key is of one round and
one pair: the digest of the round's parameters is the salt. Not post-quantum: whoever records a
round and can compute discrete logarithms later reads the vectors in it.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from unseen.protocols.errors import CohortSignatureError, ShareInvalidError
from unseen.protocols.kernels.aes import KEY_BYTES
from unseen.protocols.secagg.parameters import Round
from unseen.protocols.secagg.shamir import SHARE_BYTES

TAG_BYTES: Final = 16
SEALED_BYTES: Final = 2 * SHARE_BYTES + TAG_BYTES
NONCE: Final = bytes(12)  # each key seals once


def public_key(secret: bytes) -> bytes:
    """Return the X25519 public key of 32 secret bytes."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def agree(parameters: Round, secret: bytes, peer: int, key: bytes) -> bytes:
    """Return the 32 bytes shared with party `peer`, whose public key is `key`.

    Raises:
        CohortSignatureError: the key is one of small order: what it agrees on is no secret.

    """
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(
            X25519PublicKey.from_public_bytes(key)
        )
    except ValueError:
        name = parameters.member(peer).name
        raise CohortSignatureError(name, "a public key that gives no secret") from None


def pair_seed(
    parameters: Round, shared: bytes, own: tuple[int, bytes], peer: tuple[int, bytes]
) -> bytes:
    """Return the 16-byte seed of the mask between two parties, each given as number and mask key.

    The same from both sides: the lower number comes first.
    """
    info = b"".join(index.to_bytes(2) + key for index, key in sorted((own, peer)))
    return _derive(parameters, shared, b"pair", info)


def self_seed(parameters: Round, index: int, secret: bytes) -> bytes:
    """Return the 16-byte seed of a party's own mask, from its 32-byte secret."""
    return _derive(parameters, secret, b"self", index.to_bytes(2))


def commit(parameters: Round, label: bytes, indices: tuple[int, ...], secret: bytes) -> bytes:
    """Return the commitment to 32 bytes that nobody can guess: a plain hash with its place."""
    place = b"".join(index.to_bytes(2) for index in indices)
    head = b"unseen/secagg/v1 commit " + label + b"\x00"
    return hashlib.sha256(head + parameters.digest + place + secret).digest()


def seal(
    parameters: Round, shared: bytes, dealer: int, holder: int, data: tuple[bytes, bytes]
) -> bytes:
    """Encrypt shares, `data[0]`, from dealer to holder; `data[1]` is public and bound to them."""
    return _cipher(parameters, shared, dealer, holder).encrypt(NONCE, *data)


def unseal(
    parameters: Round, shared: bytes, dealer: int, holder: int, data: tuple[bytes, bytes]
) -> bytes:
    """Return what `seal` encrypted.

    Raises:
        ShareInvalidError: it does not open; it names the dealer.

    """
    try:
        return _cipher(parameters, shared, dealer, holder).decrypt(NONCE, *data)
    except InvalidTag:
        name = parameters.member(dealer).name
        raise ShareInvalidError(name, "its sealed shares do not open") from None


def letter(parameters: Round, shared: bytes, sender: int, reader: int) -> AESGCM:
    """Return the cipher of the one message that a party reveals to `reader` alone."""
    info = sender.to_bytes(2) + reader.to_bytes(2)
    return AESGCM(_derive(parameters, shared, b"reveal", info))


def _cipher(parameters: Round, shared: bytes, dealer: int, holder: int) -> AESGCM:
    info = dealer.to_bytes(2) + holder.to_bytes(2)
    return AESGCM(_derive(parameters, shared, b"share", info))


def _derive(parameters: Round, secret: bytes, label: bytes, info: bytes) -> bytes:
    full = b"unseen/secagg/v1 " + label + b"\x00" + info
    return HKDF(SHA256(), KEY_BYTES, parameters.digest, full).derive(secret)
