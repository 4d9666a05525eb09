"""What the gate's own leaves promise: nothing leaves while it is held, and bits are counted."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Standing
from unseen.evidence.audit.leaves import Event, Release, decode_b64
from unseen.evidence.canonical import b64encode
from unseen.evidence.releases.metered import bits_of, refusal_bits, spec_of
from unseen.evidence.releases.review import Review


@dataclass(slots=True)
class _Held:
    """A held release: the leaf that held it, its commitment, and the gate's last word of it."""

    index: int
    release: str
    verdict: str = "review"


class Gate:
    """Follows what the gate holds, refuses and lets out, leaf by leaf."""

    def __init__(self, context: Context) -> None:
        """Start before the first leaf."""
        self._context = context
        self._held: dict[tuple[bytes, bytes], _Held] = {}  # by contract and request
        self._began: defaultdict[bytes, set[int]] = defaultdict(set)  # by contract: its jobs
        self._said: defaultdict[bytes, int] = defaultdict(int)  # by contract: bits

    def began(self, index: int, leaf: Event) -> None:
        """Take note that a job runs, which holds its request until it ends."""
        self._began[_text(leaf, "contract").encode()].add(index)

    def reviewed(self, index: int, leaf: Event, contract: Standing | None) -> None:
        """Take note that a release is held, decided on, or refused."""
        verdict, release = _text(leaf, "verdict"), _text(leaf, "release")
        if verdict == "refuse" and contract is not None:
            self._refused(index, leaf, contract)
        if verdict == "review":
            self._hold(index, leaf, release)
        elif release:  # without it, the gate refused by itself and kept nothing
            self._decide(index, leaf, verdict, release)

    def faults(self, contract: Standing, leaf: Release) -> Iterator[tuple[str, str]]:
        """Return what is wrong with a release, and count its bits."""
        held = self._held.get((leaf.contract, leaf.request))
        yield from self._free_faults(leaf) if held is None else self._held_faults(leaf, held)
        plan = contract.record.plan
        budget, bits = spec_of(plan, contract.terms), bits_of(plan, leaf.units)
        self._said[leaf.contract] += bits
        said = self._said[leaf.contract]
        if bits > budget.bits_per_run or said > budget.bits_in_all:
            yield "bits", f"says {bits} bits, {said} in all: more than the plan's budget"

    def _free_faults(self, leaf: Release) -> Iterator[tuple[str, str]]:
        if leaf.since and leaf.since not in self._began[leaf.contract]:
            yield "since", "names a leaf that has not held it"
        if leaf.review:
            yield "review", "rests on a decision, and was never held"

    def _held_faults(self, leaf: Release, held: _Held) -> Iterator[tuple[str, str]]:
        if leaf.since != held.index:
            yield "since", "names another leaf than the one that has held it"
        if held.verdict != "pass":
            yield "held", f"left although the gate's last word of it is {held.verdict}"
        if leaf.commitment.decode() != held.release:
            yield "commitment", "is another reply than the one that was held"
        review = self._decision(decode_b64(leaf.review))
        if review is None or review.decision != "pass" or not _is_of(review, leaf):
            yield "review", "rests on no decision that lets it out"

    def _refused(self, index: int, leaf: Event, contract: Standing) -> None:
        due = refusal_bits(spec_of(contract.record.plan, contract.terms))
        if leaf.fields.get("bits") != due:
            self._context.fail("review.bits", index, f"a refusal of this type counts {due} bits")
        self._said[_text(leaf, "contract").encode()] += due

    def _hold(self, index: int, leaf: Event, release: str) -> None:
        first = self._held.setdefault(_key(leaf), _Held(index, release))
        if first.index != index:
            self._context.fail("review.held", index, f"leaf {first.index} has held it already")

    def _decide(self, index: int, leaf: Event, verdict: str, release: str) -> None:
        held, fail = self._held.get(_key(leaf)), self._context.fail
        if held is None or (held.verdict, held.release) != ("review", release):
            fail("review.held", index, "decides on what is not held")
            return
        held.verdict = verdict
        if "document" not in leaf.fields:
            if verdict == "pass":
                fail("review.document", index, "lets a release out, and nobody has signed for it")
            return
        read = self._context.documents.get(leaf.named())
        if read is None or not isinstance(read.facts, Review):
            return  # noted where the leaf's document is read
        facts, fields = read.facts, ("contract", "request", "release", "verdict")
        said = (b64encode(facts.contract), facts.request, b64encode(facts.release), facts.decision)
        if said != tuple(_text(leaf, name) for name in fields):
            fail("review.document", index, "the signed decision is another one than the leaf says")

    def _decision(self, identifier: bytes) -> Review | None:
        read = self._context.documents.get(identifier)
        facts = read.facts if read and read.named else None
        return facts if isinstance(facts, Review) else None


def _is_of(review: Review, leaf: Release) -> bool:
    named = (b64encode(review.contract), review.request, b64encode(review.release))
    return tuple(part.encode() for part in named) == (leaf.contract, leaf.request, leaf.commitment)


def _key(leaf: Event) -> tuple[bytes, bytes]:
    return _text(leaf, "contract").encode(), _text(leaf, "request").encode()


def _text(leaf: Event, name: str) -> str:
    return str(leaf.fields.get(name, ""))
