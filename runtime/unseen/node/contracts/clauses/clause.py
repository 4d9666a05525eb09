"""What a clause sees, and what it has to say. Pure: no store, no clock, no chance."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from unseen.evidence.contracts.contract import Period, Quota, Terms
from unseen.evidence.contracts.leakage import Statement
from unseen.evidence.contracts.template import Template
from unseen.evidence.registry.permission import Permission
from unseen.evidence.suite import Suite
from unseen.node.catalog.catalogue import Product, Table
from unseen.node.catalog.labels import Label
from unseen.node.contracts.rules import Rules, Ruling
from unseen.protocols.errors import UnseenError


@dataclass(frozen=True, slots=True)
class Ask:
    """What a buyer asks for. `outputs` empty means all that the product offers."""

    scenario: str
    outputs: tuple[str, ...]
    quota: Quota
    period: Period
    openings: bool
    nonce: bytes  # 16 bytes, so that the same ask twice makes two contracts
    template: str = ""  # name of a template whose limits the contract keeps
    order: str = ""  # number of the order at a data exchange
    region: str = ""  # where the answers are used
    group: int = 0  # least number of people behind an aggregate; 0 leaves it to the rules
    budget: str = ""  # most epsilon, as a decimal text
    declarations: tuple[str, ...] = ()
    joint: bytes = b""  # canonical JSON of the joint clause, with whom numbers are added up
    train: bytes = b""  # canonical JSON of the training that the joint sums are for
    encrypted: bytes = b""  # canonical JSON of a training under encryption, in place of both
    way: str = ""  # protocol by which hidden questions reach their row; empty leaves it to the node
    agreed: Terms | None = None  # of the contract that is asked about again


@dataclass(frozen=True, slots=True)
class Signers:
    """The key names of those whom a contract binds; empty where the node knows none."""

    suite: Suite
    operator: str
    node: str
    buyer: str
    holder: str = ""
    approver: str = ""
    regulator: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A template as it stands: its signatures by role, and whether contracts may follow it."""

    template: Template
    approvals: Mapping[str, str]
    withdrawn: bool = False

    @property
    def complete(self) -> bool:
        """Return whether everybody has signed it who has to."""
        return all(role in self.approvals for role in self.template.approvals)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the node can offer, as its stores have it.

    `granted` is what the buyer's other contracts over this table have used or may still use, in
    questions: a unit of a hidden match is two.
    `mandates` is what mandates over the table permit, nothing where it is under none. `template`
    is the one that the ask names, `others` are the further products of the node. Withdrawals take
    effect within `consent_latency` seconds. `followed` are products and starts of the buyer's other
    contracts that follow a template and have used units or still may. `node` is this node's name.
    `joined` is the table that the product reads beside its own, if there is one, `joined_mandates`
    what permits that.
    """

    product: Product
    table: Table
    signers: Signers
    rules: Rules
    granted: int = 0
    mandates: tuple[Permission, ...] | None = None
    template: Standing | None = None
    others: tuple[Product, ...] = ()
    consent_latency: int = 86_400
    followed: tuple[tuple[str, datetime], ...] = ()
    node: str = ""
    joined: Table | None = None
    joined_mandates: tuple[Permission, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the asked outputs read: columns in the table's order, and (column, label) of each.

    The labels include the subject's columns; `ruling` is what they allow and demand together.
    """

    columns: tuple[str, ...]
    labels: tuple[tuple[str, Label], ...] = ()
    ruling: Ruling = field(default_factory=Ruling)


def nothing_agreed(_ask: Ask, _offer: Offer, _reading: Reading) -> dict[str, Any]:
    """Return no clause: what only checks writes nothing down."""
    return {}


def nothing_leaks(_offer: Offer, _reading: Reading) -> tuple[Statement, ...]:
    """Return no line: the clause lets nobody learn more than the kind does."""
    return ()


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: `check` yields what stands against the ask, `terms` what is written down.

    `terms` names fields of `evidence.contracts.contract.Terms` and is asked only where nothing
    stands against the ask; so is `statements`, the lines that it adds to the leakage statement. A
    `standing` clause is asked again when labels, rules or the table change under a contract
    in force.
    """

    name: str
    check: Callable[[Ask, Offer, Reading], Iterable[UnseenError]]
    terms: Callable[[Ask, Offer, Reading], dict[str, Any]] = nothing_agreed
    statements: Callable[[Offer, Reading], tuple[Statement, ...]] = nothing_leaks
    standing: bool = False
