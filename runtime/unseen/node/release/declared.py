"""What a request's release has to be, as the plan declares it, and reading it as nothing else.

Of kind `statistics` the plan declares no shape: it follows from the menu that is signed with the
contract, and from the question.

`read` packs what it decoded into exactly the declared bits and writes it anew from them; what comes
out is what leaves. A hidden lookup's reply is a cryptographic message of the protocol that the
plan names: evaluated group elements and the proof that the manifest's key made them. Each opens
one row of a table that the buyer has already, so it is worth `bits_per_unit`, however many bytes
it has. Elements follow from the request and the committed key; the proof's random scalar does not,
and is not counted: the node's own code draws it, and no code of a buyer's has a hand in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import SAMPLE_BITS
from unseen.evidence.contracts.intersection import ITEMS, PROTOCOLS, SUM
from unseen.evidence.contracts.joint import PROTOCOL as SECAGG
from unseen.evidence.contracts.outputs import TypedOutput, joined, parted
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.scoring import KIND as SCORE
from unseen.evidence.contracts.scoring import PROTOCOL as CKKS
from unseen.evidence.contracts.statistics import Question, menu_of, shape_of
from unseen.evidence.contracts.typed import (
    Shape,
    Table,
    Value,
    Verdicts,
    decode,
    decode_verdicts,
    unpack,
)
from unseen.evidence.errors import ReleaseInvalidError
from unseen.evidence.releases.encrypted import SentGradient
from unseen.evidence.releases.intersected import SentAnswer, SentSum
from unseen.evidence.releases.manifest import PROTOCOLS as HIDDEN
from unseen.evidence.releases.metered import bits_of
from unseen.evidence.releases.scored import SentScores
from unseen.protocols.errors import ScalarInvalidError
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES, SCALAR_BYTES, check_scalar

_FIELD = 2**255 - 19
_INTERSECTED = PROTOCOLS[ITEMS]
_SUMMED = PROTOCOLS[SUM]  # its declared shape is what the receiver reads
_MASKED = b"USA1\x03"
_MASKED_BYTES = 103 + 32 + 32 + 64  # head, the round as its nodes saw it, digest, signature


@dataclass(frozen=True, slots=True)
class Read:
    """A release as it may leave: `parts` in canonical form; `value` where it can be read."""

    parts: tuple[bytes, ...]
    value: Value | None
    values: tuple[Value, ...] = ()  # of a release of several outputs, in the place of one value


class Form(Protocol):
    """How the parts of a reply are read."""

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the reply in the one form that leaves.

        Raises:
            ReleaseInvalidError: it is another thing, or written in another way.

        """
        ...


@dataclass(frozen=True, slots=True)
class Typed:
    """One part: the canonical JSON of a value of `shape`."""

    shape: Shape

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the part as it is written from its bits."""
        if len(parts) != 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        if isinstance(self.shape, Verdicts):  # most of what ever leaves
            value = decode_verdicts(self.shape, parts[0])
        else:
            value = unpack(self.shape, decode(self.shape, parts[0]).pack())
        written = value.encode()
        if written != parts[0]:
            raise ReleaseInvalidError("release: does not come back from its bits", clause="value")
        return Read((written,), value)


@dataclass(frozen=True, slots=True)
class Elements:
    """`count` group elements, then the batch's proof (RFC 9497): two scalars."""

    count: int

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the parts, each the one encoding of what it encodes (RFC 9496 section 4.3.1)."""
        if len(parts) != self.count + 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        for element in parts[:-1]:
            number = int.from_bytes(element, "little")
            # Whether it is a point costs a square root; the client's proof shows that, and more.
            if len(element) != ELEMENT_BYTES or number & 1 or not 0 < number < _FIELD:
                raise ReleaseInvalidError("release: holds no canonical element", clause="element")
        proof = parts[-1]
        try:
            check_scalar(proof[:SCALAR_BYTES])
            check_scalar(proof[SCALAR_BYTES:])
        except ScalarInvalidError:
            raise ReleaseInvalidError("release: holds no proof", clause="proof") from None
        return Read(tuple(parts), None)


@dataclass(frozen=True, slots=True)
class Contributed:
    """One part: a node's signature over its masked vector in a joint round.

    Which round and whose is for the round to check; this is its form. It lets the other nodes make
    a sum readable, and is worth the plan's bits.
    """

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the message as it is."""
        if len(parts) != 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        if len(parts[0]) != _MASKED_BYTES or not parts[0].startswith(_MASKED):
            raise ReleaseInvalidError("release: signs no vector of a round", clause="vector")
        return Read(tuple(parts), None)


