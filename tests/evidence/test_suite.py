"""Suites and signers: an RFC 8032 vector, weak keys, and what a registry refuses."""

import dataclasses
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import SignatureInvalidError, SuiteUnknownError
from unseen.evidence.fields import DIGEST
from unseen.evidence.suite import (
    _SMALL_ORDER,
    DIGEST_BYTES,
    INTL,
    Ed25519Signer,
    key_id,
    register,
    suite_of,
)
from unseen.protocols.errors import InputInvalidError

# RFC 8032 section 7.1, test 3.
SEED = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)


def test_signs_as_rfc_8032_does() -> None:
    signer = Ed25519Signer(SEED)
    assert signer.public_key == PUBLIC
    assert signer.sign(b"\xaf\x82") == SIGNATURE
    INTL.verify(PUBLIC, SIGNATURE, b"\xaf\x82")


def test_names_keys_by_their_hash(world: Any) -> None:
    key = world.node.public_key
    assert key_id(world.suite, key) == b64encode(world.suite.digest(key))
    assert key_id(INTL, PUBLIC) == b64encode(hashlib.sha256(PUBLIC).digest())


def test_verifies_what_was_signed_and_nothing_else(world: Any) -> None:
    signature = world.node.sign(b"data")
    key = world.node.public_key
    world.suite.verify(key, signature, b"data")
    other = bytes([signature[0] ^ 1]) + signature[1:]
    for attempt in (
        (key, signature, b"date"),
        (key, other, b"data"),
        (key, signature[:-1], b"data"),
        (key, signature + b"\0", b"data"),
        (key, b"", b"data"),
        (world.buyer.public_key, signature, b"data"),
        (key[:-1], signature, b"data"),
        (b"\xff" * len(key), signature, b"data"),
    ):
        with pytest.raises(SignatureInvalidError, match=r"^signature does not verify$"):
            world.suite.verify(*attempt)


def test_refuses_a_signature_moved_by_the_group_order() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    moved = int.from_bytes(SIGNATURE[32:], "little") + order
    with pytest.raises(SignatureInvalidError):
        INTL.verify(PUBLIC, SIGNATURE[:32] + moved.to_bytes(32, "little"), b"\xaf\x82")


@pytest.mark.parametrize("sign_bit", [0, 0x80])
@pytest.mark.parametrize("point", sorted(_SMALL_ORDER), ids=lambda point: point.hex()[:8])
def test_refuses_keys_under_which_one_signature_fits_many_messages(
    point: bytes, sign_bit: int
) -> None:
    key = point[:-1] + bytes([point[-1] | sign_bit])
    forged = (1).to_bytes(32, "little") + bytes(32)
    for number in range(64):
        with pytest.raises(SignatureInvalidError):
            INTL.verify(key, forged, b"%d" % number)


def test_the_library_alone_would_accept_such_a_key() -> None:
    identity = Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    identity.verify((1).to_bytes(32, "little") + bytes(32), b"anything")


def test_registry_gives_back_suites_and_refuses_unknown_ones(suite: Any) -> None:
    assert suite_of(suite.id) is suite
    register(suite)
    with pytest.raises(SuiteUnknownError):
        suite_of("sm")


def test_registry_refuses_a_suite_in_anothers_place(suite: Any) -> None:
    for changes in ({"key_bytes": 1}, {"id": "other"}, {"algorithm": "other"}):
        with pytest.raises(InputInvalidError):
            register(dataclasses.replace(suite, **changes))
    wide = {"id": "wide", "algorithm": "wide", "hash": lambda data: hashlib.sha512(data).digest()}
    with pytest.raises(InputInvalidError, match="32 bytes"):
        register(dataclasses.replace(suite, **wide))
    with pytest.raises(SuiteUnknownError):
        suite_of("wide")


def test_signer_hides_its_seed_and_takes_it_from_the_rng() -> None:
    signer = Ed25519Signer.generate(lambda count: b"\x07" * count)
    assert signer.seed == b"\x07" * 32
    assert "seed" not in repr(signer)
    assert b"\x07" * 32 not in repr(signer).encode()
    assert signer.suite is INTL
    with pytest.raises(InputInvalidError):
        Ed25519Signer(b"short")


def test_fields_know_how_long_a_hash_is() -> None:
    assert DIGEST == DIGEST_BYTES == len(INTL.digest(b""))
