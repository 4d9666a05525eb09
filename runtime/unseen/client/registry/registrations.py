"""Registration certificates as a party sees them, and audits of what they register."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence import canonical, jws
from unseen.evidence.canonical import b64decode, b64encode, format_time
from unseen.evidence.errors import CanonicalError, SnapshotMismatchError, TrustMissingError
from unseen.evidence.registry.certificate import Certificate, Held, verify_certificate
from unseen.evidence.registry.registration import verify_bundle
from unseen.evidence.registry.snapshot import RowProof, hashes, verify_rows
from unseen.evidence.releases.manifest import verify_manifest
from unseen.evidence.suite import key_id
from unseen.v1 import registry_pb2, registry_pb2_grpc

AUDIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True, repr=False)
class CertificateCard(Card):
    """A registration certificate. `holder` is the present holder's public key, raw.

    `checked` tells whether the signature was: the issuing node's key has to be known.
    """

    id: str
    certificate: Certificate
    token: str
    holder: bytes
    newest: str
    checked: bool
    holder_name: str

    def _title(self) -> str:
        return f"Certificate {self.id}"

    def _rows(self) -> Iterator[Row]:
        certificate = self.certificate
        yield "of", f"{certificate.object} {certificate.name}"
        yield "digest", b64encode(certificate.digest)
        if certificate.rows is not None:
            rows = certificate.rows
            yield "rows", f"{rows.count:,} (version {rows.version})"
            yield "data of", format_time(rows.taken_at)
            yield "scheme", rows.scheme
        yield "issued", format_time(certificate.issued_at)
        yield "log", certificate.log
        yield "held by", self.holder_name
        yield "signature", "verified" if self.checked else "of a node this home does not know"


@dataclass(frozen=True, slots=True, repr=False)
class AuditCard(Card):
    """A table that leads to its registered commitment; `drawn` rows were proven one by one."""

    table: str
    version: int
    snapshot: str
    rows: int
    seed: str
    drawn: tuple[int, ...]
    leaf: int

    def _title(self) -> str:
        return f"Table {self.table} holds the rows that were registered"

    def _rows(self) -> Iterator[Row]:
        yield "snapshot", f"{self.snapshot} (version {self.version})"
        yield "rows", f"{self.rows:,}, all of them recomputed"
        yield "seed", self.seed
        yield "drawn", self.drawn
        yield "log entry", self.leaf


@dataclass(frozen=True, slots=True, repr=False)
class ReplayCard(Card):
    """An encrypted table that, built again from its sealed key, is the manifest's."""

    contract: str
    epoch: int
    manifest: str
    rows: int
    digest: str
    leaf: int

    def _title(self) -> str:
        return f"The table of epoch {self.epoch} is what its manifest says"

    def _rows(self) -> Iterator[Row]:
        yield "contract", self.contract
        yield "manifest", self.manifest
        yield "rows", f"{self.rows:,}"
        yield "digest", self.digest
        yield "log entry", self.leaf


