"""A store, a log and a writer of their own for each test, and a contract to decide about."""

import dataclasses
import datetime as dt
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from unseen.evidence.contracts.contract import Period, Prices, Quota, Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.statistics import Filter, Menu
from unseen.evidence.contracts.statistics.definition import Condition, Definition
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.audit.log import NodeLog
from unseen.node.catalog.catalogue import (
    Column,
    Predicate,
    Product,
    Snapshot,
    Table,
    entries_of,
)
from unseen.node.catalog.labels import Label
from unseen.node.clock import Clock
from unseen.node.contracts.clauses.clause import Ask, Offer, Signers
from unseen.node.contracts.compile import Compiled, compile_contract
from unseen.node.contracts.epochs import READY
from unseen.node.contracts.register import Contract
from unseen.node.contracts.rules import Rules, default_text
from unseen.node.data.source import Fingerprint
from unseen.node.release import gate
from unseen.node.release.gate import Released
from unseen.node.store.engine import open_engine
from unseen.node.store.schema import contracts, epochs
from unseen.node.store.writer import Writer
from unseen.protocols.lookup.subject import SubjectColumn

RULES = Rules.parse(default_text(), "intl")
NOW = dt.datetime(2026, 11, 22, 5, 30, tzinfo=dt.UTC)
START, UNTIL = NOW - dt.timedelta(days=1), NOW + dt.timedelta(days=1)


