"""An audit follows what the gate held, decided and refused, and counts its bits."""

from types import SimpleNamespace
from typing import Any

import pytest
from tests.evidence.conftest import NOW, World
from tests.evidence.test_audit_signed import Court, decided, release

from unseen.evidence.audit.gate import Gate
from unseen.evidence.audit.leaves import Event
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.cells import Number
from unseen.evidence.contracts.plan import ReleaseSpec
from unseen.evidence.contracts.typed import Scalar, Verdicts
from unseen.evidence.releases.metered import REFUSAL_BITS, bits_of, refusal_bits, spec_of

HELD = 7
NOTHING = b64encode(bytes(32)).encode()
COUNT = Scalar(cell=Number(use="count", low=0, high=1000))
STATISTIC = ReleaseSpec(type="aggregate", bits_per_run=10, bits_in_all=22, shape=COUNT)


class Door(Court):
    """What an audit knows of the gate, with a contract of 4 bits a unit."""

    def __init__(self, world: World, **plan: Any) -> None:
        super().__init__(world)
        self.gate = Gate(self.context)
        terms = world.terms(outputs=("overdue", "listed"))
        record = SimpleNamespace(plan=world.plan(**plan))
        self.contract: Any = SimpleNamespace(record=record, terms=terms)

    def leaf(self, verdict: str, **changes: Any) -> Event:
        fields: dict[str, Any] = {
            "contract": b64encode(self.terms.id()),
            "request": f"{1:032x}",
            "verdict": verdict,
            "rules": ["rule"],
            "bits": 0 if verdict == "refuse" else 4,
            "release": NOTHING.decode(),
        }
        named = (fields | changes).items()
        kept = {name: value for name, value in named if value is not None}
        return Event("release.reviewed", NOW, kept)

    def says(self, index: int, verdict: str, **changes: Any) -> list[str]:
        """Take a leaf of the gate's, and return what is wrong so far."""
        self.gate.reviewed(index, self.leaf(verdict, **changes), self.contract)
        return self.rules

    def passes(self, decision: str = "pass", **changes: Any) -> bytes:
        """Take a leaf that a signed decision goes with, and return the decision's id."""
        identifier = self.read("review", decided(self, decision=decision, **changes))
        self.says(HELD + 1, decision, document=b64encode(identifier))
        return b64encode(identifier).encode()

    def faults(self, **changes: Any) -> list[str]:
        fields = {"units": 1, "commitment": NOTHING} | changes
        return [rule for rule, _ in self.gate.faults(self.contract, release(self, **fields))]


@pytest.fixture
def door(world: World) -> Door:
    return Door(world)


def test_what_was_never_held_needs_no_decision(door: Door) -> None:
    assert door.faults() == []
    assert door.faults(review=NOTHING) == ["review"]
    assert door.faults(since=3) == ["since"]
    started = Event("job.started", NOW, {"contract": b64encode(door.terms.id())})
    door.gate.began(3, started)
    assert door.faults(since=3) == []
    assert door.faults(since=4) == ["since"]


def test_a_held_release_rests_on_the_decision_that_lets_it_out(door: Door) -> None:
    assert door.says(HELD, "review") == []
    passed = door.passes()
    assert door.rules == []
    assert door.faults(since=HELD, review=passed) == []
    assert door.faults(since=HELD + 1, review=passed) == ["since"]
    assert door.faults(review=passed) == ["since"]
    assert door.faults(since=HELD) == ["review"]
    assert door.faults(since=HELD, review=NOTHING) == ["review"]
    another = b64encode(b"\1" * 32).encode()
    assert door.faults(since=HELD, review=passed, commitment=another) == ["commitment", "review"]
    # Another request was never held, so nothing speaks for it.
    assert door.faults(since=HELD, review=passed, request=b"%032x" % 2) == ["since", "review"]


def test_nothing_leaves_that_still_waits_or_was_refused(door: Door) -> None:
    door.says(HELD, "review")
    signed = b64encode(door.read("review", decided(door))).encode()
    assert door.faults(since=HELD, review=signed) == ["held"]
    refused = door.passes("refuse")
    assert door.rules == []
    assert door.faults(since=HELD, review=refused) == ["held", "review"]
    assert door.faults(since=HELD, review=signed) == ["held"]
    unlogged = door.read("review", decided(door, bits=5), named=False)
    assert door.faults(since=HELD, review=b64encode(unlogged).encode()) == ["held", "review"]


def test_a_release_is_held_once_and_decided_on_once(door: Door) -> None:
    assert door.says(HELD, "review") == []
    assert door.says(HELD + 1, "review") == ["review.held"]
    assert door.says(HELD + 2, "refuse", release=b64encode(b"\1" * 32)) == ["review.held"] * 2
    assert door.says(HELD + 3, "refuse") == ["review.held"] * 2  # nobody looked in time
    assert door.says(HELD + 4, "pass") == ["review.held"] * 3
    assert door.says(HELD + 5, "pass", request=f"{9:032x}") == ["review.held"] * 4


def test_to_let_out_takes_a_signature(door: Door) -> None:
    door.says(HELD, "review")
    assert door.says(HELD + 1, "pass") == ["review.document"]


@pytest.mark.parametrize("changes", [{"decision": "refuse"}, {"release": b"\1" * 32}])
def test_the_decision_is_the_one_that_the_leaf_says(door: Door, changes: dict[str, Any]) -> None:
    door.says(HELD, "review")
    identifier = door.read("review", decided(door, **changes))
    assert door.says(8, "pass", document=b64encode(identifier)) == ["review.document"]


@pytest.mark.parametrize("name", ["*", b64encode(bytes(32))])
def test_a_document_that_is_not_there_is_noted_elsewhere(door: Door, name: str) -> None:
    door.says(HELD, "review")
    assert door.says(HELD + 1, "pass", document=name) == []


def test_bits_are_counted_against_the_plan(world: World) -> None:
    door = Door(world, release=ReleaseSpec(type="verdicts", bits_per_run=8, bits_in_all=20))
    assert door.faults(units=2) == []
    assert door.faults(units=3) == ["bits"]  # in one run
    assert door.faults(units=1) == ["bits"]  # in all


def test_refusals_of_computed_results_count(world: World) -> None:
    door = Door(world, release=STATISTIC)
    assert bits_of(door.contract.record.plan, 1) == COUNT.bits == 10
    assert door.faults() == []
    assert door.says(3, "refuse", bits=REFUSAL_BITS, release=None) == []
    assert door.faults() == []
    assert door.says(4, "refuse", bits=REFUSAL_BITS, release=None) == []
    assert door.faults() == ["bits"]
    assert door.says(5, "refuse", bits=0, release=None) == ["review.bits"]
    leaf = door.leaf("refuse", release=None)
    door.gate.reviewed(6, leaf, None)  # the contract is missing: noted where it is looked up
    assert len(door.rules) == 1


def test_what_a_release_is_worth(world: World) -> None:
    assert bits_of(world.plan(), 3) == 12
    clear = world.plan(kind="verify", protocol="clear", label_bytes=0)
    assert bits_of(clear, 3) == Verdicts(count=2 * 3).bits == 12
    older = spec_of(world.plan(), world.terms())
    assert (older.type, older.bits_per_run, older.bits_in_all) == ("verdicts", 4000, 4000)
    assert spec_of(world.plan(release=STATISTIC), world.terms()) is STATISTIC
    assert (refusal_bits(older), refusal_bits(STATISTIC)) == (0, 1)
