"""Every call by every wrong identity: refused for the right reason, and nothing is written down.

Calls are enumerated from the generated descriptors. What an identity may do answers something
else than a refusal of the identity, be it that the empty message says nothing.
"""

import datetime as dt
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from google.protobuf.descriptor_pool import Default
from google.rpc import error_details_pb2, status_pb2
from tests.promises.asks import blind_ask, verify_ask
from tests.promises.stage import Stage, now, serving

from unseen.client import Client
from unseen.client.channel import SERVER_NAME
from unseen.client.local import certificates
from unseen.client.local.home import Home
from unseen.client.local.identity import certify_instance
from unseen.node.identity.certificates import issue_party, make_authority
from unseen.node.identity.rights import RIGHTS, Role
from unseen.node.server import _service_names
from unseen.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    contract_pb2,
    contract_pb2_grpc,
    lookup_pb2,
    meter_pb2,
)

CODES = {"RPC_UNKNOWN": grpc.StatusCode.UNIMPLEMENTED}
IDENTITY_REASONS = {
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_REVOKED",
    "RIGHT_MISSING",
    "RPC_UNKNOWN",
}
CALLS = sorted(
    f"/{service}/{method.name}"
    for service in _service_names()
    for method in Default().FindServiceByName(service).methods
)
UNKNOWN = ("/unseen.v1.NodeService/Nothing", "/unseen.v2.Other/Call", "/x", "/a/b/c")
STREAMS = ("FetchTable", "Watch", "ServerReflectionInfo")
NO_HANDSHAKE = "NO_HANDSHAKE"
ALLOWED = "ALLOWED"


@dataclass(frozen=True)
class Identity:
    """A way to connect: key and certificate chain, in PEM; none for nobody."""

    ca: bytes
    key: bytes | None = None
    chain: bytes | None = None

    def channel(self, port: int) -> grpc.Channel:
        """Return a channel of this identity."""
        options = [("grpc.ssl_target_name_override", SERVER_NAME), ("grpc.enable_retries", 0)]
        options.append(("grpc.use_local_subchannel_pool", 1))
        credentials = grpc.ssl_channel_credentials(self.ca, self.key, self.chain)
        return grpc.secure_channel(f"127.0.0.1:{port}", credentials, options)


def of_home(folder: Path) -> Identity:
    home = Home(folder)
    chain = home.tls("instance.pem").read_bytes() + home.tls("party.pem").read_bytes()
    return Identity(home.tls("ca.pem").read_bytes(), home.tls("instance.key").read_bytes(), chain)


def issued(home: Home, name: str, at: dt.datetime | None = None) -> Identity:
    """Return an instance that the party of `home` signs in the name of the party `name`."""
    authority = x509.load_pem_x509_certificate(home.tls("party.pem").read_bytes())
    signing = certificates.load_key(home.tls("party.key").read_bytes())
    begin, key = at or now(), certificates.new_key()
    made = (
        x509.CertificateBuilder()
        .subject_name(certificates._name(name))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - dt.timedelta(minutes=5))
        .not_valid_after(begin + dt.timedelta(days=30))
        .add_extension(certificates._uri(f"unseen://{name}/instances/default"), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(signing, hashes.SHA256())
    )
    chain = certificates.certificate_pem(made) + home.tls("party.pem").read_bytes()
    return Identity(home.tls("ca.pem").read_bytes(), certificates.key_pem(key), chain)


def _another_authority(lender: Home) -> Identity:
    """The same names under a domain authority that is not this node's."""
    authority = make_authority("test-node", now())
    key = certificates.new_key()
    party = issue_party(authority, "lender", certificates.party_request(key, "lender"), now())
    instance_key = certificates.new_key()
    made = certificates.issue_instance(party, key, "default", instance_key, now())
    chain = certificates.certificate_pem(made) + certificates.certificate_pem(party)
    return Identity(lender.tls("ca.pem").read_bytes(), certificates.key_pem(instance_key), chain)


def _invitee(stage: Stage) -> Identity:
    invitation = json.loads(stage.operator.invite("guest"))
    ca, key, chain = (invitation[name].encode() for name in ("ca", "key", "certificate"))
    return Identity(ca, key, chain)


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a stage of this module's own: who is enrolled changes what contracts say."""
    with serving(template.copy(tmp_path_factory.mktemp("rights") / "stage")) as found:
        yield found


