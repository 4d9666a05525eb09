"""The randomness of a table's build, from the epoch's key and the build's nonce (own format).

    seed = SHA-512("unseen/lookup/lwe_pir/v1/build" 00 || key (32) || nonce (32))[:32]

and block b takes its nonces and the cells that no key needs, in the order that `server.build_rows`
draws them, from the AES-128-CTR stream of the key

    SHA-512("unseen/lookup/lwe_pir/v1/build" 01 || seed || b (8, big-endian))[:16]

So whoever has the epoch's key can build the same bytes again, as an audit does, and nobody else can
tell cells that no key needs from the others. The seed is as secret as the key. A nonce serves one
build: under the same one, the blocks of two builds would be masked alike. A further build under the
same key takes over blocks that have not changed; which build a block is of its own nonce says.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels.noise import KeyStream
from unseen.protocols.lookup.lwe_pir.filters import TRIES
from unseen.protocols.lookup.lwe_pir.parameters import NONCE_BYTES
from unseen.protocols.party import Rng

SEED_BYTES: Final = 32
_NAME: Final = b"unseen/lookup/lwe_pir/v1/build"


def seed_of(scalar: bytes, nonce: bytes) -> bytes:
    """Return the seed of the build with this nonce under a private key's scalar, 32 bytes each.

    Raises:
        InputInvalidError: one has another length.

    """
    if (len(scalar), len(nonce)) != (SEED_BYTES, SEED_BYTES):
        raise InputInvalidError(f"a key and a build's nonce have {SEED_BYTES} bytes")
    return hashlib.sha512(_NAME + b"\x00" + scalar + nonce).digest()[:SEED_BYTES]


def rng_of(seed: bytes, block: int) -> Rng:
    """Return what `server.build_rows` draws block number `block` from.

    Raises:
        InputInvalidError: the seed has another length, or there is no such block.

    """
    if len(seed) != SEED_BYTES or not 0 <= block < 1 << 32:
        raise InputInvalidError(f"a build's seed has {SEED_BYTES} bytes, a table some blocks")
    return KeyStream(hashlib.sha512(_NAME + b"\x01" + seed + block.to_bytes(8)).digest()[:16])


def origin(seeds: Sequence[bytes], block: int, nonce: bytes) -> int | None:
    """Return the place of the seed that gave a block its nonce, 16 bytes; None: none of them did.

    Raises:
        InputInvalidError: a seed has another length, or there is no such block.

    """
    for place, seed in enumerate(seeds):
        drawn = rng_of(seed, block)(TRIES * NONCE_BYTES)
        tries = range(0, len(drawn), NONCE_BYTES)
        if any(drawn[start : start + NONCE_BYTES] == nonce for start in tries):
            return place
    return None
