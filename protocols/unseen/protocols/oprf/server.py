"""RFC 9497 sections 3.3.1 and 3.3.2: the server's side of OPRF and VOPRF.

Holds against a client that sends anything at all; it learns one output for each element. How
many elements a client may send under one key is the caller's to limit. The server learns the
number of elements and nothing of the inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from unseen.protocols.group import bulk, ristretto255
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.suite import (
    OUTPUT_BYTES,
    Mode,
    Weights,
    check_batch,
    check_input,
    finalize,
    finalize_each,
    group_tag,
    hash_input,
)
from unseen.protocols.party import Rng


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Server to client. `elements[i]` is the key times the i-th blinded element.

    32 bytes an element; `proof` has 64 bytes in VOPRF mode and none in OPRF mode.
    """

    elements: tuple[bytes, ...] = field(repr=False)
    proof: bytes = field(repr=False)


def evaluate(
    key: PrivateKey,
    elements: Sequence[bytes],
    mode: Mode,
    rng: Rng,
    weights: Weights = Weights.BATCH,
) -> Evaluation:
    """Evaluate a batch of blinded elements (BlindEvaluate).

    Costs one multiplication an element; in VOPRF mode one more, an addition and hashing.
    `rng` gives the proof's nonce and is not called in OPRF mode. `weights`: see `dleq`.

    Raises:
        BatchSizeError: the batch has not 1 to 4096 elements.
        ElementInvalidError: an element is not valid; `position` names the first.

    """
    check_batch(len(elements))
    evaluated = ristretto255.multiply_each(key.scalar, elements)
    if mode is Mode.OPRF:
        return Evaluation(evaluated, b"")
    return Evaluation(evaluated, dleq.prove(key, elements, evaluated, rng, weights))


def evaluate_input(key: PrivateKey, data: bytes, mode: Mode) -> bytes:
    """Return the 64-byte output of an input that the server itself holds (Evaluate).

    Raises:
        InputInvalidError: the input is over 65535 bytes.

    """
    return finalize(data, ristretto255.multiply(key.scalar, hash_input(data, mode)))


def evaluate_inputs(key: PrivateKey, inputs: Sequence[bytes], mode: Mode) -> tuple[bytes, ...]:
    """Return what `evaluate_input` does for each input, in order, and much sooner for many.

    For inputs that the server holds and nobody times: see `group.bulk`.

    Raises:
        InputInvalidError: an input is over 65535 bytes.
        KernelFaultError: this machine computes products wrongly.

    """
    joined = evaluate_joined(key, inputs, mode)
    starts = range(0, len(joined), OUTPUT_BYTES)
    return tuple(joined[start : start + OUTPUT_BYTES] for start in starts)


def evaluate_joined(key: PrivateKey, inputs: Sequence[bytes], mode: Mode) -> bytes:
    """Return what `evaluate_inputs` does, outputs one after another, 64 bytes each.

    Raises:
        InputInvalidError, KernelFaultError: as `evaluate_inputs`.

    """
    for data in inputs:
        check_input(data)
    elements = bulk.hash_each(key.scalar, inputs, group_tag(mode))
    return finalize_each(inputs, elements)