@pytest.fixture(scope="module")
def identities(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Identity, str | Role]]:
    """Return every identity, with the reason that refuses it everywhere or the role it gives."""
    folder = tmp_path_factory.mktemp("identities")
    lender, rival = (Home(stage.party_home(party)) for party in ("lender", "rival"))
    suffix = os.urandom(4).hex()  # the stage is shared, the names are this test's
    gone = f"gone-{suffix}"
    stage.join(gone)
    enrolled = {role: f"{role.value}-{suffix}" for role in Role if role not in OLD}
    for role, name in enrolled.items():
        stage.join(name, role.value)
    certify_instance(lender.root, f"lost-{suffix}", folder / "lost")
    with Client(folder / "lost") as lost:
        lost.register_instance()
    stage.lender.revoke_party(f"lender/lost-{suffix}")
    stage.operator.revoke_party(gone)
    long_ago = now() - dt.timedelta(days=200)
    party_key = lender.tls("party.key").read_bytes()
    ca = lender.tls("ca.pem").read_bytes()
    return {
        "nobody": (Identity(ca), NO_HANDSHAKE),
        "another authority": (_another_authority(lender), NO_HANDSHAKE),
        "expired": (issued(lender, "lender", long_ago), NO_HANDSHAKE),
        "not yet valid": (issued(lender, "lender", now() + dt.timedelta(days=1)), NO_HANDSHAKE),
        "self-signed": (_self_signed(ca), NO_HANDSHAKE),
        "another party's name": (issued(rival, "lender"), "CERTIFICATE_UNKNOWN"),
        "the operator's name": (issued(rival, "operator"), "CERTIFICATE_UNKNOWN"),
        "an invitation's name": (issued(rival, "invitations/0"), "CERTIFICATE_UNKNOWN"),
        "nobody's name": (issued(rival, "stranger"), "CERTIFICATE_UNKNOWN"),
        "the party's own certificate": (
            Identity(ca, party_key, lender.tls("party.pem").read_bytes()),
            NO_HANDSHAKE,
        ),
        "revoked instance": (of_home(folder / "lost"), "CERTIFICATE_REVOKED"),
        "revoked party": (of_home(stage.party_home(gone)), "CERTIFICATE_REVOKED"),
        "invitee": (_invitee(stage), Role.INVITEE),
        "buyer": (of_home(lender.root), Role.BUYER),
        "operator": (of_home(stage.party_home("operator")), Role.OPERATOR),
        **{role.value: (of_home(stage.party_home(name)), role) for role, name in enrolled.items()},
    }


def _self_signed(ca: bytes) -> Identity:
    pair = make_authority("lender", now())
    return Identity(ca, pair.key_pem(), pair.certificate_pem())


NAMES = (
    "nobody",
    "another authority",
    "expired",
    "not yet valid",
    "self-signed",
    "another party's name",
    "the operator's name",
    "an invitation's name",
    "nobody's name",
    "the party's own certificate",
    "revoked instance",
    "revoked party",
    "invitee",
    "buyer",
    "operator",
    "holder",
    "approver",
    "authority",
    "hub",
    "auditor",
    "regulator",
    "witness",
)
OLD = (Role.INVITEE, Role.BUYER, Role.OPERATOR)


def outcome(channel: Any, method: str, data: bytes = b"") -> str:
    """Call `method` with raw bytes; return ALLOWED, or the reason that refused the identity."""
    try:
        if method.endswith(STREAMS):
            requests = iter([data])
            call = channel.stream_stream(method)(requests, timeout=60)
            if method.endswith("Watch"):
                next(call)
                call.cancel()
                return ALLOWED
            list(call)
        else:
            channel.unary_unary(method)(data, timeout=60)
    except grpc.RpcError as error:
        return _reason(error)
    return ALLOWED


def _reason(error: Any) -> str:
    metadata = dict(error.trailing_metadata() or ())
    if "grpc-status-details-bin" not in metadata:
        assert error.code() is grpc.StatusCode.UNAVAILABLE, error
        return NO_HANDSHAKE
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "unseen"
    assert info.metadata["charged"] == "no"
    if info.reason not in IDENTITY_REASONS:
        return ALLOWED
    assert error.code() is CODES.get(info.reason, grpc.StatusCode.PERMISSION_DENIED)
    assert info.metadata["clause"]
    assert metadata["unseen-checkpoint-bin"]  # a refusal, too, shows the log
    return str(info.reason)


def test_every_call_of_the_descriptors_is_in_the_table() -> None:
    own = {call for call in CALLS if call.startswith("/unseen.v1.")}
    assert len(own) >= 26
    assert own <= RIGHTS.keys(), "an RPC without a row in node/identity/rights.py"


