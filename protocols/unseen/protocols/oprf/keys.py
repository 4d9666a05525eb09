"""RFC 9497 section 3.2: the server's key pair, drawn at random or derived from a seed."""

from dataclasses import dataclass, field

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.oprf.suite import Mode, context_string
from unseen.protocols.party import Rng

SEED_BYTES = 32
_MAX_INFO_BYTES = 2**16 - 1


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The server's key pair. `scalar` must not leave the server, hence no `repr` of it."""

    scalar: bytes = field(repr=False)
    public_key: bytes

    @classmethod
    def from_scalar(cls, scalar: bytes) -> "PrivateKey":
        """Return the key pair of a stored scalar.

        Raises:
            ScalarInvalidError: the scalar is zero or not canonical.

        """
        return cls(scalar, ristretto255.multiply_base(scalar))


def generate(rng: Rng) -> PrivateKey:
    """Return a fresh key pair (GenerateKeyPair)."""
    return PrivateKey.from_scalar(ristretto255.random_scalar(rng))


def derive(seed: bytes, info: bytes, mode: Mode) -> PrivateKey:
    """Return the key pair of a 32-byte secret seed and a public label (DeriveKeyPair).

    Raises:
        InputInvalidError: the seed has not 32 bytes, or `info` has over 65535.

    """
    if len(seed) != SEED_BYTES or len(info) > _MAX_INFO_BYTES:
        raise InputInvalidError("a seed has 32 bytes and its info at most 65535")
    message = seed + len(info).to_bytes(2, "big") + info
    tag = b"DeriveKeyPair" + context_string(mode)
    for counter in range(256):
        scalar = ristretto255.hash_to_scalar(message + bytes([counter]), tag)
        if any(scalar):
            return PrivateKey.from_scalar(scalar)
    raise InputInvalidError("the seed derives no key")
