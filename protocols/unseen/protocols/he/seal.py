"""Microsoft SEAL 4 (`ciphertext.cpp`, `plaintext.cpp`): its serialized objects, read and written.

Read is what `write` writes and not one byte else: what `memory.saved` returns, no compression, no
older version, no slack before or behind. Words are residues, a row a prime, in SEAL's own order of
the transform (`kernels/ntt.py`).
An object that reads well may still be anybody's, and hold any noise: nothing here is a signature.
"""

import hashlib
import math
import struct
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, MalformedMessageError

SEED_BYTES: Final = 64
_CKKS: Final = 2
_BLAKE2XB: Final = 1
_PLAIN: Final = 0  # of compression: none
_HEAD: Final = struct.Struct("<HBBBBHQ")  # magic, own size, version, compression, reserved, size
_MAGIC: Final = 0xA15E
_VERSION: Final = (4, 3)  # what TenSEAL 0.3.18 holds; the layout is that of all of SEAL 4
_CIPHERTEXT: Final = struct.Struct("<32sBQQQdQ")  # level, form, parts, N, L, scale, factor
_PLAINTEXT: Final = struct.Struct("<32sQd")  # level, words, scale
_COUNT: Final = struct.Struct("<Q")
_SEED_BODY: Final = 1 + SEED_BYTES
_SCALE_AT: Final = _HEAD.size + 32 + 1 + 24
_PLAIN_SCALE_AT: Final = _HEAD.size + 32 + 8


class Level(NamedTuple):
    """A ring and the primes that words are held under: N coefficients, L primes."""

    degree: int
    primes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Return L and N."""
        return len(self.primes), self.degree

    @property
    def name(self) -> bytes:
        """Return SEAL's `parms_id`, 32 bytes: BLAKE2b over scheme, degree and primes."""
        return _name(self)


@dataclass(frozen=True, slots=True, eq=False)
class Ciphertext:
    """A pair of polynomials, transformed. `words` are 2 x L x N, or 1 x L x N beside a seed.

    A seed of 64 bytes stands for the second polynomial.
    """

    level: Level
    scale: float
    words: NDArray[np.uint64] = field(repr=False)
    seed: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Plaintext:
    """One polynomial, transformed: L x N words. A secret key is one, with a scale of 1."""

    level: Level
    scale: float
    words: NDArray[np.uint64] = field(repr=False)


_Object = TypeVar("_Object", Ciphertext, Plaintext)


def write(value: Ciphertext | Plaintext) -> bytes:
    """Return an object as SEAL loads it, uncompressed.

    Raises:
        InputInvalidError: words of another shape or not below their primes, a scale that is no
            positive number, a seed of another length, or a second part that is zero.

    """
    what = _fault(value)
    if what:
        raise InputInvalidError(what)
    body = value.words.astype("<u8", copy=False).tobytes()
    if isinstance(value, Plaintext):
        return _plain_head(value.level, value.scale) + body
    head = _cipher_head(value.level, value.scale, seeded=bool(value.seed))
    return head + body + (_seed_head() + value.seed if value.seed else b"")


def read_ciphertext(data: bytes, level: Level) -> Ciphertext:
    """Return the ciphertext of two parts that `data` is, at a level known beforehand.

    Raises:
        MalformedMessageError: anything else; says what, and no word of it.

    """
    seeded = len(data) == ciphertext_bytes(level, seeded=True)
    scale = _scale(data, _SCALE_AT)
    head = _cipher_head(level, scale, seeded=seeded)
    tail = _seed_head() if seeded else b""
    parts = 1 if seeded else 2
    words = _words(data, head, tail, (parts, *level.shape))
    value = Ciphertext(level, scale, words, bytes(data[-SEED_BYTES:]) if seeded else b"")
    return _sound(value)


def read_plaintext(data: bytes, level: Level) -> Plaintext:
    """Return the plaintext that `data` is, at a level known beforehand.

    Raises:
        MalformedMessageError: anything else.

    """
    scale = _scale(data, _PLAIN_SCALE_AT)
    return _sound(
        Plaintext(level, scale, _words(data, _plain_head(level, scale), b"", level.shape))
    )


