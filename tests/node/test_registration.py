"""Certificates in the store: issued with what they register, handed on link by link."""

import dataclasses
import datetime as dt
from typing import Any, cast

import pytest
from sqlalchemy import select
from tests.node.conftest import NOW, Store
from tests.node.governed import KEYS, Governed, ask

from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import EvidenceError, RegistrationInvalidError
from unseen.evidence.jws import peek
from unseen.evidence.registry.certificate import Certificate, Held, Rows
from unseen.evidence.registry.registration import verify_bundle
from unseen.evidence.registry.snapshot import RowProof
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.node.contracts import lifecycle
from unseen.node.errors import OverloadedError, RegistrationNotFoundError
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.registration import issue, register
from unseen.node.registration.bundles import bundle_of
from unseen.node.registration.issue import Issuer, TransferCertificate
from unseen.node.registration.proofs import pack_found, unpack_found
from unseen.node.store.schema_registry import certificates
from unseen.node.store.writer import Change, Transaction

HOLDER, NEXT = Ed25519Signer(b"\x31" * 32), Ed25519Signer(b"\x32" * 32)


class Issue(Change[str]):
    """Issue a certificate alone."""

    def __init__(self, issuer: Issuer, *what: Any) -> None:
        self.issuer, self.what = issuer, what

    def apply(self, transaction: Transaction) -> str:
        return self.issuer.issue(transaction, *self.what)


@pytest.fixture
def issuer(signer: Ed25519Signer) -> Issuer:
    return Issuer(signer, "node.test/log", HOLDER.public_key)


def trusted(signer: Ed25519Signer) -> Trust:
    node = TrustedParty("node", "node", "intl", signer.public_key)
    log = TrustedLog("intl", signer.public_key, signer_id(signer))
    return Trust.of([node], [("node.test/log", log)])


def held(store: Store, identifier: str) -> Held:
    with store.engine.connect() as connection:
        row = connection.execute(select(certificates).where(certificates.c.id == identifier)).one()
    return Held(INTL, b64decode(row.id), b64decode(row.newest), row.holder)


async def test_a_bundle_proves_what_the_store_holds(
    store: Store, signer: Ed25519Signer, issuer: Issuer
) -> None:
    taken = NOW - dt.timedelta(hours=1)
    rows = Rows(version=1, count=3, columns=bytes(32), taken_at=taken)
    table = await store.writer.submit(Issue(issuer, "table", "people", bytes(32), rows))
    product = await store.writer.submit(Issue(issuer, "product", "check", bytes(32)))
    transfer = held(store, table).sign_transfer(HOLDER, NEXT.public_key, NOW)
    await store.writer.submit(TransferCertificate(INTL, table, transfer))
    back = held(store, table).sign_transfer(NEXT, HOLDER.public_key, NOW)
    await store.writer.submit(TransferCertificate(INTL, table, back))
    head = store.log.head()
    found = verify_bundle(bundle_of(store.engine, store.log, table, head), trusted(signer))
    assert (found.certificate.name, found.certificate.rows) == ("people", rows)
    assert found.holders == (HOLDER.public_key, NEXT.public_key, HOLDER.public_key)
    assert b64encode(found.id) == table
    alone = verify_bundle(bundle_of(store.engine, store.log, product, head), trusted(signer))
    assert len(alone.holders) == 1


async def test_a_transfer_that_does_not_fit_changes_nothing(store: Store, issuer: Issuer) -> None:
    first = await store.writer.submit(Issue(issuer, "product", "check", bytes(32)))
    good = held(store, first).sign_transfer(HOLDER, NEXT.public_key, NOW)
    with pytest.raises(RegistrationNotFoundError):
        await store.writer.submit(TransferCertificate(INTL, "A" * 43, good))
    await store.writer.submit(TransferCertificate(INTL, first, good))
    size = store.log.size
    with pytest.raises(EvidenceError):
        await store.writer.submit(TransferCertificate(INTL, first, good))
    stale = Held(INTL, b64decode(first), b64decode(first), NEXT.public_key)
    skipping = stale.sign_transfer(NEXT, HOLDER.public_key, NOW)
    with pytest.raises(RegistrationInvalidError, match="newest"):
        await store.writer.submit(TransferCertificate(INTL, first, skipping))
    assert store.log.size == size


