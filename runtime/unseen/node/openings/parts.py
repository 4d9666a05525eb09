"""Encrypted parts of openings, as files under the node's home that the node cannot read.

A part is named by order, instance, request and number. It is written whole or not at all, and
may be written again until the instance has responded.
"""

import re
from pathlib import Path

from unseen.evidence.oversight.response import MAX_PART_BYTES, UNIT_BYTES
from unseen.node.errors import FieldInvalidError, PartNotFoundError, disk_full
from unseen.streams.whole import write_whole

MAX_CIPHERTEXT_BYTES = MAX_PART_BYTES + UNIT_BYTES + 64  # what the seal adds, and some more
_KEY = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_REQUEST = re.compile(r"[0-9a-f]{32}", re.ASCII)


def put_part(home: Path, order: str, place: tuple[str, str, int], ciphertext: bytes) -> None:
    """Keep a part; `place` is the instance's key name, the request and the number.

    Raises:
        FieldInvalidError: the place is malformed, or the part too large.
        StorageFullError: there is no space left.

    """
    if not 0 < len(ciphertext) <= MAX_CIPHERTEXT_BYTES:
        raise FieldInvalidError(
            f"a part has 1 to {MAX_CIPHERTEXT_BYTES} bytes", clause="ciphertext"
        )
    path = _path(home, order, place)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, ciphertext, private=True)
    except OSError as error:
        full = disk_full(error)
        if full is None:
            raise
        raise full from None


def read_part(home: Path, order: str, place: tuple[str, str, int]) -> bytes:
    """Return a part.

    Raises:
        FieldInvalidError: the place is malformed.
        PartNotFoundError: there is none at this place.

    """
    try:
        return _path(home, order, place).read_bytes()
    except FileNotFoundError:
        raise PartNotFoundError(
            f"part {place[2]} of request {place[1]} has not been handed over",
            clause="part",
            remedy="hand over every part, then respond: unseen audit answer ORDER",
        ) from None


def _path(home: Path, order: str, place: tuple[str, str, int]) -> Path:
    instance, request, number = place
    for name, text, form in (
        ("order", order, _KEY),
        ("instance", instance, _KEY),
        ("request", request, _REQUEST),
    ):
        if not form.fullmatch(text):
            raise FieldInvalidError(f"not the name of a part's {name}", clause=name)
    if not 0 <= number < 1000:
        raise FieldInvalidError("a part's number is from 0 to 999", clause="number")
    return home / "openings" / order / instance / f"{request}-{number}.part"
