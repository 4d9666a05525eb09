"""X.509 for mutual TLS: the domain's authority, the node's own certificate, the parties'.

Source: RFC 5280; key type P-256 because the TLS library does not offer Ed25519 certificates.
The domain authority signs the node's server certificate, one constrained authority for each
party (pathlen 0), and short-lived invitation certificates. A party signs its own instances.
Certificates only open the connection; what a caller may do is decided by pins in `parties.py`.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from unseen.node.errors import FieldInvalidError

SERVER_NAME = "unseen-node"
_AUTHORITY_LIFE = dt.timedelta(days=3650)
_SERVER_LIFE = dt.timedelta(days=365)
_PARTY_LIFE = dt.timedelta(days=1825)
_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def certificate_pem(self) -> bytes:
        """Return the certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """Return the private key as unencrypted PKCS#8 PEM, for sealing or for gRPC."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_pair(certificate: bytes, key: bytes) -> Pair:
    """Return the pair from its two PEM texts."""
    private = load_pem_private_key(key, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise FieldInvalidError("the TLS key is not an elliptic-curve key", clause="keys")
    return Pair(x509.load_pem_x509_certificate(certificate), private)


def spki_hash(certificate: x509.Certificate) -> bytes:
    """Return SHA-256 of the certificate's public key (SPKI, DER): what pins compare."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    return digest.finalize()


def uri_of(certificate: x509.Certificate) -> str:
    """Return the certificate's one URI name, or an empty string."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):  # none, or a malformed one
        return ""
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if len(uris) == 1 else ""


def make_authority(name: str, now: dt.datetime, life: dt.timedelta = _AUTHORITY_LIFE) -> Pair:
    """Make the domain authority of a new node, or another that is called `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{name} domain authority")
    builder = _builder(subject, subject, key.public_key(), now, life)
    builder = _as_authority(builder, path_length=1)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def issue_server(authority: Pair, hosts: Sequence[str], now: dt.datetime) -> Pair:
    """Issue the node's server certificate for `hosts` (DNS names or IP addresses)."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(SERVER_NAME), *(_host_name(host) for host in hosts)]
    builder = _builder(
        _name(SERVER_NAME), authority.certificate.subject, key.public_key(), now, _SERVER_LIFE
    )
    builder = _as_leaf(builder, names, ExtendedKeyUsageOID.SERVER_AUTH)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def issue_member(authority: Pair, cluster: str, now: dt.datetime, life: dt.timedelta) -> Pair:
    """Issue the certificate that a cluster's machines and its node share: for either side."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{cluster} cluster member")
    builder = _builder(subject, authority.certificate.subject, key.public_key(), now, life)
    names = [x509.DNSName("unseen-cluster")]
    usages = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    builder = _as_leaf(builder, names, *usages)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def issue_party(authority: Pair, party: str, csr_der: bytes, now: dt.datetime) -> x509.Certificate:
    """Issue a party's own authority from its PKCS#10 request.

    Raises:
        FieldInvalidError: the request is malformed, not P-256, or its signature fails.

    """
    try:
        csr = x509.load_der_x509_csr(csr_der)
        key = csr.public_key()
        sound = csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise FieldInvalidError("the certificate request is malformed", clause="csr") from None
    if not sound or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise FieldInvalidError(
            "the certificate request is not a P-256 request with a valid signature", clause="csr"
        )
    builder = _builder(_name(party), authority.certificate.subject, key, now, _PARTY_LIFE)
    uri = x509.UniformResourceIdentifier(f"unseen://{party}")
    # Only for clients: else a party could issue itself a server's certificate and be "the node".
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = (
        _as_authority(builder, path_length=0)
        .add_extension(purpose, critical=True)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256())


def issue_invitation(
    authority: Pair, invitation: str, now: dt.datetime, until: dt.datetime
) -> Pair:
    """Issue a certificate that may only enrol, for the bearer of one invitation."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(
        _name(f"invitation {invitation[:8]}"),
        authority.certificate.subject,
        key.public_key(),
        now,
        until - now,
    )
    uri = x509.UniformResourceIdentifier(f"unseen://invitations/{invitation}")
    builder = _as_leaf(builder, [uri], ExtendedKeyUsageOID.CLIENT_AUTH)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _as_authority(builder: x509.CertificateBuilder, *, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(signs_certificates=True), critical=True)


def _as_leaf(
    builder: x509.CertificateBuilder,
    names: Sequence[x509.GeneralName],
    *purposes: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
