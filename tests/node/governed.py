"""A node as far as rules, labels, templates and contracts go: its stores, and nothing that runs."""

import asyncio
import dataclasses
import datetime as dt
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import insert
from tests.evidence.governance import make_template
from tests.node.conftest import NOW, START, UNTIL, Store, make_ask

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Period, sign_terms
from unseen.evidence.contracts.template import LabelLimit, PriceBand, Template, sign_template
from unseen.evidence.log import decode_leaf
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.audit.log import NodeLog
from unseen.node.catalog.catalogue import Catalogue
from unseen.node.contracts.clauses.clause import Ask
from unseen.node.contracts.register import Contract, Contracts
from unseen.node.contracts.rulebook import LoadRules, Rulebook
from unseen.node.contracts.stops import Stops
from unseen.node.contracts.templates import Templates
from unseen.node.identity.parties import Party
from unseen.node.identity.rights import Role
from unseen.node.mandates.register import Mandates
from unseen.node.store.schema import products, snapshots, tables

if TYPE_CHECKING:
    from unseen.node.context import Node

NAMES = ("operator", "node", "lender", "rival", "hospital", "ministry")
KEYS = {name: Ed25519Signer(bytes([number]) * 32) for number, name in enumerate(NAMES, 1)}
ROLES = {
    "operator": Role.OPERATOR,
    "lender": Role.BUYER,
    "rival": Role.BUYER,
    "hospital": Role.HOLDER,
    "ministry": Role.APPROVER,
}
DAY = dt.timedelta(days=1)


class Parties:
    """The enrolled parties, by name; a test may take one away."""

    def __init__(self) -> None:
        self.by_name = {
            name: Party(
                name,
                role,
                INTL.id,
                signer_id(KEYS[name]),
                KEYS[name].public_key,
                cast("Any", None),
                revoked=False,
            )
            for name, role in ROLES.items()
        }

    def all(self) -> list[Party]:
        return list(self.by_name.values())

    def get(self, name: str) -> Party | None:
        return self.by_name.get(name)

    def operator(self) -> Party:
        return self.by_name["operator"]

    def revoke(self, name: str) -> None:
        self.by_name[name] = dataclasses.replace(self.by_name[name], revoked=True)


class Governed:
    """The node's stores over `store`, with one table, a product of each kind, and its parties."""

    def __init__(self, store: Store, labels: str = "enterprise:1", rows: int = 1000) -> None:
        self.store = store
        self.built: list[str] = []
        put_table(store, labels, rows)
        for kind in ("lookup", "verify"):
            put_product(store, kind)
        self.parties = Parties()
        catalogue = Catalogue(store.engine)
        self.node = cast(
            "Node",
            SimpleNamespace(
                suite=INTL,
                key_id=signer_id(KEYS["node"]),
                clock=store.clock,
                engine=store.engine,
                writer=store.writer,
                parties=self.parties,
                catalogue=catalogue,
                contracts=Contracts(store.engine),
                templates=Templates(store.engine),
                stops=Stops(store.engine),
                mandates=Mandates(store.engine),
                settings=SimpleNamespace(name="node", consent_latency_seconds=86_400),
                epochs=SimpleNamespace(answers=lambda _contract, over="": False),
                jobs=SimpleNamespace(kinds={}, look=lambda: None),
                proposing=asyncio.Lock(),
                background=set(),
                rulebook=cast("Any", None),
            ),
        )

    async def start(self) -> "Governed":
        """Load the rules, as a start does."""
        edition = await self.store.writer.submit(LoadRules(INTL))
        self.node.rulebook = Rulebook(edition)
        return self

    def events(self) -> list[str]:
        """Return the types of the leaves."""
        return [str(leaf["type"]) for leaf in self.leaves()]

    def leaves(self) -> list[dict[str, Any]]:
        """Return the leaves, decoded."""
        log = self.store.log
        return [
            dict(decode_leaf(NodeLog.read_leaf_bytes(self.store.engine, index)))
            for index in range(log.size)
        ]

    def contract(self, identifier: str) -> Contract:
        """Return a contract as it stands."""
        return self.node.contracts.get(identifier)


def columns(labels: str) -> list[canonical.Json]:
    """Return the columns of the table, all with one label."""
    category, _, level = labels.partition(":")
    return [
        {"name": name, "type": "VARCHAR", "category": category, "level": level}
        for name in ("id", "a", "b")
    ]


def put_table(store: Store, labels: str, rows: int) -> None:
    """Put a table into the store, without its leaf."""
    table = {
        "name": "people",
        "source": "/people.parquet",
        "subject": '[{"name":"id","type":"string"}]',
        "columns": canonical.encode(columns(labels)).decode(),
        "registered_at": "2026-11-22T05:30:00Z",
        "holder": "",
    }
    snapshot = {
        "table_name": "people",
        "version": 1,
        "commitment": "A" * 43,
        "sealed_salt": b"",
        "rows": rows,
        "fingerprint": '{"mtime_ns":1,"sha256":"00","size":1}',
        "taken_at": "2026-11-22T05:30:00Z",
    }
    with store.engine.begin() as connection:
        connection.execute(insert(tables), [table])
        connection.execute(insert(snapshots), [snapshot])


def put_product(store: Store, kind: str) -> None:
    """Put a product of a kind into the store, without its leaf: `p_a` reads a, `p_b` reads b."""
    definition: dict[str, canonical.Json] = {
        "name": kind,
        "table": "people",
        "kind": kind,
        "title": "A product",
        "predicates": [
            {
                "name": f"p_{column}",
                "text": "is",
                "expression": f"{column} > 0",
                "columns": [column],
            }
            for column in ("a", "b")
        ],
        "prices": {"currency": "CNY", "data_fee": 1, "service_fee": 2},
    }
    text = canonical.encode(definition)
    row = {
        "name": kind,
        "table_name": "people",
        "kind": kind,
        "definition": text.decode(),
        "digest": b64encode(INTL.digest(text)),
        "registered_at": "2026-11-22T05:30:00Z",
    }
    with store.engine.begin() as connection:
        connection.execute(insert(products), [row])


def ask(**changes: Any) -> Ask:
    """Return an ask that the default rules grant over enterprise data of level 1."""
    return dataclasses.replace(make_ask(10, 10, ("p_a",)), **changes)


def template(**changes: Any) -> Template:
    """Return a template of the operator's that `ask` stays within."""
    world = SimpleNamespace(suite=INTL, operator=KEYS["operator"], stranger=KEYS["ministry"])
    fields: dict[str, Any] = {
        "kinds": ("verify", "lookup"),
        "purposes": ("tests",),
        "products": (),
        "labels": (LabelLimit(category="enterprise", level="2"),),
        "max_units": 100,
        "prices": PriceBand(currency="CNY", data_fee=(0, 10), service_fee=(0, 10)),
        "openings": "refused",
        "consent": False,
        "region": "",
        "order": False,
        "declarations": (),
        "approver": "",
        "period": Period(start=START - DAY, until=UNTIL + 30 * DAY),
    }
    return make_template(world, **fields | changes)


def signed(made: Template, by: str = "operator") -> str:
    """Return a party's signature over a template."""
    return sign_template(KEYS[by], made)


def approval(contract: Contract, by: str) -> str:
    """Return a party's signature over the terms of a contract."""
    return sign_terms(KEYS[by], contract.terms)


__all__ = ["DAY", "KEYS", "NOW", "Governed", "approval", "ask", "signed", "template"]
