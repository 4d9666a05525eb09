"""Cosignatures of witnesses: C2SP tlog-cosignature, the timestamped cosignature/v1.

A witness signs the text of a checkpoint, with the time, once it has checked that the log only
grew since the last one it signed. Its signature is one more line of the note:

    \N{EM DASH} name base64(key id | time in seconds since 1970, 8 bytes, big-endian | signature)

over `cosignature/v1`, a line `time SECONDS`, and the note's text. It says that this was the
largest head of the log that the witness had seen then. It does not say that the leaves are true,
and does not name the witness in what is signed: one key belongs to one witness.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.note import (
    MAX_SIGNATURES,
    Sign,
    SignedNote,
    Verify,
    cosign_note,
    key_id,
)

ED25519_V1: Final = b"\x04"
MAX_TIME: Final = 2**63 - 1
_TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: the witness's name in the note, and when it signed (POSIX time)."""

    name: str
    time: int


def cosign(
    text: str, name: str, key_type: bytes, public_key: bytes, sign: Sign, *, time: int
) -> str:
    """Return the note with the cosignature of one more witness, after the signatures it has.

    `key_type` is `ED25519_V1` or a suite's own, `time` in seconds since 1970.

    Raises:
        CheckpointInvalidError: the note is malformed or full, the name cannot stand in it, or
            the time is out of range.

    """
    _check_time(time)

    def timestamped(body: bytes) -> bytes:
        return time.to_bytes(_TIME_BYTES, "big") + sign(_message(body, time))

    return cosign_note(text, name, key_type, public_key, timestamped)


def cosignatures(
    text: str, key_type: bytes, public_key: bytes, verify: Verify
) -> Iterator[Cosignature]:
    """Yield the cosignatures of one witness under a note; none if it has not signed.

    Raises:
        CheckpointInvalidError: the note is malformed, or has a cosignature by this key that does
            not hold.

    """
    note = SignedNote.parse(text)
    for item in note.signatures:
        if item.key_id != key_id(item.name, key_type, public_key):
            continue
        time = int.from_bytes(item.signature[:_TIME_BYTES], "big")
        try:
            verify(public_key, item.signature[_TIME_BYTES:], _message(note.body, time))
        except Exception:  # noqa: BLE001 - whatever a suite raises means the same
            raise CheckpointInvalidError("a witness's cosignature does not hold") from None
        _check_time(time)
        yield Cosignature(item.name, time)


def join_notes(text: str, other: str) -> str:
    """Return the note with the signatures of both, each once.

    Raises:
        CheckpointInvalidError: a note is malformed, the texts differ, or there are too many
            signatures.

    """
    note, more = SignedNote.parse(text), SignedNote.parse(other)
    if note.body != more.body:
        raise CheckpointInvalidError("two notes of different texts cannot be joined")
    signatures = tuple(dict.fromkeys((*note.signatures, *more.signatures)))
    if len(signatures) > MAX_SIGNATURES:
        raise CheckpointInvalidError(f"a note has at most {MAX_SIGNATURES} signatures")
    return SignedNote(note.body, signatures).text()


def _message(body: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time + body


def _check_time(time: int) -> None:
    if not 0 <= time <= MAX_TIME:
        raise CheckpointInvalidError("a cosignature's time is from 0 to 2^63 - 1 seconds")
