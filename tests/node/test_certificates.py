"""Party authorities: for clients alone, and only from a request that can be read."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.node.conftest import NOW

from unseen.node.errors import FieldInvalidError
from unseen.node.identity.certificates import issue_party, make_authority

AUTHORITY = make_authority("node", NOW)
P256 = bytes.fromhex("06082a8648ce3d030107")  # the curve's object identifier, DER


def request() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lender")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    key = ec.generate_private_key(ec.SECP256R1())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_party_cannot_certify_a_server() -> None:
    party = issue_party(AUTHORITY, "lender", request(), NOW)
    usage = party.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.parametrize("curve", [P256[:-1] + b"\x7f", P256[:-1] + b"\x02"])
def test_a_request_for_another_curve_is_one_clear_error(curve: bytes) -> None:
    with pytest.raises(FieldInvalidError):
        issue_party(AUTHORITY, "lender", request().replace(P256, curve), NOW)
