"""The joint clause of a contract: whose numbers are added up together, and under what.

It stands in `Terms.parameters["joint"]`. Each node of a joint round has a contract of its own with
the buyer, and all those contracts hold this clause, the same to the byte: its digest is the plan
hash of every round (`unseen.protocols.secagg`), so that nodes which signed another clause never
unmask each other.

A clause says who takes part and how many of them are vouched for. It does not show that they are
honest, nor that what they add up is what their tables hold: a vector of well-formed garbage makes
the sum garbage, and nobody can tell.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import MAX_INTEGER, Json, b64encode
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Suite
from unseen.protocols.errors import PartyUnknownError

if TYPE_CHECKING:
    from unseen.protocols.secagg.parameters import Round

PARAMETER: Final = "joint"
PROTOCOL: Final = "secagg"  # of every plan whose contract has the clause
KEY_BYTES: Final = 32  # of Ed25519, which the protocol signs with under every suite
MIN_NODES: Final = 3
MAX_NODES: Final = 100
ALL_BELOW: Final = 5  # of fewer nodes than this none may drop out of a round
HEADROOM_BITS: Final = 3
_RINGS = (32, 64)
_PAYLOAD: Final = b"unseen/joint/v1 payload\x00"
_TRANSCRIPT: Final = b"unseen/joint/v1 transcript\x00"
_CHECK = Checker(ContractInvalidError, "contract")
_FIELDS = ("nodes", "honest", "ring", "bound", "task")
_OPTIONAL = ("lead", "sigma2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node of the roster: its name, and its evidence key, 32 bytes."""

    name: str
    key: bytes

    def __post_init__(self) -> None:
        """Check both fields."""
        _CHECK.name("joint.nodes.name", self.name)
        _CHECK.octets("joint.nodes.key", self.key, KEY_BYTES)

    def to_json(self) -> dict[str, Json]:
        """Return the place as an object."""
        return {"name": self.name, "key": b64encode(self.key)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the place that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("name", "key"), "joint.nodes")
        return cls(name=body["name"], key=_CHECK.unb64("joint.nodes.key", body["key"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """The clause. Errors: `ContractInvalidError`, naming the field.

    `nodes` are 3 to 100, in the order of their names. At least `honest` of those left at a round's
    end are vouched for not to collude with its receiver: only their noise counts. A coordinate,
    noise included, is from -`bound` to `bound`; sums are over Z_2^`ring`. `task` names what is
    added up: the digest of a menu or of a training, 32 bytes. `lead` is the node that receives
    exact sums and lets them out through its gate: over all nodes, each of which is vouched for, or
    not at all. Without one the buyer receives them, and every node adds noise. `sigma2` is that
    noise of one node on each coordinate, as a decimal text, where it is fixed; else it follows from
    what is asked.
    """

    nodes: tuple[Place, ...]
    honest: int
    ring: int
    bound: int
    task: bytes
    lead: str = ""
    sigma2: str = ""

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.members("joint.nodes", self.nodes, Place, MAX_NODES, MIN_NODES)
        names = [place.name for place in self.nodes]
        _CHECK.distinct("joint.nodes", names)
        _CHECK.distinct("joint.nodes.key", [place.key for place in self.nodes])
        if names != sorted(names):
            _CHECK.fail("joint.nodes", "are not in the order of their names")
        _CHECK.integer("joint.honest", self.honest, *self._honest_range)
        if type(self.ring) is not int or self.ring not in _RINGS:
            _CHECK.fail("joint.ring", "is neither 32 nor 64")
        _CHECK.integer("joint.bound", self.bound, 1, most_bound(len(names), self.ring))
        _CHECK.octets("joint.task", self.task)
        if self.lead != "" and self.lead not in names:
            _CHECK.fail("joint.lead", "is no node of the roster")
        if self.sigma2 != "":
            _CHECK.decimal("joint.sigma2", self.sigma2)
            if self.lead:
                _CHECK.fail("joint.sigma2", "is for sums that the buyer receives")

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        body: dict[str, Json] = {
            "nodes": [place.to_json() for place in self.nodes],
            "honest": self.honest,
            "ring": self.ring,
            "bound": self.bound,
            "task": b64encode(self.task),
        }
        for name in _OPTIONAL:
            if getattr(self, name):
                body[name] = getattr(self, name)
        return body

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a field is missing, not known, of another type or out of range.

        """
        body = _CHECK.take(value, _FIELDS, PARAMETER, _OPTIONAL)
        for name in _OPTIONAL:
            if name in body and body[name] == "":  # or one clause could be written in two ways
                _CHECK.fail(f"joint.{name}", "is written down and says nothing")
        places = _CHECK.unlist("joint.nodes", body["nodes"])
        return cls(
            nodes=tuple(map(Place.from_json, places)),
            honest=body["honest"],
            ring=body["ring"],
            bound=body["bound"],
            task=_CHECK.unb64("joint.task", body["task"]),
            lead=body.get("lead", ""),
            sigma2=body.get("sigma2", ""),
        )

    def encode(self) -> bytes:
        """Return the canonical bytes of the clause."""
        return canonical.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the clause whose canonical bytes are `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            ContractInvalidError: as `from_json`.

        """
        return cls.from_json(canonical.decode(data))

    def digest(self, suite: Suite) -> bytes:
        """Return the plan hash of the clause's rounds, 32 bytes."""
        return suite.digest(canonical.encode(head("joint-clause", suite.id) | self.to_json()))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the nodes, in order."""
        return tuple(place.name for place in self.nodes)

    @property
    def colluding(self) -> int:
        """Return how many of those left may collude with the receiver, and learn nothing.

        Whoever drives a round chooses which of four it leaves out (`round_of`): of the three that
        are left then none may collude, or fewer honest ones than the clause names have noise in it.
        """
        count = len(self.nodes)
        return 0 if count < ALL_BELOW else self._honest_range[1] - self.honest

    @property
    def _honest_range(self) -> tuple[int, int]:
        count = len(self.nodes)
        return (count, count) if self.lead else honest_range(count)

    def key_of(self, name: str) -> bytes:
        """Return the evidence key of the node called `name`.

        Raises:
            PartyUnknownError: the roster has none.

        """
        for place in self.nodes:
            if place.name == name:
                return place.key
        raise PartyUnknownError(name, "not in the roster of this contract")


def joint_of(parameters: Mapping[str, Json]) -> Joint | None:
    """Return the joint clause among a contract's parameters, if there is one.

    Raises:
        ContractInvalidError: what stands there is none.

    """
    return Joint.from_json(parameters[PARAMETER]) if PARAMETER in parameters else None


def least_survivors(count: int) -> int:
    """Return how many of `count` nodes have to be left at a round's end: t, all of fewer than 5."""
    return count if count < ALL_BELOW else 2 * count // 3 + 1


def honest_range(count: int) -> tuple[int, int]:
    """Return the fewest and the most honest survivors that a clause over `count` nodes may name.

    Never fewer than three, nor so few that a third of the nodes could collude: the protocol holds
    against fewer than that.
    """
    left = least_survivors(count)
    return max(MIN_NODES, left - (count - 1) // 3), left


def most_bound(count: int, ring: int) -> int:
    """Return the largest bound that leaves 3 bits of headroom in the sum of `count` nodes."""
    return min(MAX_INTEGER, ((1 << (ring - 1 - HEADROOM_BITS)) - 1) // count)


def context_of(suite: Suite, payload: bytes) -> bytes:
    """Return the hash that a round is bound to besides its clause, 32 bytes.

    `payload` is what this round's sum depends on: a question, or the weights of a step.
    """
    return suite.digest(_PAYLOAD + payload)


def transcript_of(suite: Suite, messages: Iterable[bytes]) -> bytes:
    """Return the hash of what a lead is handed, 32 bytes: the nodes' messages in their order."""
    return suite.digest(_TRANSCRIPT + b"".join(suite.digest(message) for message in messages))


def round_of(
    clause: Joint,
    suite: Suite,
    round_id: bytes,
    payload: bytes,
    dimension: int,
    without: Collection[str] = (),
) -> "Round":
    """Return the round of `dimension` coordinates under `clause` that is called `round_id`.

    Of fewer than five nodes one that cannot be reached is left out (`without`) as long as the
    honest that the clause names are still as many as are left. Of more, the round itself goes on.
    Of a round with a lead nobody is left out.

    Raises:
        ContractInvalidError: a node is left out that may not be.
        PartyUnknownError: the roster has no such node.
        InputInvalidError: the round's id is not 32 bytes, or the dimension is out of range.

    """
    # Without vectors' library a contract can still be read.
    from unseen.protocols.secagg.parameters import Member, Round  # noqa: PLC0415

    for name in without:
        clause.key_of(name)
    left = tuple(place for place in clause.nodes if place.name not in set(without))
    if without and clause.lead:
        _CHECK.fail("joint.lead", "receives sums over all nodes alone")
    if without and (len(clause.nodes) >= ALL_BELOW or len(left) < clause.honest):
        _CHECK.fail("joint.honest", "does not allow a round without these nodes")
    return Round(
        plan_hash=clause.digest(suite),
        round_id=round_id,
        context=context_of(suite, payload),
        members=tuple(Member(place.name, place.key) for place in left),
        dimension=dimension,
        bound=clause.bound,
        ring=clause.ring,
        lead=clause.lead,
    )
