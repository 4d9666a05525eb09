"""RFC 9497 sections 3.3.1 and 3.3.2: the client's side of OPRF and VOPRF.

    blind()              --- B[i] = r[i] * H(input[i]) --->   evaluate()
    Blinded.finish()     <-- E[i] = k * B[i], proof ------
    outputs

The blinded elements hide the inputs perfectly, whatever the server does. In OPRF mode the
client takes the server's word for the key; in VOPRF mode a wrong key is noticed before
anything is used. Neither hides how many inputs there are, nor when they are asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from unseen.protocols.errors import (
    CountMismatchError,
    InputInvalidError,
    MalformedMessageError,
)
from unseen.protocols.group import ristretto255
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.server import Evaluation
from unseen.protocols.oprf.suite import Mode, Weights, check_batch, finalize, hash_input
from unseen.protocols.party import Rng


@dataclass(frozen=True, slots=True)
class Blinded:
    """The client between its request, which is `elements`, and the server's evaluation.

    `inputs` and `blinds` must not be sent or logged, hence no `repr` of them. A blind is used
    for one request: the same element sent twice tells the server that the input was the same.
    """

    inputs: tuple[bytes, ...] = field(repr=False)
    blinds: tuple[bytes, ...] = field(repr=False)
    elements: tuple[bytes, ...] = field(repr=False)
    mode: Mode

    def finish(
        self,
        evaluation: Evaluation,
        public_key: bytes | None = None,
        weights: Weights = Weights.BATCH,
    ) -> tuple[bytes, ...]:
        """Return the 64-byte output for each input, in order (Finalize).

        Costs one multiplication an item; in VOPRF mode four more and two additions.

        Raises:
            CountMismatchError: the evaluation has not one element for each input.
            ElementInvalidError: an evaluated element is not valid.
            ProofInvalidError: VOPRF mode, and the proof does not hold under `public_key`.
            MalformedMessageError: OPRF mode, and there is a proof.
            InputInvalidError: VOPRF mode, and `public_key` is missing.

        """
        if len(evaluation.elements) != len(self.inputs):
            raise CountMismatchError(found=len(evaluation.elements), expected=len(self.inputs))
        if self.mode is Mode.VOPRF:
            if public_key is None:
                raise InputInvalidError("VOPRF mode needs the server's public key")
            dleq.verify(public_key, self.elements, evaluation.elements, evaluation.proof, weights)
        elif evaluation.proof:
            raise MalformedMessageError("an OPRF evaluation carries no proof")
        inverses = ristretto255.invert_each(self.blinds)
        return tuple(
            finalize(data, ristretto255.weighted_sum((inverse,), (element,)))
            for data, inverse, element in zip(
                self.inputs, inverses, evaluation.elements, strict=True
            )
        )


def blind(inputs: Sequence[bytes], mode: Mode, rng: Rng) -> Blinded:
    """Blind each input under a fresh scalar (Blind). Costs one multiplication an input.

    Raises:
        BatchSizeError: there are not 1 to 4096 inputs.
        InputInvalidError: an input is over 65535 bytes.

    """
    check_batch(len(inputs))
    blinds = tuple(ristretto255.random_scalar(rng) for _ in inputs)
    elements = tuple(
        recompute(data, scalar, mode) for data, scalar in zip(inputs, blinds, strict=True)
    )
    return Blinded(tuple(inputs), blinds, elements, mode)


def recompute(data: bytes, blind: bytes, mode: Mode = Mode.VOPRF) -> bytes:
    """Return the element that `blind` sent for this input under this blind.

    Who is shown input and blind checks with this that an element was about that input.

    Raises:
        ScalarInvalidError: the blind is zero or not canonical.
        InputInvalidError: the input is over 65535 bytes.

    """
    return ristretto255.multiply(blind, hash_input(data, mode))


def unblind_one(data: bytes, blind: bytes, evaluated: bytes) -> bytes:
    """Return the 64-byte output for one input, its blind and its evaluated element.

    Checks no proof: `dleq.verify` comes first, over the whole batch.

    Raises:
        ScalarInvalidError: the blind is zero or not canonical.
        ElementInvalidError: the evaluated element is not valid.

    """
    return finalize(data, ristretto255.multiply(ristretto255.invert(blind), evaluated))
