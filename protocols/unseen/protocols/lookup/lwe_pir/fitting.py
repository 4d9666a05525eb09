"""SimplePIR (Henzinger et al. 2023), section 4.2, turned round: whether answers fit a hint.

Answer less hint times secret is a whole byte, times 2^24, and a little noise (`parameters.py`), in
every row of the matrix and whatever was asked. Where it is anything else, hint and answer are not
of one table and one public matrix. For the right ones the mean square of the noise over a block of
9 rows passes 16 times its expectation once in 2^80; for wrong ones it is 60 times that, and stays
below once in a few hundred.

Says nothing of a table that was spoiled before its hint was made. Look at a query that is about
nobody, and at nothing else: an owner can add half a column to hint and answers, and whoever reacts
to a misfit of a subject's query then shows whether the column is one of that subject's cells. Of a
query about nobody a reaction shows a bit about that query's secret, which serves for nothing else.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import matrix
from unseen.protocols.lookup.lwe_pir.parameters import KEPT_BITS, SECRET, Shape, deviation

_MOST: Final = 16  # times the expected mean square
_BYTE: Final = 1 << 8  # a whole byte, in the units of hint and answer
_HALF: Final = np.int64(_BYTE // 2)


def fits(
    shape: Shape,
    secrets: NDArray[np.int8],
    hint: NDArray[np.uint16],
    answers: NDArray[np.uint16],
) -> bool:
    """Return whether what some blocks gave of the answers to some queries fits their hints.

    Args:
        shape: the table's.
        secrets: of the k queries, k x n.
        hint: of some blocks, R x n: `cell_bytes` rows a block.
        answers: of the same blocks, k x R.

    Raises:
        InputInvalidError: other shapes, or nothing to look at.
        KernelFaultError: this machine computes wrongly.

    """
    shapes = (len(secrets), SECRET), (len(hint), SECRET), (len(secrets), len(hint))
    whole = len(hint) % shape.cell_bytes == 0
    if (secrets.shape, hint.shape, answers.shape) != shapes or not (answers.size and whole):
        raise InputInvalidError("blocks of answers go with as many of a hint, and with secrets")
    products = matrix.dots(hint.astype(np.uint32), secrets)
    left = (answers.astype(np.int64) - products + _HALF) % _BYTE - _HALF
    squares = (left * left).reshape(len(secrets), -1, shape.cell_bytes).mean(axis=2)
    expected = (deviation(shape.width) / 2.0 ** (32 - KEPT_BITS)) ** 2
    return bool((squares <= _MOST * expected).all())
