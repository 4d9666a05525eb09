"""Signed notes and checkpoints: published examples, round trips, and every byte that may lie."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.checkpoint import Checkpoint, parse_body
from unseen.protocols.tlog.note import (
    ED25519,
    NoteSignature,
    SignedNote,
    cosign_note,
    key_id,
    open_note,
    sign_note,
    verify_note,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/tlog/signed_note.json").read_text())
DASH = "\N{EM DASH}"
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = SIGNER.public_key().public_bytes_raw()
CHECKPOINT = Checkpoint("node.example/log", 42, bytes(range(32)))
NOTE = sign_note(CHECKPOINT.body(), CHECKPOINT.origin, ED25519, PUBLIC, SIGNER.sign)


def verify(public_key: bytes, signature: bytes, data: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)


def text_of(case: dict[str, Any]) -> str:
    lines = "".join(f"{DASH} {signature}\n" for signature in case["signatures"])
    return f"{case['text']}\n{lines}"


def key_of(case: dict[str, Any]) -> tuple[str, bytes, bytes]:
    name, identifier, encoded = case["key"].split("+", 2)
    key = base64.b64decode(encoded)
    assert key_id(name, key[:1], key[1:]).hex() == identifier
    return name, key[:1], key[1:]


def refused(text: str) -> None:
    with pytest.raises(CheckpointInvalidError):
        verify_note(text, CHECKPOINT.origin, ED25519, PUBLIC, verify)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda c: c["name"])
def test_published_notes_open(case: dict[str, Any]) -> None:
    name, key_type, public_key = key_of(case)
    assert key_type == ED25519
    body = open_note(text_of(case), name, key_type, public_key, verify)
    assert body.decode() == case["text"]
    assert SignedNote.parse(text_of(case)).text() == text_of(case)


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["cases"] if "typed_seed" in case], ids=lambda c: c["name"]
)
def test_signing_gives_the_published_note(case: dict[str, Any]) -> None:
    name, key_type, public_key = key_of(case)
    signer = Ed25519PrivateKey.from_private_bytes(base64.b64decode(case["typed_seed"])[1:])
    note = sign_note(case["text"].encode(), name, key_type, public_key, signer.sign)
    assert note == text_of(case)


def test_the_published_checkpoint_parses() -> None:
    case = VECTORS["checkpoint"]
    checkpoint = parse_body(case["text"].encode())
    assert checkpoint == Checkpoint(case["origin"], case["size"], bytes.fromhex(case["root"]))
    assert checkpoint.body().decode() == case["text"]
    note = SignedNote.parse(case["note"])
    assert note.body == checkpoint.body()
    assert [item.name for item in note.signatures] == [case["origin"]]


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="+"), min_size=1
)
checkpoints = st.builds(
    Checkpoint, names, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=64)
)


@settings(max_examples=50, deadline=None)
@given(checkpoints)
def test_checkpoints_go_round_signed_and_unsigned(checkpoint: Checkpoint) -> None:
    assert parse_body(checkpoint.body()) == checkpoint
    note = sign_note(checkpoint.body(), checkpoint.origin, ED25519, PUBLIC, SIGNER.sign)
    assert verify_note(note, checkpoint.origin, ED25519, PUBLIC, verify) == checkpoint


def test_every_changed_character_is_noticed() -> None:
    for position, character in enumerate(NOTE):
        for other in ("", "\n", " ", "0", "A", chr(ord(character) ^ 1), character * 2):
            if other != character:
                refused(NOTE[:position] + other + NOTE[position + 1 :])


def test_every_truncation_is_noticed() -> None:
    for end in range(len(NOTE)):
        refused(NOTE[:end])


def test_another_key_name_or_type_is_not_the_one_asked_for() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for name, key_type, public_key in (
        ("other", ED25519, PUBLIC),
        (CHECKPOINT.origin, b"\xffunseen/test", PUBLIC),
        (CHECKPOINT.origin, ED25519, other),
    ):
        with pytest.raises(CheckpointInvalidError, match="not signed by the key"):
            verify_note(NOTE, name, key_type, public_key, verify)


def test_another_suite_has_its_own_key_type() -> None:
    def check(public_key: bytes, signature: bytes, data: bytes) -> None:
        if signature != public_key + data[:4]:
            raise ValueError

    body, kind = CHECKPOINT.body(), b"\xffunseen/test"
    note = sign_note(body, "log", kind, b"key", lambda data: b"key" + data[:4])
    assert verify_note(note, "log", kind, b"key", check) == CHECKPOINT


def test_cosignatures_are_added_and_unknown_ones_ignored() -> None:
    witness = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    witness_key = witness.public_key().public_bytes_raw()
    note = cosign_note(NOTE, "witness.example", ED25519, witness_key, witness.sign)
    assert note.startswith(NOTE)
    for name, key in ((CHECKPOINT.origin, PUBLIC), ("witness.example", witness_key)):
        assert verify_note(note, name, ED25519, key, verify) == CHECKPOINT
    broken = cosign_note(NOTE, "stranger", ED25519, witness_key, lambda _: b"no signature")
    assert verify_note(broken, CHECKPOINT.origin, ED25519, PUBLIC, verify) == CHECKPOINT


def test_one_bad_signature_by_the_key_asked_for_refuses_the_note() -> None:
    refused(cosign_note(NOTE, CHECKPOINT.origin, ED25519, PUBLIC, lambda _: bytes(64)))


def test_a_suite_that_fails_in_its_own_way_does_not_leak_out() -> None:
    def broken(*_: bytes) -> None:
        raise ZeroDivisionError

    with pytest.raises(CheckpointInvalidError):
        verify_note(NOTE, CHECKPOINT.origin, ED25519, PUBLIC, broken)
    with pytest.raises(CheckpointInvalidError):
        verify_note(NOTE, CHECKPOINT.origin, ED25519, PUBLIC, lambda *_: verify(b"", b"", b""))


def test_sixteen_signatures_and_no_more() -> None:
    note = NOTE
    for index in range(15):
        note = cosign_note(note, f"witness{index}", ED25519, PUBLIC, SIGNER.sign)
    assert verify_note(note, CHECKPOINT.origin, ED25519, PUBLIC, verify) == CHECKPOINT
    with pytest.raises(CheckpointInvalidError):
        cosign_note(note, "witness15", ED25519, PUBLIC, SIGNER.sign)
    refused(note + note.splitlines(keepends=True)[-1])


def test_a_text_with_empty_lines_ends_at_the_last_one() -> None:
    body = b"first\n\nsecond\n"
    note = sign_note(body, "log", ED25519, PUBLIC, SIGNER.sign)
    assert open_note(note, "log", ED25519, PUBLIC, verify) == body


HEAD = "text\n\n"
LINE = f"{DASH} log {base64.b64encode(bytes(68)).decode()}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "text\n",
        LINE,
        f"\n{LINE}",
        f"\n\n{LINE}",
        f"text\n{LINE}",
        HEAD,
        f"{HEAD}\n",
        (HEAD + LINE)[:-1],
        HEAD + LINE + "\n",
        HEAD + LINE + "after\n",
        HEAD + LINE.replace(DASH, "-"),
        HEAD + " " + LINE,
        HEAD + LINE.replace(" log", "  log"),
        HEAD + LINE.replace(" log ", " log+x "),
        HEAD + LINE.replace(" log ", " "),
        HEAD + LINE.replace(" log ", " lo\u00a0g "),
        HEAD + LINE.replace(" log ", " lo\u2028g "),
        HEAD + f"{DASH} log {base64.b64encode(bytes(4)).decode()}\n",
        HEAD + f"{DASH} log \n",
        HEAD + f"{DASH} log AAAAAAB=\n",
        HEAD + f"{DASH} log AAAAAAA\n",
        HEAD + f"{DASH} log AAAA-AA=\n",
        HEAD + f"{DASH} log AAAA AAA=\n",
        f"te\rxt\n\n{LINE}",
        f"te\x00xt\n\n{LINE}",
        f"te\ud800xt\n\n{LINE}",
        "x" * 2**17 + f"\n\n{LINE}",
    ],
    ids=lambda text: repr(text)[:32],
)
def test_malformed_notes(text: str) -> None:
    with pytest.raises(CheckpointInvalidError):
        SignedNote.parse(text)


def test_the_line_those_are_made_from_is_well_formed() -> None:
    assert SignedNote.parse(HEAD + LINE).signatures == (NoteSignature("log", bytes(4), bytes(64)),)


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        f"log\n1\n{ROOT}".encode(),
        f"log\n1\n{ROOT}\n\n".encode(),
        f"log\n1\n{ROOT}\nextension\n".encode(),
        f"\n1\n{ROOT}\n".encode(),
        f"l og\n1\n{ROOT}\n".encode(),
        f"l+og\n1\n{ROOT}\n".encode(),
        f"log\n01\n{ROOT}\n".encode(),
        f"log\n+1\n{ROOT}\n".encode(),
        f"log\n-1\n{ROOT}\n".encode(),
        f"log\n 1\n{ROOT}\n".encode(),
        f"log\n\u0661\n{ROOT}\n".encode(),
        f"log\n{2**63}\n{ROOT}\n".encode(),
        f"log\n{'9' * 5000}\n{ROOT}\n".encode(),
        f"log\n\n{ROOT}\n".encode(),
        b"log\n1\n\n",
        f"log\n1\n{ROOT[:-1]}\n".encode(),
        f"log\n1\n{ROOT[:-2]}B=\n".encode(),
        f"log\n1\n {ROOT}\n".encode(),
        f"log\n1\n{base64.b64encode(bytes(31)).decode()}\n".encode(),
        f"log\n1\n{base64.b64encode(bytes(65)).decode()}\n".encode(),
        f"log\r\n1\r\n{ROOT}\r\n".encode(),
        b"\xff\n1\n" + ROOT.encode() + b"\n",
    ],
    ids=lambda body: repr(body)[:40],
)
def test_malformed_checkpoints(body: bytes) -> None:
    with pytest.raises(CheckpointInvalidError):
        parse_body(body)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 0, bytes(32)),
        ("a b", 0, bytes(32)),
        ("a\n", 0, bytes(32)),
        ("\ud800", 0, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 2**63, bytes(32)),
        ("a", 0, bytes(31)),
        ("a", 0, bytes(65)),
    ],
)
def test_checkpoints_out_of_range(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(CheckpointInvalidError):
        Checkpoint(origin, size, root)


@pytest.mark.parametrize(
    ("body", "name"), [(b"no end", "log"), (b"a\tb\n", "log"), (b"\xff\n", "log"), (b"a\n", "l g")]
)
def test_what_cannot_stand_in_a_note_is_not_signed(body: bytes, name: str) -> None:
    with pytest.raises(CheckpointInvalidError):
        sign_note(body, name, ED25519, PUBLIC, SIGNER.sign)
