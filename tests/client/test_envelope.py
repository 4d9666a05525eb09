"""Sealing to a regulator: RFC 9180 in base mode, held against a second implementation of it."""

import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from unseen.client.oversight.envelope import SCHEME, public_key, seal, unseal
from unseen.evidence.oversight.order import SEALS
from unseen.protocols.errors import InputInvalidError, MalformedMessageError

PRIVATE = bytes(range(32))
KEM, SUITE = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"  # RFC 9180 sections 4.1, 5.1, 7


def extract(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    mac = HMAC(salt or bytes(32), SHA256())
    mac.update(b"HPKE-v1" + suite + label + key)
    return mac.finalize()


def expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    text = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), size, text).derive(key)


def open_by_hand(private: bytes, info: bytes, sealed: bytes) -> bytes:
    """Return what RFC 9180, sections 4.1 and 5.1, says is in there; written from the text."""
    enc, ciphertext = sealed[:32], sealed[32:]
    own = X25519PrivateKey.from_private_bytes(private)
    shared = own.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + own.public_key().public_bytes_raw()
    prk = extract(KEM, b"", b"eae_prk", shared)
    secret = expand(KEM, prk, b"shared_secret", context, 32)
    hashes = [
        extract(SUITE, b"", label, part)
        for label, part in ((b"psk_id_hash", b""), (b"info_hash", info))
    ]
    schedule = b"\0" + b"".join(hashes)
    prk = extract(SUITE, secret, b"secret", b"")
    key = expand(SUITE, prk, b"key", schedule, 32)
    nonce = expand(SUITE, prk, b"base_nonce", schedule, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


@given(text=st.binary(max_size=300), info=st.binary(max_size=40))
def test_a_second_implementation_opens_what_is_sealed(text: bytes, info: bytes) -> None:
    sealed = seal(SCHEME, public_key(PRIVATE), info, text)
    assert len(sealed) == len(text) + 48
    assert open_by_hand(PRIVATE, info, sealed) == text
    assert unseal(SCHEME, PRIVATE, info, sealed) == text


def test_nothing_is_sealed_twice_alike() -> None:
    key = public_key(PRIVATE)
    assert seal(SCHEME, key, b"", b"x") != seal(SCHEME, key, b"", b"x")


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_what_was_altered_does_not_open(place: int) -> None:
    sealed = bytearray(seal(SCHEME, public_key(PRIVATE), b"here", b"text"))
    sealed[place] ^= 1
    with pytest.raises(MalformedMessageError) as caught:
        unseal(SCHEME, PRIVATE, b"here", bytes(sealed))
    assert caught.value.remedy


def test_another_key_place_scheme_or_nothing_does_not_open() -> None:
    sealed = seal(SCHEME, public_key(PRIVATE), b"here", b"text")
    for scheme, private, info, data in (
        (SCHEME, secrets.token_bytes(32), b"here", sealed),
        (SCHEME, PRIVATE, b"there", sealed),
        (SCHEME, PRIVATE, b"here", sealed[:40]),
        (SCHEME, PRIVATE, b"here", b""),
        (SCHEME, b"short", b"here", sealed),
        ("none", PRIVATE, b"here", sealed),
    ):
        with pytest.raises(MalformedMessageError):
            unseal(scheme, private, info, data)


def test_a_key_that_is_none_is_refused() -> None:
    for scheme, key in ((SCHEME, bytes(32)), (SCHEME, b"x"), ("none", public_key(PRIVATE))):
        with pytest.raises(InputInvalidError) as caught:
            seal(scheme, key, b"", b"text")
        assert caught.value.clause == "order.seal"


def test_every_scheme_of_the_format_is_known_here() -> None:
    assert set(SEALS) == {SCHEME}
    assert len(public_key(PRIVATE)) == SEALS[SCHEME]