async def test_a_certificate_goes_through_so_many_hands(
    store: Store, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue, "_MAX_TRANSFERS", 2)
    first = await store.writer.submit(Issue(issuer, "product", "check", bytes(32)))
    for giver, taker in ((HOLDER, NEXT), (NEXT, HOLDER)):
        token = held(store, first).sign_transfer(giver, taker.public_key, NOW)
        await store.writer.submit(TransferCertificate(INTL, first, token))
    size = store.log.size
    token = held(store, first).sign_transfer(HOLDER, NEXT.public_key, NOW)
    with pytest.raises(OverloadedError):
        await store.writer.submit(TransferCertificate(INTL, first, token))
    assert store.log.size == size


async def test_who_sees_which_certificate(store: Store, issuer: Issuer) -> None:
    governed = await Governed(store).start()
    node = governed.node
    mine = await lifecycle.propose(node, "lender", "verify", ask())
    signed_by = {
        "holder": signer_id(KEYS["hospital"]),
        "approvals": ("operator", "holder", "buyer"),
    }
    terms = dataclasses.replace(mine.terms, **cast("Any", signed_by))
    held_by = dataclasses.replace(mine, id=b64encode(terms.id()), buyer="rival", terms=terms)
    node.contracts.put(held_by)
    for what, name in (
        ("table", "people"),
        ("product", "verify"),
        ("contract", mine.id),
        ("contract", held_by.id),
    ):
        rows = (
            Rows(version=1, count=3, columns=bytes(32), taken_at=NOW) if what == "table" else None
        )
        digest = b64decode(name) if what == "contract" else INTL.digest(name.encode())
        await store.writer.submit(Issue(issuer, what, name, digest, rows))
    for party, role in (("witness", Role.WITNESS), ("hub", Role.HUB)):
        governed.parties.by_name[party] = dataclasses.replace(
            governed.parties.by_name["ministry"], name=party, role=role, key_id=party, key=b""
        )
    everything = {"people", "verify", mine.id, held_by.id}
    for party, role, seen in (
        ("operator", Role.OPERATOR, everything),
        ("eva", Role.AUDITOR, everything),
        ("state", Role.REGULATOR, everything),
        ("lender", Role.BUYER, {"verify", mine.id}),
        ("rival", Role.BUYER, {"verify", held_by.id}),
        ("hospital", Role.HOLDER, {"people", "verify", held_by.id}),
        ("ministry", Role.APPROVER, {"people", "verify"}),
        ("witness", Role.WITNESS, {"people", "verify"}),
        ("hub", Role.HUB, {"people", "verify"}),
    ):
        who = Caller(role, party, "default")
        found, _ = register.list_certificates(node, who, "", "", 10)
        assert {one.name for one in found} == seen, party
        for one in register.list_certificates(node, Caller(Role.AUDITOR, "", ""), "", "", 10)[0]:
            if one.name in seen:
                assert register.find_certificate(node, who, one.id) == one
            else:
                with pytest.raises(RegistrationNotFoundError):
                    register.find_certificate(node, who, one.id)


async def test_what_is_signed_is_what_was_registered(store: Store, issuer: Issuer) -> None:
    identifier = await store.writer.submit(Issue(issuer, "product", "check", b"\x01" * 32))
    with store.engine.connect() as connection:
        row = connection.execute(select(certificates)).one()
    assert row.id == identifier
    certificate = Certificate.from_json(peek(row.token).payload)
    assert (certificate.digest, certificate.issued_at) == (b"\x01" * 32, NOW)


def test_proofs_come_back_from_a_worker() -> None:
    proofs = (RowProof(3, bytes(32), (b"\x01" * 32, b"\x02" * 32)), RowProof(9, b"\x03" * 32, ()))
    assert unpack_found(pack_found(12, b"\x04" * 32, proofs)) == (12, b"\x04" * 32, proofs)
