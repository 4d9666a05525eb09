"""Witness cosignatures: the bytes of the specification, and what does not hold."""

import base64
import hashlib
from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog import cosign, cosignatures, join_notes, sign_note, verify_note
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.cosignature import ED25519_V1, MAX_TIME, Cosignature
from unseen.protocols.tlog.note import ED25519, MAX_SIGNATURES, SignedNote

LOG, WITNESS, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(3))
CHECKPOINT = Checkpoint("node.example/log", 42, bytes(range(32)))
TIME = 1_679_315_147


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def verify(public_key: bytes, signature: bytes, data: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)


def note(checkpoint: Checkpoint = CHECKPOINT) -> str:
    return sign_note(checkpoint.body(), checkpoint.origin, ED25519, public(LOG), LOG.sign)


def cosigned(text: str, key: Ed25519PrivateKey = WITNESS, time: int = TIME) -> str:
    return cosign(text, "witness.example/w1", ED25519_V1, public(key), key.sign, time=time)


def found(text: str, key: Ed25519PrivateKey = WITNESS) -> list[Cosignature]:
    return list(cosignatures(text, ED25519_V1, public(key), verify))


def test_a_cosignature_has_the_bytes_of_the_specification() -> None:
    text = cosigned(note())
    assert text.startswith(note())
    line = text.splitlines()[-1]
    dash, name, encoded = line.split(" ")
    assert (dash, name) == ("\N{EM DASH}", "witness.example/w1")
    raw = base64.b64decode(encoded)
    identifier = hashlib.sha256(b"witness.example/w1\n\x04" + public(WITNESS)).digest()[:4]
    assert raw[:4] == identifier
    assert int.from_bytes(raw[4:12], "big") == TIME
    message = b"cosignature/v1\ntime 1679315147\n" + CHECKPOINT.body()
    WITNESS.public_key().verify(raw[12:], message)


def test_cosignatures_are_found_beside_the_logs_own() -> None:
    text = cosigned(cosigned(note(), OTHER), time=TIME + 1)
    assert verify_note(text, CHECKPOINT.origin, ED25519, public(LOG), verify) == CHECKPOINT
    assert found(text) == [Cosignature("witness.example/w1", TIME + 1)]
    assert found(text, OTHER) == [Cosignature("witness.example/w1", TIME)]
    assert found(note()) == []
    assert found(text, LOG) == []  # a log's signature is no cosignature


@pytest.mark.parametrize("time", [0, MAX_TIME])
def test_every_time_of_the_range_is_signed(time: int) -> None:
    assert [item.time for item in found(cosigned(note(), time=time))] == [time]


@pytest.mark.parametrize("time", [-1, MAX_TIME + 1])
def test_a_time_out_of_range_is_refused(time: int) -> None:
    with pytest.raises(CheckpointInvalidError, match="time"):
        cosigned(note(), time=time)


def test_a_time_out_of_range_is_not_read_either() -> None:
    body = CHECKPOINT.body()

    def sign(_: bytes) -> bytes:
        return WITNESS.sign(b"cosignature/v1\ntime %d\n" % 2**63 + body)

    text = cosigned(note(), time=0)
    signed = SignedNote.parse(text)
    line = signed.signatures[-1]
    late = type(line)(line.name, line.key_id, (2**63).to_bytes(8, "big") + sign(b""))
    with pytest.raises(CheckpointInvalidError, match="time"):
        found(SignedNote(body, (signed.signatures[0], late)).text())


def _changed(text: str) -> Iterable[str]:
    head, tail = text.rsplit(" ", 1)
    raw = bytearray(base64.b64decode(tail))
    for place in range(4, len(raw)):  # within the key id another witness is meant
        other = raw.copy()
        other[place] ^= 1
        yield f"{head} {base64.b64encode(other).decode()}\n"
    yield f"{head} {base64.b64encode(raw[:-1]).decode()}\n"
    yield f"{head} {base64.b64encode(raw[:8]).decode()}\n"
    yield text.replace("\n42\n", "\n43\n")


def test_no_changed_byte_holds() -> None:
    for text in _changed(cosigned(note())):
        with pytest.raises(CheckpointInvalidError, match="does not hold"):
            found(text)


def test_notes_of_one_text_are_joined() -> None:
    one, other = cosigned(note()), cosigned(note(), OTHER)
    both = join_notes(one, other)
    assert found(both) == found(one)
    assert found(both, OTHER) == found(other, OTHER)
    assert join_notes(both, one) == both


def test_notes_that_do_not_fit_are_not_joined() -> None:
    grown = Checkpoint(CHECKPOINT.origin, 43, CHECKPOINT.root)
    with pytest.raises(CheckpointInvalidError, match="different"):
        join_notes(note(), note(grown))
    text = note()
    for time in range(MAX_SIGNATURES - 1):
        text = cosigned(text, time=time)
    with pytest.raises(CheckpointInvalidError, match="at most"):
        cosigned(text, time=MAX_SIGNATURES)
    with pytest.raises(CheckpointInvalidError, match="at most"):
        join_notes(text, cosigned(note(), time=MAX_SIGNATURES))


def test_a_name_that_cannot_stand_in_a_note_is_refused() -> None:
    with pytest.raises(CheckpointInvalidError):
        cosign(note(), "a b", ED25519_V1, public(WITNESS), WITNESS.sign, time=TIME)
