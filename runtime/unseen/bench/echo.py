"""The limit of a call: a grpc.aio server that gives back what it is sent, over mutual TLS.

    python -m unseen.bench.echo FOLDER

The same library, credentials of the same kind, no limits, no interceptor, no decoding. FOLDER
holds the PEM files that `make_certificates` writes; the port is printed on one line.
"""

import asyncio
import datetime as dt
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from unseen.client.local.certificates import certificate_pem, key_pem, new_key

METHOD = "/unseen.bench.Echo/Echo"
SERVER_NAME = "unseen-node"  # what the client's channel looks for
_LIFE = dt.timedelta(days=1)


class _Echo(grpc.GenericRpcHandler):
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        del handler_call_details
        return grpc.unary_unary_rpc_method_handler(_answer)


async def _answer(request: bytes, context: object) -> bytes:
    del context
    return request


def make_certificates(folder: Path) -> None:
    """Write an authority, and a server and a client certificate by it, all P-256, for a day."""
    authority_key = new_key()
    authority = _certificate("bench", authority_key, None, authority_key)
    (folder / "ca.pem").write_bytes(certificate_pem(authority))
    for name in ("server", "client"):
        key = new_key()
        certificate = _certificate(SERVER_NAME, key, authority, authority_key)
        (folder / f"{name}.pem").write_bytes(certificate_pem(certificate))
        (folder / f"{name}.key").write_bytes(key_pem(key))


def credentials(folder: Path) -> grpc.ChannelCredentials:
    """Return the client's credentials."""
    ca, key, chain = (
        (folder / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem")
    )
    return grpc.ssl_channel_credentials(ca, key, chain)


async def serve(folder: Path) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(),))
    ca, key, chain = (
        (folder / name).read_bytes() for name in ("ca.pem", "server.key", "server.pem")
    )
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)], ca, require_client_auth=True)
    )
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