def ciphertext_bytes(level: Level, *, seeded: bool) -> int:
    """Return how long a ciphertext of two parts is."""
    words = (1 if seeded else 2) * math.prod(level.shape)
    tail = _HEAD.size + _SEED_BODY if seeded else 0
    return 2 * _HEAD.size + _CIPHERTEXT.size + _COUNT.size + 8 * words + tail


def relin_keys_head(level: Level, keys: int) -> bytes:
    """Return what stands before `keys` seeded public keys, which products need: 64 bytes."""
    shape = level.name + struct.pack("<2Q", 1, keys)
    return _head(len(shape) + keys * ciphertext_bytes(level, seeded=True)) + shape


@cache
def _name(level: Level) -> bytes:
    words = _CKKS, level.degree, *level.primes, 0  # the last one is the plain modulus of BFV
    return hashlib.blake2b(struct.pack(f"<{len(words)}Q", *words), digest_size=32).digest()


def _head(body: int) -> bytes:
    return _HEAD.pack(_MAGIC, _HEAD.size, *_VERSION, _PLAIN, 0, _HEAD.size + body)


def _array_head(words: int) -> bytes:
    return _head(_COUNT.size + 8 * words) + _COUNT.pack(words)


def _seed_head() -> bytes:
    return _head(_SEED_BODY) + bytes([_BLAKE2XB])


@lru_cache(maxsize=64)
def _cipher_head(level: Level, scale: float, *, seeded: bool) -> bytes:
    rows, degree = level.shape
    fixed = _CIPHERTEXT.pack(level.name, 1, 2, degree, rows, scale, 1)
    array = _array_head((1 if seeded else 2) * rows * degree)
    return _head(ciphertext_bytes(level, seeded=seeded) - _HEAD.size) + fixed + array


def _plain_head(level: Level, scale: float) -> bytes:
    count = math.prod(level.shape)
    rest = _PLAINTEXT.pack(level.name, count, scale) + _array_head(count)
    return _head(len(rest) + 8 * count) + rest


def _scale(data: bytes, place: int) -> float:
    if len(data) < place + 8:
        raise MalformedMessageError("an object of SEAL is longer than its head")
    (found,) = struct.unpack_from("<d", data, place)
    return float(found)


def _words(data: bytes, head: bytes, tail: bytes, shape: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return the words behind the head that is expected, and before the tail."""
    count = math.prod(shape)
    behind = len(head) + 8 * count
    seed = SEED_BYTES if tail else 0
    if len(data) != behind + len(tail) + seed:
        raise MalformedMessageError("an object of SEAL has another length than its level gives it")
    if data[: len(head)] != head or data[behind : behind + len(tail)] != tail:
        raise MalformedMessageError("an object of SEAL has another head than its level gives it")
    found = np.frombuffer(data, "<u8", count, len(head)).astype(np.uint64)
    return found.reshape(shape)


def _sound(value: _Object) -> _Object:
    what = _fault(value)
    if what:
        raise MalformedMessageError(what)
    return value


def _fault(value: Ciphertext | Plaintext) -> str:
    """Return what is wrong with an object, or nothing."""
    level, words = value.level, value.words
    seed = value.seed if isinstance(value, Ciphertext) else None
    shape = level.shape if seed is None else (1 if seed else 2, *level.shape)
    if words.shape != shape or words.dtype != np.uint64 or len(seed or b"") not in {0, SEED_BYTES}:
        return "an object of SEAL has other words than its level gives it"
    if not (math.isfinite(value.scale) and value.scale > 0):
        return "a scale is a positive number"
    if (words.max(axis=-1) >= np.array(level.primes, np.uint64)).any():
        return "a word is not below its prime"
    if seed == b"" and not words[1].any(axis=-1).all():  # modulo each of the primes
        return "a ciphertext without its second part hides nothing"
    return ""
