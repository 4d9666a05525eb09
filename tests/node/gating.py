"""A node that is nothing but its gate: contracts of every type of release, and who decides."""

import dataclasses
import datetime as dt
import secrets
from types import SimpleNamespace
from typing import Any, cast

from tests.node.conftest import (
    NOW,
    Store,
    make_ask,
    make_offer,
    make_product,
    make_request,
    put_contract,
)

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.cells import Choice, Number
from unseen.evidence.contracts.plan import ReleaseSpec
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.typed import Model, Shape, Table
from unseen.evidence.log import event_leaf
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.consent.state import Consents
from unseen.node.context import Node
from unseen.node.contracts.compile import Compiled, compile_contract
from unseen.node.contracts.register import Contract, Contracts
from unseen.node.identity.parties import Caller, Instance, Party
from unseen.node.identity.rights import Role
from unseen.node.identity.vault import Vault
from unseen.node.jobs import record
from unseen.node.jobs.kind import JobKind, Outcome, Running
from unseen.node.jobs.record import Job
from unseen.node.mandates.register import Mandates
from unseen.node.metering.charged import Charged, digest_of
from unseen.node.metering.meter import Meter
from unseen.node.metering.paying import Admitted, Work, pay
from unseen.node.release.facts import AggregateFacts, CellFacts, Facts, ModelFacts
from unseen.node.release.register import Releases
from unseen.node.store.reader import Reader
from unseen.node.store.writer import Transaction, write_leaves
from unseen.protocols.group import ristretto255

KEYS = {
    role: Ed25519Signer(bytes([number]) * 32)
    for number, role in enumerate(("operator", "node", "buyer", "approver", "stranger"), 1)
}
TABLE = Table(
    columns=(
        ("sector", Choice(of=("farming", "industry"))),
        ("firms", Number(use="count", low=0, high=1000, optional=True)),
    ),
    max_rows=2,
)
ROWS = canonical.encode([["farming", 20], ["industry", 35]])
MODEL = Model(
    family="logistic",
    format="json",
    cell=Number(use="parameter", low=-100, high=100),
    parameters=2,
)
SHAPES: dict[str, Shape] = {"aggregate": TABLE, "model": MODEL}
COUNTED = AggregateFacts(cells=(CellFacts(contributors=20),) * 2, measured=True)
STATED = dataclasses.replace(COUNTED, measured=False)
TRAINED = ModelFacts(rows=1000, measured=True, attack=5_100)
VERDICTS = canonical.encode(["yes", "no", "no_usable_result"])
ELEMENT = ristretto255.GENERATOR
SCALAR = (7).to_bytes(32, "little")
PROOF = SCALAR + SCALAR
GOOD: dict[str, tuple[tuple[bytes, ...], Facts | None]] = {
    "verify": ((VERDICTS,), None),
    "lookup": ((ELEMENT, PROOF), None),
    "aggregate": ((ROWS,), COUNTED),
    "model": ((b"[3,-4]",), TRAINED),
}


def made(what: str = "verify", *, units: int = 10, runs: int = 5, approver: str = "") -> Contract:
    """Return an active contract: of a job kind, or over an aggregate or a model."""
    kind = what if what in {"verify", "lookup"} else "verify"
    found = compile_contract(make_ask(units), make_offer(make_product(kind)))
    assert isinstance(found, Compiled)
    plan = found.plan
    if what in SHAPES:
        bits = SHAPES[what].bits
        spec = ReleaseSpec(
            type=cast("Any", what),
            bits_per_run=bits,
            bits_in_all=bits * runs,
            shape=SHAPES[what],
        )
        plan = dataclasses.replace(plan, release=spec)
    signers = {"approver": approver, "approvals": ("operator", "approver", "buyer")}
    terms = dataclasses.replace(
        found.terms, plan=plan.digest(INTL), **cast("Any", signers if approver else {})
    )
    return Contract(
        id=b64encode(terms.id()),
        state=State.ACTIVE,
        buyer="lender",
        terms=terms,
        plan=plan,
        leakage=found.leakage,
        approvals={},
        units_used=0,
    )


