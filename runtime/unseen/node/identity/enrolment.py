"""How parties come to be known: invitations, enrolment, instances, revocation."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, func, insert, select, update

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode, format_time, parse_time
from unseen.evidence.log import event_leaf
from unseen.evidence.releases.instance import Instance, verify_instance
from unseen.evidence.suite import Suite, key_id, suite_of
from unseen.node.errors import (
    FieldInvalidError,
    InvitationInvalidError,
    OverloadedError,
    PartyExistsError,
    PartyNotFoundError,
)
from unseen.node.identity.certificates import Pair, issue_party, spki_hash
from unseen.node.identity.parties import Party
from unseen.node.identity.rights import Role
from unseen.node.resources import resource
from unseen.node.store.documents import put_document
from unseen.node.store.schema import instances, invitations, parties
from unseen.node.store.writer import Change, Transaction

PROOF_TYP = "unseen-enrolment"
# Each certification is a leaf that stays for good: what a party can have written is bounded.
_MAX_INSTANCES = 256
_MAX_LIFE = timedelta(days=400)
_LEAST_RENEWAL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a party hands over: its public evidence key, its PKCS#10 request, proof of both."""

    suite: str
    evidence_key: bytes
    csr: bytes
    proof: str  # JWS "unseen-enrolment" by the evidence key

    def check(self, invitation: str, party: str) -> None:
        """Raise unless the proof is by the evidence key, over this invitation, party and request.

        Raises:
            FieldInvalidError: the proof is over something else.
            SignatureInvalidError: it is not by this key.

        """
        suite = suite_of(self.suite)
        payload = jws.verify(self.proof, typ=PROOF_TYP, suite=suite, public_key=self.evidence_key)
        expected: Json = {
            "v": 1,
            "suite": self.suite,
            "type": "enrolment",
            "invitation": invitation,
            "party": party,
            "csr": b64encode(suite.digest(self.csr)),
        }
        # As bytes: true would equal 1.
        if canonical.encode(payload) != canonical.encode(expected):
            raise FieldInvalidError(
                "the proof is not over this invitation, party and request", clause="proof"
            )


@dataclass(frozen=True, slots=True)
class Invite(Change[str]):
    """Write an invitation; return its id."""

    party: str
    role: Role
    until: datetime

    def apply(self, transaction: Transaction) -> str:
        """Write the invitation.

        Raises:
            PartyExistsError: a party of this name is enrolled.

        """
        taken = select(parties.c.name).where(parties.c.name == self.party)
        if transaction.connection.execute(taken).first():
            raise PartyExistsError(
                f"party {self.party!r} is enrolled already",
                clause="party.name",
                remedy="take another name; for another machine of it: unseen instance add NAME DIR",
            )
        row = {
            "id": secrets.token_hex(16),
            "party": self.party,
            "role": self.role.value,
            "expires": format_time(self.until),
        }
        transaction.connection.execute(insert(invitations), [row])
        return row["id"]


@dataclass(frozen=True, slots=True)
class Enroll(Change[bytes]):
    """Use up an invitation: pin the party's keys, issue its certificate (DER)."""

    suite: Suite
    authority: Pair
    invitation: str
    enrolment: Enrolment

    def apply(self, transaction: Transaction) -> bytes:
        """Write party, invitation and leaf.

        Raises:
            InvitationInvalidError: the invitation is unknown, used or expired.

        """
        connection = transaction.connection
        row = connection.execute(
            select(invitations).where(invitations.c.id == self.invitation)
        ).one_or_none()
        if row is None or parse_time(row.expires) <= transaction.now:
            raise _invitation_invalid()
        self.enrolment.check(self.invitation, row.party)
        if row.used_at:
            return self._certificate_again(connection, row.party)
        now = format_time(transaction.now)
        connection.execute(
            update(invitations).where(invitations.c.id == self.invitation).values(used_at=now)
        )
        return enroll_party(
            transaction, self.suite, self.authority, row.party, Role(row.role), self.enrolment
        )

    def _certificate_again(self, connection: Connection, party: str) -> bytes:
        # The answer to the first call may have been lost: whoever holds the same key gets it.
        row = connection.execute(select(parties).where(parties.c.name == party)).one_or_none()
        if row is None or row.evidence_key != self.enrolment.evidence_key:
            raise _invitation_invalid()
        return bytes(row.certificate)


def _invitation_invalid() -> InvitationInvalidError:
    return InvitationInvalidError(
        "the invitation was used or has expired",
        clause="identity.invitation",
        remedy="ask the operator for a new one: unseen node invite NAME",
    )


