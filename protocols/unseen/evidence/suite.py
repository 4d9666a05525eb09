"""Crypto suites: which signature and which hash a document is signed and hashed with.

`intl` is Ed25519 (RFC 8032, strict: OpenSSL refuses S >= L, and the keys of small order are
refused here) with SHA-256 (FIPS 180-4). Every document names its suite and is read under that
suite alone; no verifier ever tries a second one. Hashes are 32 bytes in every suite.

A suite says nothing about who owns a key; that is what the trust file is for.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import SignatureInvalidError, SuiteUnknownError
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng

DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Suite:
    """One choice of signature and hash.

    `algorithm` is the `alg` of a JWS, `note_type` the key type of a signed note, `cosign_type`
    that of a witness's cosignature, `key_bytes` and `signature_bytes` the exact lengths. `hash`
    maps bytes to 32 bytes; `check` takes (public key, signature, data) and raises
    `SignatureInvalidError`.
    """

    id: str
    algorithm: str
    note_type: bytes
    key_bytes: int
    signature_bytes: int
    hash: Callable[[bytes], bytes] = field(repr=False)
    check: Callable[[bytes, bytes, bytes], None] = field(repr=False)
    cosign_type: bytes = b"\xffunseen/cosignature"  # for a suite that C2SP has no type for

    def digest(self, data: bytes) -> bytes:
        """Return the hash of `data`, 32 bytes."""
        return self.hash(data)

    def verify(self, public_key: bytes, signature: bytes, data: bytes) -> None:
        """Return if `signature` is one over `data` by the owner of `public_key`.

        Raises:
            SignatureInvalidError: it is not, or either has another length than the suite's.

        """
        if len(public_key) != self.key_bytes or len(signature) != self.signature_bytes:
            raise SignatureInvalidError("signature does not verify")
        self.check(public_key, signature, data)


class Signer(Protocol):
    """Holds a private key and signs with it: a file's key, later a hardware module's."""

    @property
    def suite(self) -> Suite:
        """The suite that `sign` belongs to."""

    @property
    def public_key(self) -> bytes:
        """The public key, raw, as long as `suite.key_bytes`."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`, as long as `suite.signature_bytes`."""


def key_id(suite: Suite, public_key: bytes) -> str:
    """Return the name of a key: base64url of its hash, 43 characters."""
    return b64encode(suite.hash(public_key))


def signer_id(signer: Signer) -> str:
    """Return the name of the key that `signer` signs with."""
    return key_id(signer.suite, signer.public_key)


def register(suite: Suite) -> None:
    """Make `suite` known to `suite_of`. Registering the same suite again changes nothing.

    Raises:
        InputInvalidError: another suite has this id or this JWS algorithm, or its hash is not
            32 bytes long.

    """
    for known in _SUITES.values():
        if known != suite and (known.id == suite.id or known.algorithm == suite.algorithm):
            raise InputInvalidError("suite is registered already")
    if len(suite.hash(b"")) != DIGEST_BYTES:
        raise InputInvalidError(f"suite does not hash to {DIGEST_BYTES} bytes")
    _SUITES[suite.id] = suite


def suite_of(name: str) -> Suite:
    """Return the suite called `name`.

    Raises:
        SuiteUnknownError: this program has none of that name.

    """
    suite = _SUITES.get(name)
    if suite is None:
        raise SuiteUnknownError("document names a suite that is not known", clause="suite")
    return suite


# Encodings of the eight points of small order, without the sign bit: as in libsodium's
# ge25519_has_small_order. Under such a key one signature fits many messages, so its owner
# could deny what it signed.
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


@lru_cache(maxsize=256)
def _ed25519_key(public_key: bytes) -> Ed25519PublicKey:
    if public_key[:-1] + bytes([public_key[-1] & 0x7F]) in _SMALL_ORDER:
        raise SignatureInvalidError("signature does not verify")
    return Ed25519PublicKey.from_public_bytes(public_key)


def _ed25519_check(public_key: bytes, signature: bytes, data: bytes) -> None:
    try:
        _ed25519_key(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise SignatureInvalidError("signature does not verify") from None


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


INTL = Suite(
    id="intl",
    algorithm="Ed25519",  # RFC 9864, which retires "EdDSA"
    note_type=b"\x01",
    key_bytes=32,
    signature_bytes=64,
    hash=_sha256,
    check=_ed25519_check,
    cosign_type=b"\x04",
)
_SUITES: dict[str, Suite] = {INTL.id: INTL}


@dataclass(frozen=True, slots=True, eq=False)
class Ed25519Signer:
    """Signs for `intl` with the private key that `seed` is (RFC 8032 section 5.1.5)."""

    seed: bytes = field(repr=False)  # the private key: whoever reads it signs as its owner
    public_key: bytes = field(init=False)
    _key: Ed25519PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Derive the public key.

        Raises:
            InputInvalidError: `seed` is not 32 bytes.

        """
        if len(self.seed) != 32:
            raise InputInvalidError("an Ed25519 seed is 32 bytes")
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public_key", key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, rng: Rng) -> "Ed25519Signer":
        """Return a signer with a fresh key; takes 32 bytes from `rng`."""
        return cls(rng(32))

    @property
    def suite(self) -> Suite:
        """The suite `intl`."""
        return INTL

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature over `data`."""
        return self._key.sign(data)