class Jobs:
    """The jobs of the store, as far as the gate asks for them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.kinds: dict[str, JobKind] = {STUDY.name: STUDY}
        self.looked = 0

    def get(self, identifier: str) -> Job:
        with self.store.engine.connect() as connection:
            return record.find(connection, identifier)

    def look(self) -> None:
        self.looked += 1


async def _runs_elsewhere(_node: Node, _run: Running) -> Outcome:
    raise NotImplementedError


STUDY = JobKind(name="study", run=_runs_elsewhere)


class Gatehouse:
    """A store, one contract, and a node as far as the gate needs one."""

    def __init__(self, store: Store, contract: Contract) -> None:
        _begin_log(store)
        put_contract(store.engine, contract, contract.plan, contract.leakage)
        self._open(store, contract.id)

    @classmethod
    def again(cls, store: Store) -> "Gatehouse":
        """Return the house over a store that has its one contract already."""
        found = cls.__new__(cls)
        (contract,) = Contracts(store.engine).all()
        found._open(store, contract.id)
        return found

    def _open(self, store: Store, identifier: str) -> None:
        self.store, self.time = store, NOW
        self.identifier = identifier
        self.parties = {
            "operator": _party("operator", Role.OPERATOR),
            "ministry": _party("approver", Role.APPROVER),
            "lender": _party("buyer", Role.BUYER, _instance("2027-01-01T00:00:00Z")),
            "other": _party("stranger", Role.APPROVER),
        }
        self.node = self.start()

    def start(self) -> Node:
        """Return the node as it reads its store at a start."""
        return cast(
            "Node",
            SimpleNamespace(
                suite=INTL,
                engine=self.store.engine,
                writer=self.store.writer,
                reader=Reader(self.store.engine),
                clock=self.store.clock,
                contracts=Contracts(self.store.engine),
                releases=Releases(self.store.engine),
                meter=Meter(),
                vault=Vault(bytes(32)),
                settings=SimpleNamespace(review_hours=72.0),
                consents=Consents(),
                mandates=Mandates(self.store.engine),
                parties=SimpleNamespace(get=self.parties.get),
                jobs=Jobs(self.store),
                stops=SimpleNamespace(check_node=lambda: None),
            ),
        )

    @property
    def contract(self) -> Contract:
        return self.node.contracts.get(self.identifier)

    def request(self, number: int = 0, **changes: Any) -> Request:
        request = make_request(self.contract.terms, kind="verify", number=number)
        return dataclasses.replace(request, **changes)

    async def pay(
        self, parts: tuple[bytes, ...], facts: Facts | None, number: int = 0, hits: int = 0
    ) -> Charged:
        """Send a finished reply through the gate to its charge."""
        request = self.request(number)
        instance = signer_id(KEYS["buyer"])
        admitted = Admitted(self.contract, request, digest_of(request), bytes(64), instance)
        done = Work(parts, secrets.token_bytes(32), hits=hits, facts=facts)
        return await pay(self.node, admitted, done)


def _begin_log(store: Store) -> None:
    """Write the leaf that every node's log begins with."""
    with store.engine.begin() as connection:
        transaction = Transaction(connection, NOW, store.log.size)
        transaction.append(event_leaf(INTL, "node.started", NOW, {"version": "0"}))
        write_leaves(transaction)
    store.log.extend(transaction.bodies)


def caller(party: str, role: Role) -> Caller:
    """Return a caller of a party."""
    return Caller(role, party, "default")


OPERATOR = caller("operator", Role.OPERATOR)
MINISTRY = caller("ministry", Role.APPROVER)


def _instance(until: str) -> Instance:
    key = KEYS["buyer"]
    return Instance("lender", "default", signer_id(key), key.public_key, "", until, revoked=False)


def _party(key: str, role: Role, *instances: Instance) -> Party:
    signer = KEYS[key]
    return Party(
        name=key,
        role=role,
        suite="intl",
        key_id=signer_id(signer),
        key=signer.public_key,
        certificate=cast("Any", None),
        revoked=False,
        instances={each.name: each for each in instances},
    )


def later(**delta: float) -> dt.datetime:
    """Return a time after now."""
    return NOW + dt.timedelta(**delta)