@dataclasses.dataclass
class Store:
    """The writing side of a node: store, log, clock and writer."""

    engine: Engine
    log: NodeLog
    clock: Clock
    writer: Writer


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty state at the present schema: migrating one for each test takes longer."""
    path = tmp_path_factory.mktemp("migrated") / "state.db"
    open_engine(path).dispose()
    return path


@pytest.fixture
def engine(tmp_path: Path, migrated: Path) -> Iterator[Engine]:
    shutil.copy(migrated, tmp_path / "state.db")
    made = open_engine(tmp_path / "state.db")
    yield made
    made.dispose()


@pytest.fixture
def signer() -> Ed25519Signer:
    return Ed25519Signer(b"\x07" * 32)


@pytest.fixture
def store(engine: Engine, signer: Ed25519Signer) -> Iterator[Store]:
    log, clock = NodeLog("node.test/log", signer), Clock(lambda: NOW)
    writer = Writer(engine, log, clock)
    yield Store(engine, log, clock, writer)
    writer.close()


def make_table(level: str = "1", category: str = "public", rows: int = 100_000) -> Table:
    label = Label(category, level)
    return Table(
        name="people",
        source="/people.parquet",
        subject=(SubjectColumn("id", "string"),),
        columns=tuple(Column(name, "VARCHAR", label) for name in ("id", "a", "b", "c")),
        snapshot=Snapshot(1, "A" * 43, rows, Fingerprint("00", 1, 1), "2026-11-22T05:30:00Z", b""),
    )


def make_product(kind: str = "lookup", count: int = 3) -> Product:
    names = [f"p{number}" for number in range(count)]
    if kind == "statistics":
        return offering(filters_of(names))
    return Product(
        name="product",
        table="people",
        kind=kind,
        title="A product",
        predicates=tuple(Predicate(name, f"is {name}", "a > b", ("a", "b")) for name in names),
        prices=Prices(currency="CNY", data_fee=1, service_fee=2),
        digest="B" * 42 + "A",
    )


def filters_of(names: Sequence[str]) -> Definition:
    """Return a menu of filters alone, each over the columns a and b."""
    return Definition(
        menu=Menu(filters=tuple(Filter(name=name, text=f"is {name}") for name in names)),
        conditions=tuple(
            Condition(name=name, expression="a > b", columns=("a", "b")) for name in names
        ),
    )


def offering(definition: Definition, table: str = "people") -> Product:
    """Return a product of kind `statistics`."""
    return Product(
        name="product",
        table=table,
        kind="statistics",
        title="A menu",
        predicates=entries_of(definition),
        prices=Prices(currency="CNY", data_fee=1, service_fee=2),
        digest="B" * 42 + "A",
        definition=definition,
    )


def make_signers() -> Signers:
    keys = [signer_id(Ed25519Signer(bytes([number]) * 32)) for number in (1, 2, 3)]
    return Signers(INTL, *keys)


def make_offer(product: Product | None = None, table: Table | None = None) -> Offer:
    return Offer(product or make_product(), table or make_table(), make_signers(), RULES)


def make_ask(units: int = 10, per_minute: int = 10, outputs: tuple[str, ...] = ()) -> Ask:
    return Ask(
        scenario="tests",
        outputs=outputs,
        quota=Quota(units=units, per_minute=per_minute),
        period=Period(start=START, until=UNTIL),
        openings=False,
        nonce=secrets.token_bytes(16),
    )


def make_terms(kind: str = "lookup", units: int = 10, per_minute: int = 10) -> Terms:
    return _compiled(kind, units, per_minute).terms


def _compiled(kind: str, units: int, per_minute: int) -> Compiled:
    found = compile_contract(make_ask(units, per_minute), make_offer(make_product(kind)))
    assert isinstance(found, Compiled)
    return found


@pytest.fixture
def contract_in(store: Store) -> Callable[..., Contract]:
    """Return a maker of contracts that stand in the store."""

    def make(units: int = 10, state: State = State.ACTIVE, per_minute: int = 1000) -> Contract:
        made = _compiled("lookup", units, per_minute)
        contract = Contract(
            id=_text(made.terms),
            state=state,
            buyer="lender",
            terms=made.terms,
            plan=made.plan,
            leakage=made.leakage,
            approvals={},
            units_used=0,
        )
        put_contract(store.engine, contract, made.plan, made.leakage)
        return contract

    return make


def put_contract(engine: Engine, contract: Contract, plan: Plan, leakage: Leakage) -> None:
    row = {
        "id": contract.id,
        "state": contract.state.value,
        "buyer": contract.buyer,
        "terms": contract.terms.encode(),
        "plan": plan.encode(),
        "leakage": leakage.encode(),
        "cause": "",
        "units_used": contract.units_used,
        "bits_used": contract.bits_used,
        "proposed_at": "2026-11-22T05:30:00Z",
    }
    with engine.begin() as connection:
        connection.execute(insert(contracts), [row])


def let_out(contract: Contract, request: Request, parts: tuple[bytes, ...]) -> Released:
    """Return what the gate would have made of `parts`, whatever they are."""
    return Released(
        gate._SEAL,
        bits=contract.plan.bits_per_unit * request.units,
        commitment=bytes(32),
        contract=contract.id,
        nonce=bytes(32),
        parts=parts,
        request=request.request,
        review=b"",
        since=0,
    )


def put_epoch(engine: Engine, contract: Contract) -> None:
    """Have the contract's first epoch answer; it has no key and no table."""
    with engine.begin() as connection:
        ready = {
            "contract": contract.id,
            "number": 1,
            "state": READY,
            "snapshot_version": 1,
            "sealed_key": b"",
            "manifest": "",
            "table_bytes": 0,
            "leaf_index": 0,
            "failure": "",
        }
        connection.execute(insert(epochs), [ready])


def make_request(contract: Terms, units: int = 1, kind: str = "lookup", number: int = 0) -> Request:
    return Request(
        suite="intl",
        contract=contract.id(),
        request=f"{number:032x}",
        kind=kind,
        units=units,
        commitment=bytes(32),
        manifest=bytes(32) if kind == "lookup" else b"",
        epoch=1 if kind == "lookup" else 0,
        issued_at=NOW,
    )


def _text(terms: Terms) -> str:
    from unseen.evidence.canonical import b64encode

    return b64encode(terms.id())
