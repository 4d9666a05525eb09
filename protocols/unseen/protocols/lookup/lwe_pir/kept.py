"""What an owner keeps of its outputs, for a further build under the same key (own format).

    secret = SHA-512("unseen/lookup/lwe_pir/v1/kept" 00 || key (32))[:32]
    name   = SHA-512("unseen/lookup/lwe_pir/v1/kept" 01 || secret || input)[:16]
    record = name | output (64) XOR SHA-512("unseen/lookup/lwe_pir/v1/kept" 02 || secret || name)

A subject that an owner has evaluated once needs no evaluation again while the key stays. Without
the key names and records are random bytes, in the random oracle model, so they say nothing once it
is destroyed, but for how many there are. One mask serves one output, since a key gives an input no
other. Two inputs share a name once in 2^64 tables of a billion rows. Records are not authenticated:
an owner that changes them deceives itself, and a replay of the build shows it.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import sha512
from unseen.protocols.oprf.suite import OUTPUT_BYTES

SECRET_BYTES: Final = 32
NAME_BYTES: Final = 16
RECORD_BYTES: Final = NAME_BYTES + OUTPUT_BYTES
_NAME: Final = b"unseen/lookup/lwe_pir/v1/kept"


def secret_of(scalar: bytes) -> bytes:
    """Return the secret of what is kept under a private key's scalar, 32 bytes.

    Raises:
        InputInvalidError: the scalar has another length.

    """
    if len(scalar) != SECRET_BYTES:
        raise InputInvalidError(f"a key has {SECRET_BYTES} bytes")
    return hashlib.sha512(_NAME + b"\x00" + scalar).digest()[:SECRET_BYTES]


def names_of(secret: bytes, inputs: Sequence[bytes]) -> NDArray[np.uint8]:
    """Return the names of some inputs, n x 16 bytes.

    Raises:
        InputInvalidError: the secret has another length.
        KernelFaultError: this machine hashes wrongly.

    """
    before = _before(b"\x01", secret)
    digests = sha512.digest_each([before + each for each in inputs])
    rows = np.frombuffer(digests, np.uint8).reshape(-1, sha512.DIGEST_BYTES)
    return rows[:, :NAME_BYTES].copy()


def masked(
    secret: bytes, names: NDArray[np.uint8], outputs: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return outputs, n x 64 bytes, under their masks; of masked ones, the outputs.

    Raises:
        InputInvalidError: secret, names or outputs have another length or number.
        KernelFaultError: this machine hashes wrongly.

    """
    shapes = (len(names), NAME_BYTES), (len(names), OUTPUT_BYTES)
    if (names.shape, outputs.shape) != shapes:
        raise InputInvalidError("an output is kept under a name of its own")
    before = np.frombuffer(_before(b"\x02", secret), np.uint8)
    rows = np.empty((len(names), before.size + NAME_BYTES), np.uint8)
    rows[:, : before.size] = before
    rows[:, before.size :] = names
    return outputs ^ sha512.digest_rows(rows)


def records(
    secret: bytes, names: NDArray[np.uint8], outputs: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the records of some outputs, n x 80 bytes.

    Raises:
        InputInvalidError, KernelFaultError: as `masked`.

    """
    return np.concatenate([names, masked(secret, names, outputs)], axis=1)


def _before(purpose: bytes, secret: bytes) -> bytes:
    if len(secret) != SECRET_BYTES:
        raise InputInvalidError(f"what is kept has a secret of {SECRET_BYTES} bytes")
    return _NAME + purpose + secret
