"""Issuing certificates, in the very transaction that registers what they are about."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select, update

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.registry.certificate import Certificate, Held, Rows, sign_certificate
from unseen.evidence.suite import Signer, Suite, key_id, signer_id
from unseen.node.errors import OverloadedError, RegistrationNotFoundError
from unseen.node.store.documents import put_document
from unseen.node.store.schema_registry import certificates, transfers
from unseen.node.store.writer import Change, Transaction

_MAX_TRANSFERS = 256


@dataclass(frozen=True, slots=True)
class Issuer:
    """The node's key, its log's origin, and the public key of the first holder."""

    signer: Signer = field(repr=False)
    log: str
    holder: bytes

    @property
    def suite(self) -> Suite:
        """Return the suite that certificates are signed under."""
        return self.signer.suite

    def issue(
        self,
        transaction: Transaction,
        what: str,
        name: str,
        digest: bytes,
        rows: Rows | None = None,
    ) -> str:
        """Sign, store and log the certificate of the `what` called `name`; return its id."""
        certificate = Certificate(
            suite=self.suite.id,
            object=what,
            name=name,
            digest=digest,
            holder=self.holder,
            node=signer_id(self.signer),
            log=self.log,
            issued_at=transaction.now.replace(microsecond=0),
            rows=rows,
        )
        token = sign_certificate(self.signer, certificate)
        fields: dict[str, Json] = {
            "object": what,
            "name": name,
            "digest": b64encode(digest),
            "holder": key_id(self.suite, self.holder),
        }
        body = token.encode()
        identifier = put_document(
            transaction, self.suite, "certificate", body, "certificate.issued", fields
        )
        row = {
            "id": identifier,
            "object": what,
            "name": name,
            "token": token,
            "holder": self.holder,
            "newest": identifier,
            "leaf_index": transaction.first_index + len(transaction.bodies) - 1,
            "imported": "",
        }
        transaction.connection.execute(insert(certificates), [row])
        return identifier


@dataclass(frozen=True, slots=True)
class TransferCertificate(Change[None]):
    """Hand a certificate on, by a transfer that its present holder signed."""

    suite: Suite
    certificate: str
    token: str

    def apply(self, transaction: Transaction) -> None:
        """Check the transfer against the newest link; write holder, document and leaf.

        Raises:
            RegistrationNotFoundError: there is no such certificate.
            RegistrationInvalidError: the transfer is malformed or follows another link.
            SignatureInvalidError: it is not by the present holder.
            OverloadedError: it has gone through too many hands.

        """
        connection, own = transaction.connection, certificates.c.id == self.certificate
        row = connection.execute(select(certificates).where(own)).one_or_none()
        if row is None:
            raise not_found()
        held = Held(self.suite, b64decode(row.id), b64decode(row.newest), row.holder)
        after = held.take(self.token)
        count = self._count(connection)
        fields: dict[str, Json] = {
            "certificate": self.certificate,
            "holder": key_id(self.suite, after.holder),
        }
        kind, event = "certificate-transfer", "certificate.transferred"
        put_document(transaction, self.suite, kind, self.token.encode(), event, fields)
        link = {
            "certificate": self.certificate,
            "number": count + 1,
            "token": self.token,
            "leaf_index": transaction.first_index + len(transaction.bodies) - 1,
        }
        connection.execute(insert(transfers), [link])
        newest = b64encode(jws.token_id(self.suite, self.token))
        connection.execute(
            update(certificates).where(own).values(holder=after.holder, newest=newest)
        )

    def _count(self, connection: Connection) -> int:
        """Return how many transfers there are; each is a leaf and a document that stay for good."""
        of_certificate = transfers.c.certificate == self.certificate
        counted = select(func.count()).select_from(transfers).where(of_certificate)
        count = int(connection.execute(counted).scalar_one())
        if count >= _MAX_TRANSFERS:
            raise OverloadedError(
                f"the certificate was handed on {_MAX_TRANSFERS} times",
                clause="certificate.transfers",
                remedy="it stays with its present holder",
            )
        return count


def not_found() -> RegistrationNotFoundError:
    """Return the error for a certificate that is not there, or not for this party."""
    return RegistrationNotFoundError(
        "no certificate of this id", clause="certificate", remedy="see: unseen certificate list"
    )
