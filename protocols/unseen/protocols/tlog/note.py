"""Signed notes: C2SP signed-note, by which a checkpoint carries its signatures.

    text, each line ended
                                  an empty line
    \N{EM DASH} key name base64(key id | signature)       for each signature

A note is worth what its verified signatures are worth: read nothing from one before
`open_note` or `verify_note` has accepted it. Several keys may sign one note (a log, then its
witnesses); signatures by other keys than the one asked for are ignored, as specified.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.checkpoint import Checkpoint, is_name, parse_body

ED25519: Final = b"\x01"
KEY_ID_BYTES: Final = 4
MAX_SIGNATURES: Final = 16
MAX_NOTE_BYTES: Final = 2**17

Sign = Callable[[bytes], bytes]
"""`sign(data)` returns a signature."""
Verify = Callable[[bytes, bytes, bytes], None]
"""`verify(public_key, signature, data)` raises if the signature does not hold."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line. `key_id` has 4 bytes; name and key id together say whose it is."""

    name: str
    key_id: bytes
    signature: bytes = field(repr=False)

    def line(self) -> str:
        """Return the signature line, with its line end."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note as it was read: nothing in it is verified."""

    body: bytes
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, text: str) -> "SignedNote":
        """Read a signed note.

        Raises:
            CheckpointInvalidError: it is not exactly what `text` would write, has over 16
                signatures, or is over 128 KiB.

        """
        if len(text) > MAX_NOTE_BYTES or not text.endswith("\n"):
            raise CheckpointInvalidError("a note is at most 128 KiB and ends its last line")
        head, gap, tail = text.rpartition("\n\n")
        lines = tail.removesuffix("\n").split("\n")
        if not gap or not head or len(lines) > MAX_SIGNATURES:
            raise CheckpointInvalidError("a note is text, an empty line and 1 to 16 signatures")
        signatures = tuple(_parse_line(line) for line in lines)
        try:
            note = cls(f"{head}\n".encode(), signatures)
        except UnicodeEncodeError:
            raise CheckpointInvalidError("a note is valid Unicode") from None
        _check_text(note.body)
        if note.text() != text:
            raise CheckpointInvalidError("a note has one form only")
        return note

    def text(self) -> str:
        """Return the note as it is sent."""
        return f"{self.body.decode()}\n{''.join(item.line() for item in self.signatures)}"


def key_id(name: str, key_type: bytes, public_key: bytes) -> bytes:
    """Return the 4 bytes that, with the name, say which key signed."""
    return hashlib.sha256(name.encode() + b"\n" + key_type + public_key).digest()[:KEY_ID_BYTES]


def sign_note(body: bytes, name: str, key_type: bytes, public_key: bytes, sign: Sign) -> str:
    """Return the note of this text with one signature. `key_type` is `ED25519` or a suite's own.

    Raises:
        CheckpointInvalidError: text or key name cannot stand in a note.

    """
    _check_text(body)
    return SignedNote(body, (_signature(body, name, key_type, public_key, sign),)).text()


def cosign_note(text: str, name: str, key_type: bytes, public_key: bytes, sign: Sign) -> str:
    """Return the note with one more signature, after those it has.

    Raises:
        CheckpointInvalidError: the note is malformed or full, or the name cannot stand in it.

    """
    note = SignedNote.parse(text)
    if len(note.signatures) == MAX_SIGNATURES:
        raise CheckpointInvalidError(f"a note has at most {MAX_SIGNATURES} signatures")
    added = _signature(note.body, name, key_type, public_key, sign)
    return SignedNote(note.body, (*note.signatures, added)).text()


def open_note(text: str, name: str, key_type: bytes, public_key: bytes, verify: Verify) -> bytes:
    """Return the text of a note that this key has signed.

    Raises:
        CheckpointInvalidError: the note is malformed, has no signature by this key, or has
            one that does not hold.

    """
    note = SignedNote.parse(text)
    wanted = key_id(name, key_type, public_key)
    own = [item for item in note.signatures if item.name == name and item.key_id == wanted]
    if not own:
        raise CheckpointInvalidError("the note is not signed by the key asked for")
    for item in own:
        try:
            verify(public_key, item.signature, note.body)
        except Exception:  # noqa: BLE001 - whatever a suite raises means the same
            raise CheckpointInvalidError("the note's signature does not hold") from None
    return note.body


def verify_note(
    text: str, name: str, key_type: bytes, public_key: bytes, verify: Verify
) -> Checkpoint:
    """Return the checkpoint in a note that this key has signed.

    Raises:
        CheckpointInvalidError: as in `open_note`, or the text is no checkpoint.

    """
    return parse_body(open_note(text, name, key_type, public_key, verify))


def _signature(
    body: bytes, name: str, key_type: bytes, public_key: bytes, sign: Sign
) -> NoteSignature:
    if not is_name(name):
        raise CheckpointInvalidError("a key name has no spaces or plus signs")
    return NoteSignature(name, key_id(name, key_type, public_key), sign(body))


def _parse_line(line: str) -> NoteSignature:
    prefix, _, rest = line.partition(_DASH)
    name, _, encoded = rest.partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise CheckpointInvalidError("a signature line has base64 at its end") from None
    if prefix or not is_name(name) or len(raw) <= KEY_ID_BYTES:
        raise CheckpointInvalidError("a signature line is a dash, a name and a signature")
    return NoteSignature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _check_text(body: bytes) -> None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise CheckpointInvalidError("a note is valid Unicode") from None
    if not text.endswith("\n") or _CONTROL.search(text):
        raise CheckpointInvalidError("a note's text is lines without control characters")
