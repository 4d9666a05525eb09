"""Gentry 2009, section 7.3 and 2016/459 (noise flooding): what a key owner may see of a result.

After a weighted sum the second half of a ciphertext is the same sum of second halves that the key
owner made itself: weights fall out by linear algebra. And its error is the same sum of errors that
the key owner drew. Neither TenSEAL nor SEAL hides that. Here a result is

    1. added to a fresh encryption of zero under the owner's public key, which makes its second half
       an RLWE sample of its own,
    2. flooded: a number uniform in [-F, F) is added to every one of the N coefficients, also where
       no row is; F is 2^40 times the worst error there can be, times N, times the contract's
       responses,
    3. divided down to one prime, last: public work on what is hidden already.

What the key owner sees can then be made from the scores alone, up to 2^-40 for a whole contract and
up to how hard RLWE is; `tests/protocols/he/test_privacy.py` does so.

Not protected: semi-honest key owners alone. A public key that was crafted, a constant in its second
half say, lets its owner read what step 1 hides with; and errors larger than a fresh encryption's
drown the flood. The scores themselves say what scores say: d + 1 exact ones are a linear model, and
who packs several numbers into one learns `taught_bits` of each coefficient.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.he.division import divided_to
from unseen.protocols.he.plans import Plan
from unseen.protocols.kernels import ntt, residues
from unseen.protocols.party import Rng

Words = NDArray[np.uint64]
_WORD: Final = 64


def flood(parameters: Plan, rng: Rng) -> Words:
    """Return numbers uniform in [-2^flood_bits, 2^flood_bits), not transformed: L x N residues.

    The interval has a power of two of numbers, so bits of `rng` are taken as they come.
    """
    bits, degree = parameters.flood_bits + 1, parameters.degree
    limbs = -(-bits // _WORD)
    drawn = np.frombuffer(rng(8 * limbs * degree), "<u8").astype(np.uint64).reshape(limbs, degree)
    drawn[-1] >>= np.uint64(_WORD * limbs - bits)
    primes = parameters.data_primes
    shifts = [[1 << (_WORD * limb)] * len(primes) for limb in range(limbs)]
    rows = [np.broadcast_to(row, (len(primes), degree)) for row in drawn]
    parts = [residues.scaled(row, by, primes) for row, by in zip(rows, shifts, strict=True)]
    lowest = np.ones((len(primes), degree), np.uint64)
    parts.append(residues.scaled(lowest, [1 << parameters.flood_bits] * len(primes), primes))
    return residues.weighted(parts, [*[1] * limbs, -1], primes)


def masked(words: Words, zero: Words, parameters: Plan, rng: Rng) -> Words:
    """Return a ciphertext of 2 x L x N words with a fresh encryption of zero and a flood in it.

    `zero` is of the owner's public key, and used for nothing else.
    """
    primes = parameters.data_primes
    total = residues.weighted([words, zero], [1, 1], primes)
    drawn = ntt.forward(flood(parameters, rng), primes)
    total[0] = residues.weighted([total[0], drawn], [1, 1], primes)
    return total


def hidden(words: Words, zero: Words, parameters: Plan, rng: Rng) -> Words:
    """Return a ciphertext as its key owner may see it: 2 x 1 x N words; see `masked`."""
    return divided_to(masked(words, zero, parameters, rng), parameters.data_primes, 1)
