"""Certificates in the store: issued with what they register, handed on link by link."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from tests.node.conftest import NOW, Store

from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import EvidenceError, RegistrationInvalidError
from unseen.evidence.jws import peek
from unseen.evidence.registry.certificate import Certificate, Held, Rows
from unseen.evidence.registry.registration import verify_bundle
from unseen.evidence.registry.snapshot import RowProof
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.node.errors import RegistrationNotFoundError
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
