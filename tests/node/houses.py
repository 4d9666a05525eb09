"""A node's home with something in it, for handing it over; nothing of it ever serves."""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from tests.node.conftest import make_ask, make_offer, make_product

from unseen.cli.commands.node import init
from unseen.cli.output import Format
from unseen.client.local import identity
from unseen.client.local.home import Home
from unseen.client.local.keys import load_signer
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.contract import Period, Terms, sign_terms
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import INTL, Signer, signer_id
from unseen.evidence.trust import Trust
from unseen.node.contracts.compile import Compiled, compile_contract
from unseen.node.contracts.register import Approve, Contract, Contracts, Propose
from unseen.node.contracts.rulebook import LoadRules
from unseen.node.handover.export import parties_of
from unseen.node.handover.leaving import hand_over
from unseen.node.handover.state import Stopped, stopped
from unseen.node.identity.enrolment import Enrolment, enroll_party
from unseen.node.identity.rights import Role
from unseen.node.registration.issue import Issuer
from unseen.node.store.schema import charges, epochs
from unseen.node.store.schema_consent import consents
from unseen.node.store.schema_jobs import results
from unseen.node.store.schema_openings import objections
from unseen.node.store.schema_privacy import privacy_answers
from unseen.node.store.writer import Transaction


@dataclass
class House:
    """A home, its operator's key, and the folder that it hands over."""

    home: Path
    signer: Signer

    @property
    def operator(self) -> str:
        return signer_id(self.signer)

    def open(self) -> Any:
        """Open the state of the node, which does not serve."""
        return stopped(self.home, None)

    def trust(self) -> Trust:
        """Return the keys of everybody here, as a successor has them from its own channel."""
        with self.open() as state:
            return parties_of(state)

    def leave(self, folder: Path, successor: str, **more: Any) -> Any:
        return hand_over(self.home, folder, successor=successor, signer=self.signer, **more)


def make_house(root: Path, name: str) -> House:
    """Make a node and return its home."""
    home = root / f"{name}-home"
    init(home=home, name=name, listen="127.0.0.1:1", form=Format.JSON)
    return House(home, load_signer(Home(home / "operator"), "party"))


def join(state: Stopped, root: Path, name: str, role: Role = Role.BUYER) -> Signer:
    """Enrol a party without a call; return its key."""
    made = identity.prepare(root / name, name, role.value)
    handed = Enrolment(made.suite, made.evidence_key, made.csr, "")
    with state.changing() as transaction:
        enroll_party(transaction, INTL, state.keys.authority, name, role, handed)
    state.parties.reload()
    return load_signer(Home(root / name), "party")


def put_contract(state: Stopped, house: House, buyer: Signer, kind: str = "lookup") -> Contract:
    """Put a contract into state and log: approved, not yet signed by its buyer."""
    now = state.clock.now()
    offer = make_offer(make_product(kind))
    signers = replace(
        offer.signers, operator=house.operator, node=state.key_id, buyer=signer_id(buyer)
    )
    period = Period(start=now - dt.timedelta(hours=1), until=now + dt.timedelta(days=1))
    found = compile_contract(replace(make_ask(), period=period), replace(offer, signers=signers))
    assert isinstance(found, Compiled)
    terms = found.terms
    issuer = Issuer(state.keys.evidence, state.log.origin, house.signer.public_key)
    with state.changing() as transaction:
        LoadRules(INTL).apply(transaction)
        if not Contracts(state.engine).all():
            _register(transaction, issuer, terms)
        Propose("lender", terms, found.plan, found.leakage).apply(transaction)
        token = sign_terms(house.signer, terms)
        return Approve(b64encode(terms.id()), "operator", "operator", token).apply(transaction)


def _register(transaction: Transaction, issuer: Issuer, terms: Terms) -> None:
    """Put table and product into the log, as far as an audit of contracts asks for them."""
    table: dict[str, Json] = {
        "table": terms.table,
        "version": 1,
        "snapshot": "A" * 43,
        "rows": 100_000,
        "columns": "A" * 43,
    }
    product: dict[str, Json] = {
        "product": terms.product,
        "digest": b64encode(terms.product_digest),
    }
    for kind, fields in (("table.registered", table), ("product.registered", product)):
        transaction.append(event_leaf(INTL, kind, transaction.now, fields))
    issuer.issue(transaction, "product", terms.product, terms.product_digest)


def activate(state: Stopped, contract: Contract, buyer: Signer) -> None:
    """Put the buyer's signature into state and log."""
    with state.changing() as transaction:
        token = sign_terms(buyer, contract.terms)
        issuer = Issuer(state.keys.evidence, state.log.origin, buyer.public_key)
        Approve(contract.id, "buyer", "lender", token, issuer).apply(transaction)


def put_secrets(state: Stopped, contract: str) -> None:
    """Put something sealed into every table that can hold it: all of it says SEALED."""
    said = b"SEALED"
    rows: list[tuple[Any, dict[str, Any]]] = [
        (
            charges,
            {
                "contract": contract,
                "request": "0" * 32,
                "statement_digest": "",
                "epoch": 1,
                "units": 1,
                "bits": 1,
                "leaf_index": 0,
                "instance": "",
                "release_nonce": b"",
                "reply": said,
                "opening": said,
            },
        ),
        (
            epochs,
            {
                "contract": contract,
                "number": 1,
                "state": "READY",
                "snapshot_version": 1,
                "sealed_key": said,
                "manifest": "",
                "table_bytes": 0,
                "leaf_index": 0,
                "failure": "",
            },
        ),
        (
            objections,
            {
                "id": "o" * 43,
                "contract": contract,
                "by": "lender",
                "answer": "",
                "close": "",
                "opened_words": said,
                "answered_words": said,
            },
        ),
        (
            results,
            {"job": "0" * 32, "sealed_key": said, "body": said, "size": 6, "until": ""},
        ),
        (
            consents,
            {
                "id": "c" * 43,
                "place": bytes(32),
                "hub": "hub",
                "recipient": "",
                "scenario": "",
                "table_name": "people",
                "products": "[]",
                "once": 0,
                "given_at": "",
                "until": "",
                "delegation": "",
                "added": 1,
                "added_at": "",
                "sealed_subject": said,
                "sealed_token": said,
            },
        ),
        (
            privacy_answers,
            {
                "key": "k" * 43,
                "sealed_reply": said,
                "snapshot": b"",
                "contract": contract,
                "leaf_index": 0,
            },
        ),
    ]
    with state.changing() as transaction:
        for table, row in rows:
            transaction.connection.execute(insert(table), [row])
