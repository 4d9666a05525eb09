"""Becoming a party: keys made here, a certificate from the node, instances certified here.

`prepare` makes the keys, the node certifies the party, `complete` certifies this client as the
party's first instance. A node being set up does the same for its operator in its own process, so
that nobody but the party ever holds the party's keys.

Trust starts with the invitation: whoever can swap it before it arrives can be the node.
"""

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from unseen.client.errors import HomeError
from unseen.client.local import certificates
from unseen.client.local.home import Home, read_file, write_file, write_json
from unseen.client.local.keys import SUITE, load_signer, make_signer
from unseen.client.local.profile import Node, Profile, load_profile
from unseen.client.local.sealing import make_local_key
from unseen.evidence import jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.releases.instance import certify
from unseen.evidence.suite import Signer, key_id
from unseen.evidence.trust import Role, Trust, TrustedLog, TrustedParty

# The operator enrols while its node is being made, without an invitation.
OPERATOR_INVITATION = "0" * 32
RENEW_BEFORE = dt.timedelta(days=14)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a party shows to be enrolled. `csr` is a PKCS#10 request in DER."""

    suite: str
    party: str
    role: str
    instance: str
    evidence_key: bytes
    csr: bytes
    _signer: Signer = field(repr=False)

    def sign_proof(self, invitation: str) -> str:
        """Return the JWS that binds key and request to the invitation `invitation`."""
        digest = self._signer.suite.digest(self.csr)
        return jws.sign(
            self._signer,
            "unseen-enrolment",
            {
                "v": 1,
                "suite": self.suite,
                "type": "enrolment",
                "invitation": invitation,
                "party": self.party,
                "csr": b64encode(digest),
            },
        )


@dataclass(frozen=True, slots=True)
class Membership:
    """What a party is given when it is enrolled.

    `party_certificate` is DER, `ca` the domain's authority in PEM, `node` the pins.
    """

    party_certificate: bytes
    ca: bytes
    node: Node


def prepare(home: Path, party: str, role: str, instance: str = "default") -> Enrolment:
    """Make the keys of a new party in `home`; those already there are kept.

    Raises:
        HomeError: the home is in use, a name is malformed, or nothing can be written.

    """
    place = Home(home)
    _check_name("party", party)
    _check_name("instance", instance)
    if place.profile.exists():
        raise HomeError(
            f"{home} is the home of a party already",
            clause="home",
            remedy="choose another folder with --home",
        )
    place.make()
    signer = make_signer(place, "party")
    make_signer(place, "instance")
    make_local_key(place)
    key = _make_tls_key(place, "party.key")
    _make_tls_key(place, "instance.key")
    # A retried enrolment shows the same bytes: signing them anew would change them.
    request = place.tls("party.csr")
    if not request.exists():
        write_file(request, certificates.party_request(key, party))
    return Enrolment(SUITE, party, role, instance, signer.public_key, read_file(request), signer)


def complete(home: Path, enrolment: Enrolment, membership: Membership) -> Profile:
    """Certify this client as an instance of the enrolled party and write its profile.

    Raises:
        AnswerInvalidError: the party certificate is not the one asked for.
        HomeError: nothing can be written.

    """
    place = Home(home)
    party = x509.load_der_x509_certificate(membership.party_certificate)
    key = certificates.load_key(read_file(place.tls("party.key")))
    certificates.check_party(party, membership.ca, key)
    write_file(place.tls("ca.pem"), membership.ca)
    write_file(place.tls("party.pem"), certificates.certificate_pem(party))
    profile = Profile(
        party=enrolment.party,
        role=enrolment.role,
        instance=enrolment.instance,
        suite_id=enrolment.suite,
        key=enrolment.evidence_key,
        node=membership.node,
    )
    write_json(place.trust, trust_of(profile).to_json())
    _certify(place, place, profile)
    profile.save(place)
    return profile


def certify_instance(home: Path, name: str, out: Path) -> Profile:
    """Make a home for another client instance of the party, in the new folder `out`.

    It can ask and settle; it cannot sign contracts or certify, since it holds no party key.

    Raises:
        HomeError: `home` holds no party key, the name is malformed or taken, or `out` is in use.

    """
    place, other = Home(home), Home(out)
    profile = load_profile(place)
    _check_name("instance", name)
    if other.profile.exists() or place.instance(name).exists():
        raise HomeError(
            f"there is an instance {name} or a home at {out} already",
            clause="instance",
            remedy="choose another name and an empty folder",
        )
    load_signer(place, "party")
    other.make()
    make_signer(other, "instance")
    make_local_key(other)
    _make_tls_key(other, "instance.key")
    for path, copy in (
        (place.tls("ca.pem"), other.tls("ca.pem")),
        (place.tls("party.pem"), other.tls("party.pem")),
        (place.trust, other.trust),
    ):
        write_file(copy, read_file(path))
    own = Profile(profile.party, profile.role, name, profile.suite_id, profile.key, profile.node)
    _certify(place, other, own)
    write_file(place.instance(name), read_file(other.instance(name)))
    own.save(other)
    return own


def renew(home: Path) -> Profile:
    """Certify this client's own instance anew, for another 89 days.

    Raises:
        HomeError: the home holds no party key.

    """
    place = Home(home)
    profile = load_profile(place)
    _certify(place, place, profile)
    return profile


def expires(home: Home) -> dt.datetime:
    """Return when the certificate of this client instance ends."""
    try:
        certificate = x509.load_pem_x509_certificate(read_file(home.tls("instance.pem")))
    except ValueError:
        raise HomeError("the instance certificate cannot be read", clause="tls") from None
    return certificate.not_valid_after_utc


def trust_of(profile: Profile) -> Trust:
    """Return the trust a party starts with: itself, the node, its operator and its log."""
    node, suite = profile.node, profile.suite_id
    log = TrustedLog(suite, node.log_key, key_id(profile.suite, node.evidence_key))
    listed = [
        TrustedParty(node.name, "node", suite, node.evidence_key),
        TrustedParty("operator", "operator", suite, node.operator_key),
    ]
    if profile.key != node.operator_key:
        role = cast("Role", profile.role)
        listed.append(TrustedParty(profile.party, role, suite, profile.key))
    return Trust.of(listed, [(node.log_origin, log)])


def _certify(party_home: Home, home: Home, profile: Profile) -> None:
    """Certify the instance keys in `home` with the party's keys in `party_home`."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    signer = load_signer(party_home, "party")
    authority_key = certificates.load_key(read_file(party_home.tls("party.key")))
    authority = x509.load_pem_x509_certificate(read_file(party_home.tls("party.pem")))
    key = certificates.load_key(read_file(home.tls("instance.key")))
    certificate = certificates.issue_instance(authority, authority_key, profile.instance, key, now)
    token = certify(
        signer,
        profile.instance,
        load_signer(home, "instance").public_key,
        certificate.not_valid_after_utc,
    )
    write_file(home.instance(profile.instance), token.encode())
    write_file(home.tls("instance.pem"), certificates.certificate_pem(certificate))


def _make_tls_key(home: Home, name: str) -> EllipticCurvePrivateKey:
    path = home.tls(name)
    if not path.exists():
        write_file(path, certificates.key_pem(certificates.new_key()), private=True)
    return certificates.load_key(read_file(path))


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise HomeError(
            f"the name of the {what} is not lower-case letters, digits and hyphens, at most 40",
            clause=what,
            remedy="choose another name",
        )
