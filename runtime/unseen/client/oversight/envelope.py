"""Hybrid public key encryption (RFC 9180, base mode, single shot) of what only one party may read.

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, from the `cryptography` library, which takes
its randomness from the system. A ciphertext is the encapsulated key, 32 bytes, then the sealed
text; it is bound to its place by the `info` string.

Base mode authenticates no sender: who sealed it is said by the signature over the ciphertext's
hash. Whoever gets the private key later reads everything; each order has a key of its own.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from unseen.protocols.errors import InputInvalidError, MalformedMessageError

SCHEME = "hpke-x25519-sha256-aes256gcm"
_SUITES = {SCHEME: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)}


def public_key(private: bytes) -> bytes:
    """Return the public key of a private one, 32 random bytes."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def seal(scheme: str, key: bytes, info: bytes, text: bytes) -> bytes:
    """Return `text` encrypted to the owner of the public `key`, bound to `info`.

    Raises:
        InputInvalidError: this program does not know the scheme, or the key is none.

    """
    try:
        return _SUITES[scheme].encrypt(text, X25519PublicKey.from_public_bytes(key), info)
    except (KeyError, ValueError):
        raise InputInvalidError(
            "the order's key to encrypt to cannot be used",
            clause="order.seal",
            remedy="ask the regulator for an order with another key",
        ) from None


def unseal(scheme: str, private: bytes, info: bytes, sealed: bytes) -> bytes:
    """Return what was sealed for this private key and `info`.

    Raises:
        MalformedMessageError: another key, another place or altered bytes; one opaque error.

    """
    try:
        return _SUITES[scheme].decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info)
    except (InvalidTag, KeyError, ValueError):
        raise MalformedMessageError(
            "an encrypted part does not open", clause="part", remedy="ask the buyer to answer again"
        ) from None
