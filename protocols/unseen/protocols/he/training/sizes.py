"""2016/421 (CKKS), as SEAL writes it: how long each message of a training is, from its chain alone.

Whoever takes messages in knows their lengths before one comes. A length says nothing of what is in
a message.
"""

from typing import Final

from unseen.protocols.he import seal
from unseen.protocols.he.relin import relin_bytes
from unseen.protocols.he.training.chain import RESIDUALS, SLOTS, Chain
from unseen.protocols.he.training.samples import SAMPLE_BYTES

COUNT_BYTES: Final = 8  # of a number of rows
AT_ONCE: Final = 64  # weights that a provider keeps in memory; more it reads anew for each block
_BESIDE: Final = 64 << 20  # a ring's tables, keys and what a block needs
_WEIGHT: Final = 1_400_000  # of a weight that is kept, and of a column and its sum: measured


def context_bytes(chain: Chain) -> int:
    """Return how long a context is: a number of rows, a public key, keys for products."""
    level = chain.level(len(chain.primes))
    key = seal.ciphertext_bytes(level, seeded=False)
    return COUNT_BYTES + key + relin_bytes(level, chain.fresh)


def block_bytes(chain: Chain) -> int:
    """Return how long a block's labels and own columns are."""
    return (1 + chain.task.own_columns) * _fresh(chain, RESIDUALS)


def weights_bytes(chain: Chain) -> int:
    """Return how long the weights of an iteration are."""
    return chain.task.columns * _fresh(chain, chain.fresh)


def scores_bytes(chain: Chain) -> int:
    """Return how long the scores are that a block's own columns give; 0 where there are none."""
    return _fresh(chain, chain.fresh - 1) if chain.task.own_columns else 0


def asked_bytes(chain: Chain, rows: int) -> int:
    """Return how long weights are with the scores of all blocks of the buyer's `rows`."""
    return weights_bytes(chain) + -(-rows // SLOTS) * scores_bytes(chain)


def answer_bytes(chain: Chain) -> int:
    """Return how long an answer is."""
    return chain.task.width * SAMPLE_BYTES


def rows_bytes(chain: Chain, rows: int, each: int) -> int:
    """Return how long all blocks are of `rows`, with `each` bytes of every row before them."""
    return rows * each + -(-rows // SLOTS) * block_bytes(chain)


def rows_in(chain: Chain, size: int, each: int) -> int | None:
    """Return for how many rows `rows_bytes` is `size`; None where it is for no number."""
    number = -(-size // (SLOTS * each + block_bytes(chain)))
    rows, rest = divmod(size - number * block_bytes(chain), each)
    return rows if not rest and rows > 0 and rows_bytes(chain, rows, each) == size else None


def working_bytes(chain: Chain) -> int:
    """Return about how many bytes a provider computes in at most, rows as they are read left out.

    It is the same for any number of rows.
    """
    return _BESIDE + _WEIGHT * (min(chain.task.columns, AT_ONCE) + chain.task.width)


def _fresh(chain: Chain, primes: int) -> int:
    return seal.ciphertext_bytes(chain.level(primes), seeded=True)
