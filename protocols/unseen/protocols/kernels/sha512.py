"""FIPS 180-4 section 6.4: SHA-512 of very many short messages, several at once.

By whichever implementation is fastest here, tried with the standard's own messages before its first
use. A digest takes a time that depends on the length of its message alone.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGEST_BYTES: Final = 64
BLOCK_BYTES: Final = 128
WORTH_COMPILING: Final = 1_000_000  # messages that take hashlib as long as the compiler takes
WORTH_LOADING: Final = 50_000  # as long as loading what was compiled
_Digests: TypeAlias = Callable[["NDArray[np.uint8]", bytes], "NDArray[np.uint8]"]
# Of the standard's examples: a message of one block, and one of two.
_KNOWN: Final = (
    (
        b"abc",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ),
    (
        (
            b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
            b"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
        ),
        (
            "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
            "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"
        ),
    ),
)


class Implementation(NamedTuple):
    """One way: its name, and its function of messages of one length and what stands before each.

    Messages are n x L bytes, what stands before them whole blocks; digests are n x 64 bytes.
    """

    name: str
    digests: _Digests


def digest_each(messages: Sequence[bytes], prefix: bytes = b"") -> bytes:
    """Return the digests of `prefix` and each message, 64 bytes each, one after another.

    Args:
        messages: of any lengths; many of one length are hashed together.
        prefix: whole blocks of 128 bytes.

    Raises:
        InputInvalidError: the prefix is not whole blocks.
        KernelFaultError: this machine hashes wrongly.

    """
    _check_prefix(prefix)
    if not _is_worth(len(messages)):
        started = hashlib.sha512(prefix)
        return b"".join(_digest(started, message) for message in messages)
    import numpy as np  # noqa: PLC0415 - as every use below: few messages do without

    lengths = np.fromiter(map(len, messages), np.int64, len(messages))
    out = np.empty((len(messages), DIGEST_BYTES), np.uint8)
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        joined = b"".join([messages[place] for place in places.tolist()])
        rows = np.frombuffer(joined, np.uint8).reshape(len(places), int(length))
        out[places] = _selected().digests(rows, prefix)
    return out.tobytes()


def digest_rows(rows: "NDArray[np.uint8]", prefix: bytes = b"") -> "NDArray[np.uint8]":
    """Return the digests of `prefix` and each row: n x L bytes to n x 64 bytes.

    Raises:
        InputInvalidError: not rows of bytes, or the prefix is not whole blocks.
        KernelFaultError: this machine hashes wrongly.

    """
    if rows.ndim != 2 or rows.dtype.str != "|u1":
        raise InputInvalidError("messages of one length are rows of bytes")
    _check_prefix(prefix)
    if not _is_worth(len(rows)):
        return portable_digests(rows, prefix)
    return _selected().digests(rows, prefix)


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    portable = Implementation("portable", portable_digests)
    if not features.has_vectors():
        return (portable,)
    # Here and not above: it needs numpy, and LLVM.
    from unseen.protocols.kernels import sha512_compiled  # noqa: PLC0415

    width = 64 * sha512_compiled.LANES
    return Implementation(f"compiled-{width}", sha512_compiled.digests), portable


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with messages of FIPS 180-4, whole and after a block of its own.

    Raises:
        KernelFaultError: it does not compute them.

    """
    import numpy as np  # noqa: PLC0415

    for message, digest in _KNOWN:
        rows = np.frombuffer(message, np.uint8)[np.newaxis]
        if one.digests(rows, b"").tobytes().hex() != digest:
            raise KernelFaultError(f"SHA-512 {one.name}")
        prefix = bytes(range(BLOCK_BYTES))
        if one.digests(rows, prefix).tobytes() != hashlib.sha512(prefix + message).digest():
            raise KernelFaultError(f"SHA-512 {one.name}")


def warm_up() -> str:
    """Compile what is to be compiled, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine hashes wrongly.

    """
    return _selected().name


def prepare(count: int) -> None:
    """Warm up if so many messages are to come, in calls of any size, that it is worth it.

    Raises:
        KernelFaultError: as `warm_up`.

    """
    if _is_worth(count):
        warm_up()


def portable_digests(rows: "NDArray[np.uint8]", prefix: bytes) -> "NDArray[np.uint8]":
    """Return digests by hashlib, the twin that compiled ones are held against."""
    import numpy as np  # noqa: PLC0415

    started, joined, length = hashlib.sha512(prefix), rows.tobytes(), rows.shape[1]
    found = b"".join(
        _digest(started, joined[place * length : (place + 1) * length])
        for place in range(len(rows))
    )
    return np.frombuffer(found, np.uint8).reshape(-1, DIGEST_BYTES)


def _digest(started: "hashlib._Hash", message: bytes) -> bytes:
    copied = started.copy()
    copied.update(message)
    return copied.digest()


def _is_worth(count: int) -> bool:
    """Whether so many messages are worth what getting ready takes."""
    loaded = bool(_selected.cache_info().currsize)
    if (count < WORTH_LOADING and not loaded) or not features.has_vectors():
        return False
    if loaded or count >= WORTH_COMPILING:
        return True
    from unseen.protocols.kernels import sha512_compiled  # noqa: PLC0415

    return sha512_compiled.is_ready()


@cache
def _selected() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest


def _check_prefix(prefix: bytes) -> None:
    if len(prefix) % BLOCK_BYTES:
        raise InputInvalidError(f"what stands before messages is blocks of {BLOCK_BYTES} bytes")
