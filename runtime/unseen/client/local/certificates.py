"""A client's X.509: the party's certificate request and the instances it certifies (RFC 5280).

P-256, because TLS libraries do not offer Ed25519 certificates everywhere. The party's
certificate is a constrained authority (pathlen 0) of the node's domain; an instance's lives at
most 90 days, and names the party and the instance in one URI.
"""

import datetime as dt
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from unseen.client.errors import AnswerInvalidError, HomeError

INSTANCE_LIFE = dt.timedelta(days=89)
_SKEW = dt.timedelta(minutes=5)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS#8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key in `pem`.

    Raises:
        HomeError: not an elliptic-curve key in PEM.

    """
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise HomeError("a TLS key of this home cannot be read", clause="tls")
    return key


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return `certificate` as PEM."""
    return certificate.public_bytes(Encoding.PEM)


def party_request(key: ec.EllipticCurvePrivateKey, party: str) -> bytes:
    """Return the certificate request (PKCS#10, DER) of `party` for its authority."""
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_name(party))
        .add_extension(_uri(f"unseen://{party}"), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def check_party(certificate: x509.Certificate, ca: bytes, key: ec.EllipticCurvePrivateKey) -> None:
    """Return if the domain authority in `ca` (PEM) issued `certificate` for `key`.

    Raises:
        AnswerInvalidError: another key, another issuer, or no authority certificate.

    """
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        sound = limits.ca and certificate.public_key() == key.public_key()
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        sound = False
    if not sound:
        raise AnswerInvalidError("the party certificate is not the one asked for", clause="tls")


def issue_instance(
    party: x509.Certificate,
    party_key: ec.EllipticCurvePrivateKey,
    instance: str,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.Certificate:
    """Certify `key` as the client instance `instance` of the party, for 89 days at most."""
    until = min(now + INSTANCE_LIFE, party.not_valid_after_utc)
    names = party.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value)
    authority_key = cast("ec.EllipticCurvePublicKey", party.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(f"{name} {instance}"))
        .issuer_name(party.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(_uri(f"unseen://{name}/instances/{instance}"), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(party_key, hashes.SHA256())


_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _uri(uri: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