class Registrations:
    """The certificates at one node, and audits of its tables."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = registry_pb2_grpc.RegistryServiceStub(session.channel.grpc)

    def list(self, what: str = "") -> list[CertificateCard]:
        """Return the certificates that this party may see, of one kind of object or all."""
        found: list[CertificateCard] = []
        token = ""
        while True:
            request = registry_pb2.ListCertificatesRequest(object=what, page_token=token)
            answer = self._session.call(self._stub.ListCertificates, request)
            found.extend(self._read(each) for each in answer.certificates)
            token = answer.next_page_token
            if not token:
                return sorted(found, key=lambda card: (card.certificate.issued_at, card.id))

    def get(self, identifier: str) -> CertificateCard:
        """Return one certificate."""
        return self._fetch(identifier)[0]

    def export(self, identifier: str) -> bytes:
        """Return the bundle that proves a certificate offline; see `Client.export_certificate`."""
        bundle = self._fetch(identifier)[1]
        verified = verify_bundle(canonical.decode(bundle), self._session.trust)
        if b64encode(verified.id) != identifier:
            raise AnswerInvalidError("the bundle is of another certificate", clause="certificate")
        return bundle

    def transfer(self, identifier: str, to: str) -> CertificateCard:
        """Hand a certificate on; see `Client.transfer_certificate`."""
        body: Any = canonical.decode(self.export(identifier))
        suite, newest = self._session.suite, body["entries"][-1]["token"]
        verified = verify_bundle(body, self._session.trust)
        link = jws.token_id(suite, newest)
        held = Held(suite, verified.id, link, verified.holders[-1])
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        token = held.sign_transfer(self._session.party_signer, self._key(to), now)
        request = registry_pb2.TransferCertificateRequest(
            name=f"certificates/{identifier}", transfer=token
        )
        answer = self._session.call(self._stub.TransferCertificate, request)
        return self._read(answer.certificate, identifier)

    def audit(self, table: str, rows: int, seed: str) -> AuditCard:
        """Have a table audited; see `Client.audit_table`."""
        request = registry_pb2.AuditTableRequest(name=f"tables/{table}", rows=rows, seed=seed)
        answer = self._session.call(self._stub.AuditTable, request, AUDIT_SECONDS)
        certificate = self._of_snapshot(table, answer.version)
        clause = certificate.rows
        registered = (b64encode(certificate.digest), clause.count if clause else -1)
        if (answer.snapshot, answer.registered_rows) != registered:
            raise AnswerInvalidError(
                "the node compares with another snapshot than its certificate", clause="snapshot"
            )
        if (b64encode(answer.root), answer.rows) != registered:
            raise SnapshotMismatchError(
                f"table {table}: its {answer.rows} rows are not the {registered[1]} that were"
                f" registered; the log says so at entry {answer.leaf_index}",
                clause="snapshot",
                remedy="keep the certificate and this log entry; ask the operator what changed",
            )
        proofs = [RowProof(p.index, p.leaf, hashes(b64encode(p.path))) for p in answer.proofs]
        if len(proofs) != rows:
            raise AnswerInvalidError("the node proves another number of rows", clause="rows")
        verify_rows(certificate.digest, seed, registered[1], proofs)
        drawn = tuple(proof.index for proof in proofs)
        return AuditCard(
            table, answer.version, registered[0], registered[1], seed, drawn, answer.leaf_index
        )

    def replay(self, contract: str) -> ReplayCard:
        """Have the build of a lookup table replayed; see `Client.replay_table`."""
        request = registry_pb2.ReplayTableRequest(contract=f"contracts/{contract}")
        answer = self._session.call(self._stub.ReplayTable, request, AUDIT_SECONDS)
        profile, suite = self._session.profile, self._session.suite
        manifest = verify_manifest(answer.manifest_token, suite, profile.node.evidence_key)
        named = (b64encode(manifest.contract), manifest.epoch, b64encode(manifest.id()))
        if named != (contract, answer.epoch, answer.manifest):
            raise AnswerInvalidError("the manifest is of another table", clause="manifest")
        built = (answer.rows, answer.digest, answer.root)
        if built != (manifest.rows, manifest.digest, manifest.root):
            raise SnapshotMismatchError(
                f"the table of epoch {answer.epoch}, built again, is not what its manifest says;"
                f" the log says so at entry {answer.leaf_index}",
                clause="manifest",
                remedy="keep the manifest and this log entry; ask the operator what changed",
            )
        return ReplayCard(
            contract,
            answer.epoch,
            answer.manifest,
            answer.rows,
            b64encode(answer.digest),
            answer.leaf_index,
        )

    def _of_snapshot(self, table: str, version: int) -> Certificate:
        for card in self.list("table"):
            rows = card.certificate.rows
            if card.checked and card.certificate.name == table and rows and rows.version == version:
                return card.certificate
        raise AnswerInvalidError("the snapshot has no certificate", clause="certificate")

    def _fetch(self, identifier: str) -> tuple[CertificateCard, bytes]:
        request = registry_pb2.GetCertificateRequest(name=f"certificates/{identifier}")
        answer = self._session.call(self._stub.GetCertificate, request)
        return self._read(answer.certificate, identifier), answer.bundle

    def _read(
        self, message: registry_pb2.Certificate, expected: str | None = None
    ) -> CertificateCard:
        suite = self._session.suite
        identifier = b64encode(jws.token_id(suite, message.token))
        if identifier != short(message.name) or expected not in (None, identifier):
            raise AnswerInvalidError("the certificate is not the one of its id", clause="name")
        found = jws.peek(message.token)
        try:
            issuer = self._session.trust.party(found.kid, "node")
            certificate = verify_certificate(message.token, suite, issuer.key)
            checked = True
        except TrustMissingError:
            certificate, checked = Certificate.from_json(found.payload), False
        return CertificateCard(
            id=identifier,
            certificate=certificate,
            token=message.token,
            holder=message.holder,
            newest=message.newest,
            checked=checked,
            holder_name=self._name(message.holder),
        )

    def _name(self, key: bytes) -> str:
        name = key_id(self._session.suite, key)
        if name == self._session.profile.key_id:
            return f"this party ({name})"
        party = self._session.trust.parties.get(name)
        return name if party is None else f"{party.name} ({name})"

    def _key(self, text: str) -> bytes:
        named = [party for party in self._session.trust.parties.values() if party.name == text]
        if len(named) == 1:
            return named[0].key
        try:
            key = b64decode(text.rpartition("/")[2])
        except CanonicalError:
            key = b""
        if len(key) != self._session.suite.key_bytes:
            raise HomeError(
                "the next holder is neither a party of parties.json nor a public key",
                clause="certificate.holder",
                remedy="give the `key` of its profile.json, or a name: unseen party list",
            )
        return key