@dataclass(frozen=True, slots=True)
class Intersected:
    """One part: what the answer to a set of `count` items is, with its digest.

    The answer itself are group elements, which tell its receiver a bit of each of its items; they
    lie in a file that this part fixes.
    """

    count: int

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the part as it is written from what it says."""
        if len(parts) != 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        found = SentAnswer.decode(parts[0])
        if found.items != self.count:
            raise ReleaseInvalidError("release: is for another number of items", clause="items")
        return Read((found.encode(),), None)


@dataclass(frozen=True, slots=True)
class Scored:
    """One part: what returns for `count` units, with its digest; scores that its receiver opens."""

    count: int

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the part as it is written from what it says."""
        if len(parts) != 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        found = SentScores.decode(parts[0])
        if found.responses != self.count:
            raise ReleaseInvalidError("release: is for other units", clause="responses")
        return Read((found.encode(),), None)


@dataclass(frozen=True, slots=True)
class Descended:
    """One part: the gradient of an iteration, `samples` numbers that its receiver opens."""

    samples: int

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the part as it is written from what it says."""
        if len(parts) != 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        found = SentGradient.decode(parts[0])
        if found.samples != self.samples:
            raise ReleaseInvalidError("release: has other numbers", clause="samples")
        return Read((found.encode(),), None)


@dataclass(frozen=True, slots=True)
class Summed:
    """One part: a noisy count of at most `most`, and the ciphertext of a noisy sum over as many."""

    most: int

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the part as it is written from what it says."""
        if len(parts) != 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        found = SentSum.decode(parts[0])
        if found.count is not None and found.count > self.most:
            raise ReleaseInvalidError("release: counts more than were asked about", clause="count")
        return Read((found.encode(),), None)


@dataclass(frozen=True, slots=True)
class Written:
    """One part: the values of what code of the buyer's wrote, each in as many bytes as it has."""

    outputs: tuple[TypedOutput, ...]

    def read(self, parts: Sequence[bytes]) -> Read:
        """Return the part as it is written from its values."""
        if len(parts) != 1:
            raise ReleaseInvalidError("release: has another number of parts", clause="parts")
        values = parted(self.outputs, parts[0])
        written = joined(values)
        if written != parts[0]:
            raise ReleaseInvalidError("release: does not come back from its bits", clause="value")
        return Read((written,), None, values)


@dataclass(frozen=True, slots=True)
class Declared:
    """What one run may release: how it is read, and what it is worth in `bits`."""

    form: Form
    bits: int


@lru_cache(maxsize=256)
def _verdicts(count: int) -> Typed:
    return Typed(Verdicts(count=count))


def declared(plan: Plan, units: int, answer: Shape | None = None) -> Declared:
    """Return what a run of `units` units releases under `plan`.

    `answer` is the shape that follows from what was asked, where the plan leaves it to that: under
    a joint clause that of a finished model, or of the table that a lead shows, and none for this
    node's part of a sum.

    Raises:
        ReleaseInvalidError: the plan names a protocol whose replies are not known here, leaves the
            shape to a question and there is none, or grants fewer bits than its answer has.

    """
    if plan.release is not None and plan.release.outputs:
        return Declared(Written(plan.release.outputs), bits_of(plan, units))
    return Declared(_form(plan, units, answer), bits_of(plan, units))


def answer_shape(terms: Terms, question: Question | None) -> Shape | None:
    """Return the shape that the contract's menu gives the answer to `question`, if one was asked.

    Raises:
        QuestionInvalidError: the question cannot be asked of this menu.
        ContractInvalidError: the terms hold no menu.

    """
    return None if question is None else shape_of(menu_of(terms.parameters), question)


def is_hidden(plan: Plan) -> bool:
    """Return whether nobody but its receiver can read what leaves under `plan`."""
    shaped = plan.release is not None and plan.release.shape is not None
    if plan.protocol == _SUMMED:
        return True
    return plan.protocol in (*HIDDEN, _INTERSECTED, SECAGG, CKKS) and not shaped


def _encrypted(plan: Plan, units: int) -> Form:
    return Scored(units) if plan.kind == SCORE else Descended(plan.bits_per_unit // SAMPLE_BITS)


_FILES: dict[str, Callable[[Plan, int], Form]] = {
    _INTERSECTED: lambda _, units: Intersected(units),
    CKKS: _encrypted,
}


def _form(plan: Plan, units: int, answer: Shape | None) -> Form:
    if plan.protocol == SECAGG and answer is None:
        return Contributed()
    shape = plan.release.shape if plan.release else None
    if plan.protocol == _SUMMED and isinstance(shape, Table):
        count = shape.cells[0]
        return Summed(count.own_values - 1)
    if plan.by_question:
        if answer is None:
            raise ReleaseInvalidError("release: of a question that is not known", clause="question")
        if answer.bits > plan.bits_per_unit:
            raise ReleaseInvalidError("release: is larger than the plan grants", clause="question")
        shape = answer
    if shape is not None:
        return Typed(shape)
    if plan.protocol == "clear":
        return _verdicts(len(plan.outputs) * units)
    if plan.protocol in HIDDEN:
        return Elements(units * plan.evaluations)
    if (form := _FILES.get(plan.protocol)) is not None:
        return form(plan, units)
    raise ReleaseInvalidError("release: of a protocol that is not declared", clause="protocol")
