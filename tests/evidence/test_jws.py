"""JWS: a second implementation as oracle, then tokens that must be refused."""

import json
from typing import Any

import pytest
from joserfc import jws as oracle
from joserfc.jwk import OKPKey

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.errors import CanonicalError, SignatureInvalidError
from unseen.evidence.suite import key_id

PAYLOAD: Json = {"b": [1, None], "a": "凭"}
CURVES = {"intl": "Ed25519", "dummy": "Ed448"}


def oracle_key(world: Any) -> OKPKey:
    point = b64encode(world.node.public_key)
    return OKPKey.import_key({"kty": "OKP", "crv": CURVES[world.suite.id], "x": point})


def test_a_second_implementation_accepts_our_tokens(world: Any) -> None:
    token = jws.sign(world.node, "unseen-test", PAYLOAD)
    found = oracle.deserialize_compact(token, oracle_key(world), algorithms=[world.suite.algorithm])
    assert json.loads(found.payload) == PAYLOAD
    kid = key_id(world.suite, world.node.public_key)
    assert found.headers() == {"alg": world.suite.algorithm, "kid": kid, "typ": "unseen-test"}


def test_we_accept_the_tokens_of_a_second_implementation(intl: Any) -> None:
    jwk: dict[str, str | list[str]] = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": b64encode(intl.node.public_key),
        "d": b64encode(intl.node.seed),
    }
    header = {"alg": "Ed25519", "kid": key_id(intl.suite, intl.node.public_key), "typ": "t"}
    token = oracle.serialize_compact(
        header, canonical.encode(PAYLOAD), OKPKey.import_key(jwk), algorithms=["Ed25519"]
    )
    public_key = intl.node.public_key
    assert jws.verify(token, typ="t", suite=intl.suite, public_key=public_key) == PAYLOAD
    assert token == jws.sign(intl.node, "t", PAYLOAD)


def test_peek_takes_a_token_apart(world: Any) -> None:
    token = jws.sign(world.node, "t", PAYLOAD)
    found = jws.peek(token)
    assert (found.payload, found.typ) == (PAYLOAD, "t")
    assert found.kid == key_id(world.suite, world.node.public_key)
    assert found.signing_input.decode() + "." + b64encode(found.signature) == token


def test_verify_refuses_another_type_key_or_suite(world: Any) -> None:
    token = jws.sign(world.node, "t", PAYLOAD)
    node, buyer, suite = world.node.public_key, world.buyer.public_key, world.suite
    for typ, key in (("u", node), ("t", buyer), ("T", node)):
        with pytest.raises(SignatureInvalidError):
            jws.verify(token, typ=typ, suite=suite, public_key=key)


def header(world: Any, **changes: Any) -> str:
    kid = key_id(world.suite, world.node.public_key)
    whole = {"alg": world.suite.algorithm, "kid": kid, "typ": "t"} | changes
    return b64encode(canonical.encode({name: item for name, item in whole.items() if item != ""}))


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "EdDSA"},
        {"crit": ["exp"]},
        {"jwk": {}},
        {"typ": ""},
        {"kid": ""},
        {"kid": 1},
        {"typ": None},
        {"alg": True},
    ],
    ids=str,
)
def test_verify_refuses_another_header_even_if_it_is_signed(
    world: Any, changes: dict[str, Any]
) -> None:
    signing_input = f"{header(world, **changes)}.{b64encode(canonical.encode(PAYLOAD))}"
    token = f"{signing_input}.{b64encode(world.node.sign(signing_input.encode()))}"
    with pytest.raises((CanonicalError, SignatureInvalidError)):
        jws.verify(token, typ="t", suite=world.suite, public_key=world.node.public_key)


@pytest.mark.parametrize("payload", [b'{"a": 1}', b'{"b":1,"a":1}', b"1.0", b"", b"{"])
def test_verify_refuses_a_payload_that_is_not_canonical(world: Any, payload: bytes) -> None:
    signing_input = f"{header(world)}.{b64encode(payload)}"
    token = f"{signing_input}.{b64encode(world.node.sign(signing_input.encode()))}"
    with pytest.raises(CanonicalError):
        jws.verify(token, typ="t", suite=world.suite, public_key=world.node.public_key)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b", "a.b.c.d", "é.é.é", "e30.e30.", " ", "e30.e30.e30"]
)
def test_peek_refuses_what_is_no_token(token: str) -> None:
    with pytest.raises(CanonicalError):
        jws.peek(token)


def test_peek_refuses_a_part_too_many_or_too_few(world: Any) -> None:
    token = jws.sign(world.node, "t", PAYLOAD)
    for broken in (f"{token}.", f"{token}.AA", f".{token}", token.rpartition(".")[0]):
        with pytest.raises(CanonicalError, match="three parts"):
            jws.peek(broken)


@pytest.mark.parametrize("changes", [{"kid": 1}, {"typ": None}, {"alg": True}], ids=str)
def test_peek_refuses_a_header_of_more_than_texts(world: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(CanonicalError, match="header"):
        jws.peek(f"{header(world, **changes)}.e30.AA")
    with pytest.raises(CanonicalError, match="header"):
        jws.peek(f"{b64encode(b'[]')}.e30.AA")


def test_any_byte_flipped_is_refused(world: Any) -> None:
    token = jws.sign(world.node, "t", PAYLOAD)
    for at in range(len(token)):
        for bit in (1, 2, 32):
            flipped = token[:at] + chr(ord(token[at]) ^ bit) + token[at + 1 :]
            with pytest.raises((CanonicalError, SignatureInvalidError)):
                jws.verify(flipped, typ="t", suite=world.suite, public_key=world.node.public_key)
