"""Parties and their instances: the pins that turn a certificate into a caller.

A certificate that chains to the domain authority proves nothing by itself. The caller is the
party whose pinned authority signed the instance's certificate; names inside a certificate are
only compared. Revocation takes effect at the next call: everything here is asked on each one.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sqlalchemy import Connection, Engine, select

from unseen.node.errors import CertificateRevokedError, CertificateUnknownError
from unseen.node.identity.certificates import uri_of
from unseen.node.identity.rights import Role
from unseen.node.store.schema import instances, parties

_CACHE_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Instance:
    """A client instance that its party certified: `key` signs requests until `until`."""

    party: str
    name: str
    key_id: str
    key: bytes
    certification: str
    until: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class Party:
    """An enrolled party: `key` signs contracts and certifies instances."""

    name: str
    role: Role
    suite: str
    key_id: str
    key: bytes
    certificate: x509.Certificate = field(repr=False)
    revoked: bool
    instances: dict[str, Instance] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: role, party name, and the instance or invitation named in the certificate."""

    role: Role
    party: str
    instance: str


class Parties:
    """All parties in memory, reloaded after each change of state."""

    def __init__(self, engine: Engine, authority: x509.Certificate) -> None:
        """Read the parties from the store."""
        self._engine = engine
        self._authority = authority
        self._by_name: dict[str, Party] = {}
        self._callers: dict[bytes, tuple[Caller, dt.datetime]] = {}
        self.reload()

    def reload(self) -> None:
        """Read the parties anew, and forget what was derived from the old ones."""
        with self._engine.connect() as connection:
            self._by_name = _load(connection)
        self._callers = {}

    def all(self) -> list[Party]:
        """Return every party, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def get(self, name: str) -> Party | None:
        """Return the party of this name."""
        return self._by_name.get(name)

    def operator(self) -> Party:
        """Return the operator's party."""
        return next(party for party in self._by_name.values() if party.role is Role.OPERATOR)

    def caller(self, pem: bytes, now: dt.datetime) -> Caller:
        """Return who presents the certificate `pem`.

        Raises:
            CertificateUnknownError: no enrolled party signed it, or its names do not fit.
            CertificateRevokedError: the party or the instance was revoked.

        """
        known = self._callers.get(pem)
        if known is None:
            known = self._identify(pem)
            if len(self._callers) >= _CACHE_LIMIT:
                self._callers.clear()
            self._callers[pem] = known
        caller, expires = known
        if now > expires:
            raise CertificateUnknownError(
                "the certificate has expired",
                clause="identity.certificate",
                remedy="certify the instance again: unseen instance renew",
            )
        self._check_revoked(caller)
        return caller

    def _identify(self, pem: bytes) -> tuple[Caller, dt.datetime]:
        certificate = x509.load_pem_x509_certificate(pem)
        expires = certificate.not_valid_after_utc
        match uri_of(certificate).removeprefix("unseen://").split("/"):
            case ["invitations", invitation]:
                _check_issuer(certificate, self._authority)
                return Caller(Role.INVITEE, "", invitation), expires
            case [name, "instances", instance] if name in self._by_name:
                party = self._by_name[name]
                _check_issuer(certificate, party.certificate)
                return Caller(party.role, name, instance), expires
        raise _unknown()

    def _check_revoked(self, caller: Caller) -> None:
        if caller.role is Role.INVITEE:
            return
        party = self._by_name[caller.party]
        instance = party.instances.get(caller.instance)
        if party.revoked or (instance is not None and instance.revoked):
            raise CertificateRevokedError(
                "the party or its instance was revoked",
                clause="identity.revocation",
                remedy="ask the operator for a new invitation",
            )


def _check_issuer(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        raise _unknown() from None


def _unknown() -> CertificateUnknownError:
    return CertificateUnknownError(
        "the certificate belongs to no party that this node knows",
        clause="identity.pin",
        remedy="enrol with an invitation of this node: unseen join INVITATION",
    )


def _load(connection: Connection) -> dict[str, Party]:
    found = {
        row.name: Party(
            row.name,
            Role(row.role),
            row.suite,
            row.key_id,
            row.evidence_key,
            x509.load_der_x509_certificate(row.certificate),
            row.revoked_at is not None,
        )
        for row in connection.execute(select(parties))
    }
    for row in connection.execute(select(instances)):
        found[row.party].instances[row.name] = Instance(
            row.party,
            row.name,
            row.key_id,
            row.evidence_key,
            row.certification,
            row.until,
            row.revoked_at is not None,
        )
    return found


def instance_by_key(party: Party, key_id: str) -> Instance | None:
    """Return the party's instance with this evidence key."""
    return next((i for i in party.instances.values() if i.key_id == key_id), None)


@dataclass(frozen=True, slots=True)
class PartyName:
    """A resource name: `parties/{party}` or `parties/{party}/instances/{instance}`."""

    party: str
    instance: str | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the parsed name, or nothing if it is malformed."""
        match text.split("/"):
            case ["parties", party]:
                return cls(party, None)
            case ["parties", party, "instances", instance]:
                return cls(party, instance)
        return None