@pytest.mark.parametrize("name", NAMES)
def test_every_call_by_this_identity(
    stage: Stage, identities: dict[str, tuple[Identity, str | Role]], name: str
) -> None:
    identity, wanted = identities[name]
    events = stage.events()
    found, expected = {}, {}
    with identity.channel(stage.port) as channel:
        # One failed handshake is as good as thirty: gRPC backs off in between.
        calls = CALLS[:2] if wanted == NO_HANDSHAKE else [*CALLS, *UNKNOWN]
        for method in calls:
            found[method] = outcome(channel, method)
            expected[method] = _expected(method, wanted)
    assert found == expected
    # The first call of a hub that may be made founds the register: one leaf, of an empty root.
    assert stage.events() - events in ((0, 1) if name == "hub" else (0,))
    assert set(identities) == set(NAMES)


def _expected(method: str, wanted: str | Role) -> str:
    if isinstance(wanted, str):
        return wanted
    if method not in RIGHTS:
        return "RPC_UNKNOWN"
    return ALLOWED if wanted in RIGHTS[method] else "RIGHT_MISSING"


@pytest.mark.parametrize("kind", ["hidden", "clear"])
def test_an_instance_pays_only_once_it_has_shown_its_certification(
    stage: Stage, tmp_path: Path, kind: str
) -> None:
    contract = stage.contract(kind)
    certify_instance(stage.party_home("lender"), f"new-{os.urandom(4).hex()}", tmp_path / "home")
    with Client(tmp_path / "home") as client:
        ask = blind_ask(client, contract) if kind == "hidden" else verify_ask(client, contract, "x")
        method = {"hidden": "LookupService/Evaluate", "clear": "VerifyService/Verify"}[kind]
        call: Any = client._session.channel.grpc.unary_unary(f"/unseen.v1.{method}")
        with pytest.raises(grpc.RpcError) as caught:
            call(_bytes(ask.message), timeout=60)
    assert b"INSTANCE_UNKNOWN" in _details(caught.value)
    assert stage.lender.usage(contract).requests == 0


def test_another_buyers_contract_looks_like_none(stage: Stage) -> None:
    """Every call that names a contract, and the calls that list them."""
    contract, none = f"contracts/{stage.contract()}", "contracts/" + "A" * 43
    rival = of_home(stage.party_home("rival"))
    events = stage.events()
    made: dict[str, Any] = {
        "ContractService/GetContract": lambda name: _bytes(
            contract_pb2.GetContractRequest(name=name)
        ),
        "ContractService/SignContract": lambda name: _bytes(
            contract_pb2.SignContractRequest(name=name, approval="x")
        ),
        "ContractService/RevokeContract": lambda name: _bytes(
            contract_pb2.RevokeContractRequest(name=name)
        ),
        "LookupService/GetManifest": lambda name: _bytes(
            lookup_pb2.GetManifestRequest(contract=name)
        ),
        "LookupService/FetchTable": lambda name: _bytes(
            lookup_pb2.FetchTableRequest(contract=name, epoch=1)
        ),
        "MeterService/GetUsage": lambda name: _bytes(meter_pb2.GetUsageRequest(contract=name)),
    }
    with rival.channel(stage.port) as channel:
        for method, message in made.items():
            told = []
            call: Any = channel.unary_stream(f"/unseen.v1.{method}")
            for name in (contract, none):
                with pytest.raises(grpc.RpcError) as caught:
                    list(call(message(name), timeout=60))
                error: Any = caught.value
                told.append((error.code(), error.details(), _details(error)))
            assert told[0] == told[1], method
            assert told[0][0] is grpc.StatusCode.NOT_FOUND
        stub = contract_pb2_grpc.ContractServiceStub(channel)
        listed = stub.ListContracts(contract_pb2.ListContractsRequest(), timeout=60).contracts
        assert contract not in [each.name for each in listed]
    assert stage.events() == events


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _details(error: Any) -> bytes:
    return bytes(dict(error.trailing_metadata())["grpc-status-details-bin"])


def test_a_buyer_revokes_its_own_instances_and_nobody_else(stage: Stage) -> None:
    events = stage.events()
    for name in ("rival", "rival/default", "operator", "operator/default", "lender"):
        with pytest.raises(Exception, match="revokes its own") as caught:
            stage.lender.revoke_party(name)
        assert getattr(caught.value, "reason", "") == "RIGHT_MISSING"
    with pytest.raises(Exception, match="anybody but itself"):
        stage.operator.revoke_party("operator")
    assert stage.events() == events


def test_expressions_are_the_operators_alone(stage: Stage) -> None:
    seen = {}
    for party in ("operator", "lender"):
        session = stage.client(party)._session
        stub = catalog_pb2_grpc.CatalogServiceStub(session.channel.grpc)
        seen[party] = repr(session.call(stub.ListProducts, catalog_pb2.ListProductsRequest()))
    assert "earnings >= 40000" in seen["operator"]
    assert "earnings >= 40000" not in seen["lender"]