def enroll_party(
    transaction: Transaction,
    suite: Suite,
    authority: Pair,
    name: str,
    role: Role,
    enrolment: Enrolment,
) -> bytes:
    """Pin a party within a transaction; return its certificate (DER)."""
    certificate = issue_party(authority, name, enrolment.csr, transaction.now)
    key = key_id(suite_of(enrolment.suite), enrolment.evidence_key)
    row = {
        "name": name,
        "role": role.value,
        "suite": enrolment.suite,
        "key_id": key,
        "evidence_key": enrolment.evidence_key,
        "certificate": certificate.public_bytes(Encoding.DER),
        "enrolled_at": format_time(transaction.now),
    }
    if transaction.connection.execute(
        select(parties.c.name).where((parties.c.name == name) | (parties.c.key_id == key))
    ).first():
        raise PartyExistsError("a party of this name or key is enrolled", clause="party.name")
    transaction.connection.execute(insert(parties), [row])
    fields: dict[str, Json] = {
        "party": name,
        "role": role.value,
        "key": key,
        "certificate": b64encode(spki_hash(certificate)),
    }
    transaction.append(event_leaf(suite, "party.enrolled", transaction.now, fields))
    return certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class RegisterInstance(Change[None]):
    """Pin the evidence key of a party's instance, as the party certified it."""

    suite: Suite
    party: str
    instance: Instance
    certification: str

    def apply(self, transaction: Transaction) -> None:
        """Write the instance and its leaf; the newest certification of a name is in force.

        Raises:
            FieldInvalidError: the key is another instance's.

        """
        connection = transaction.connection
        key = {"party": self.party, "name": self.instance.name}
        row = {
            "key_id": self.instance.key_id,
            "evidence_key": self.instance.key,
            "certification": self.certification,
            "until": format_time(self.instance.until),
        }
        own = (instances.c.party == self.party) & (instances.c.name == self.instance.name)
        found = connection.execute(select(instances).where(own)).one_or_none()
        of_key = instances.c.key_id == self.instance.key_id
        if connection.execute(select(instances.c.name).where(of_key, ~own)).first():
            raise FieldInvalidError(
                "another instance has this evidence key",
                clause="certification.key",
                remedy="make a fresh one for each instance: unseen instance add NAME",
            )
        if found is None:
            self._check_count(connection)
            connection.execute(insert(instances), [key | row])
        elif found.key_id != self.instance.key_id:
            raise FieldInvalidError(
                "the instance has another evidence key, under which receipts were given",
                clause="certification.key",
                remedy="certify the new key under a new name: unseen instance add NAME",
            )
        elif self.instance.until - parse_time(found.until) < _LEAST_RENEWAL:
            return  # no better than what is known: whoever wants less revokes the instance
        else:
            connection.execute(update(instances).where(own).values(row))
        fields: dict[str, Json] = {**key, "key": self.instance.key_id}
        token = self.certification.encode()
        put_document(transaction, self.suite, "instance", token, "instance.registered", fields)

    def _check_count(self, connection: Connection) -> None:
        of_party = select(func.count()).where(instances.c.party == self.party)
        if connection.execute(of_party).scalar_one() >= _MAX_INSTANCES:
            raise OverloadedError(
                f"a party has at most {_MAX_INSTANCES} instances", clause="party.instances"
            )


def check_certification(token: str, party: Party, name: str, now: datetime) -> Instance:
    """Return the instance that `party` certified for the TLS name `name`.

    Raises:
        FieldInvalidError: the certification is for another instance.
        InstanceInvalidError: it is malformed or has ended.
        SignatureInvalidError: it is not by the party's key.

    """
    instance = verify_instance(token, party.key, now, suite=suite_of(party.suite))
    if instance.until > now + _MAX_LIFE:
        raise FieldInvalidError(
            f"an instance is certified for at most {_MAX_LIFE.days} days",
            clause="certification.until",
        )
    resource("instances", f"instances/{instance.name}")  # a name that reads as nothing else
    if instance.name != name:
        raise FieldInvalidError(
            "the certification is for another instance than the one that is calling",
            clause="certification.name",
        )
    return instance


@dataclass(frozen=True, slots=True)
class Revoke(Change[None]):
    """Cut off a party, or one instance of it."""

    suite: Suite
    party: str
    instance: str | None
    by: str

    def apply(self, transaction: Transaction) -> None:
        """Write the time of revocation and its leaf.

        Raises:
            PartyNotFoundError: no such party or instance.

        """
        now = format_time(transaction.now)
        chosen = parties if self.instance is None else instances
        which = chosen.c.name == (self.instance or self.party)
        if self.instance is not None:
            which = which & (instances.c.party == self.party)
        connection = transaction.connection
        if connection.execute(select(chosen.c.revoked_at).where(which)).one_or_none() is None:
            raise PartyNotFoundError("no such party or instance", clause="party.name")
        still = update(chosen).where(which, chosen.c.revoked_at.is_(None))
        if connection.execute(still.values(revoked_at=now)).rowcount == 0:
            return  # revoked before: that date stands
        fields: dict[str, Json] = {
            "party": self.party,
            "instance": self.instance or "",
            "by": self.by,
        }
        transaction.append(event_leaf(self.suite, "party.revoked", transaction.now, fields))
