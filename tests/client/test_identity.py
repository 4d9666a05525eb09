"""Becoming a party: keys stay here, certificates chain, an instance holds no party key."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.local import identity
from unseen.client.local.home import Home, find_home
from unseen.client.local.identity import Membership
from unseen.client.local.keys import load_signer
from unseen.client.local.profile import Node, load_profile
from unseen.evidence import jws, trust
from unseen.evidence.canonical import b64encode
from unseen.evidence.releases.instance import verify_instance
from unseen.evidence.suite import INTL

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


class Authority:
    """Signs party certificates as a node does."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.certificate = self._issue(self.name, self.key.public_key(), 1)

    def _issue(self, subject: x509.Name, key: object, depth: int) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - dt.timedelta(minutes=5))
            .not_valid_after(NOW + dt.timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def admit(self, csr: bytes) -> bytes:
        request = x509.load_der_x509_csr(csr)
        assert request.is_signature_valid
        return self._issue(request.subject, request.public_key(), 0).public_bytes(Encoding.DER)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@pytest.fixture
def authority() -> Authority:
    return Authority()


def enrol(folder: Path, authority: Authority, node: Node) -> Home:
    enrolment = identity.prepare(folder, "lender", "buyer")
    membership = Membership(authority.admit(enrolment.csr), authority.pem(), node)
    identity.complete(folder, enrolment, membership)
    return Home(folder)


def test_the_proof_binds_key_request_and_invitation(tmp_path: Path) -> None:
    enrolment = identity.prepare(tmp_path, "lender", "buyer")
    payload = jws.verify(
        enrolment.sign_proof("ab" * 16),
        typ="unseen-enrolment",
        suite=INTL,
        public_key=enrolment.evidence_key,
    )
    assert payload == {
        "v": 1,
        "suite": "intl",
        "type": "enrolment",
        "invitation": "ab" * 16,
        "party": "lender",
        "csr": b64encode(INTL.digest(enrolment.csr)),
    }


def test_preparing_again_shows_the_same_keys_and_request(tmp_path: Path) -> None:
    first, again = (identity.prepare(tmp_path, "lender", "buyer") for _ in range(2))
    assert (first.evidence_key, first.csr) == (again.evidence_key, again.csr)


def test_keys_are_private(tmp_path: Path, authority: Authority, node: Node) -> None:
    home = enrol(tmp_path / "h", authority, node)
    private = [*home.root.glob("keys/*"), *home.root.glob("tls/*.key")]
    assert len(private) == 5
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)


def test_a_completed_home_chains_certifies_and_trusts(
    tmp_path: Path, authority: Authority, node: Node
) -> None:
    home = enrol(tmp_path, authority, node)
    profile = load_profile(home)
    assert (profile.party, profile.role, profile.node) == ("lender", "buyer", node)
    party = x509.load_pem_x509_certificate(home.tls("party.pem").read_bytes())
    instance = x509.load_pem_x509_certificate(home.tls("instance.pem").read_bytes())
    party.verify_directly_issued_by(authority.certificate)
    instance.verify_directly_issued_by(party)
    names = instance.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == ["unseen://lender/instances/default"]
    assert instance.not_valid_after_utc - instance.not_valid_before_utc <= dt.timedelta(days=90)
    token = home.instance("default").read_text()
    certified = verify_instance(token, profile.key, NOW, suite=INTL)
    assert certified.key == load_signer(home, "instance").public_key
    assert certified.until == instance.not_valid_after_utc
    trusted = trust.parse(home.trust.read_bytes())
    assert trusted.party(profile.key_id, "buyer").name == "lender"
    assert trusted.log(node.log_origin).key == node.log_key


def test_a_foreign_party_certificate_is_refused(
    tmp_path: Path, authority: Authority, node: Node
) -> None:
    enrolment = identity.prepare(tmp_path / "a", "lender", "buyer")
    other = identity.prepare(tmp_path / "b", "lender", "buyer")
    for certificate, ca in (
        (authority.admit(other.csr), authority.pem()),
        (authority.admit(enrolment.csr), Authority().pem()),
    ):
        with pytest.raises(AnswerInvalidError):
            identity.complete(tmp_path / "a", enrolment, Membership(certificate, ca, node))
    assert not Home(tmp_path / "a").profile.exists()


def test_a_home_in_use_is_not_taken_again(tmp_path: Path, authority: Authority, node: Node) -> None:
    enrol(tmp_path, authority, node)
    with pytest.raises(HomeError, match="already"):
        identity.prepare(tmp_path, "other", "buyer")


@pytest.mark.parametrize("name", ["", "Lender", "a b", "-a", "a" * 41, "a/b", "ä"])
def test_names_are_strict(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeError):
        identity.prepare(tmp_path, name, "buyer")


def test_an_instance_can_ask_but_not_sign(tmp_path: Path, authority: Authority, node: Node) -> None:
    home = enrol(tmp_path / "party", authority, node)
    identity.certify_instance(home.root, "till-2", tmp_path / "till")
    other = find_home(tmp_path / "till")
    profile = load_profile(other)
    assert (profile.instance, profile.key) == ("till-2", load_profile(home).key)
    assert not other.key("party").exists()
    assert not other.tls("party.key").exists()
    with pytest.raises(HomeError, match="does not hold"):
        load_signer(other, "party")
    with pytest.raises(HomeError):
        identity.renew(other.root)
    with pytest.raises(HomeError, match="already"):
        identity.certify_instance(home.root, "till-2", tmp_path / "till-3")


def test_renewing_keeps_the_key_and_moves_the_end(
    tmp_path: Path, authority: Authority, node: Node
) -> None:
    home = enrol(tmp_path, authority, node)
    before = load_signer(home, "instance").public_key
    identity.renew(home.root)
    assert load_signer(home, "instance").public_key == before
    assert identity.expires(home) > NOW + dt.timedelta(days=80)


def test_a_node_home_stands_for_its_operators(
    tmp_path: Path, authority: Authority, node: Node
) -> None:
    enrol(tmp_path / "operator", authority, node)
    assert find_home(tmp_path).root == tmp_path / "operator"
    with pytest.raises(HomeError, match="no client home"):
        find_home(tmp_path / "elsewhere")
