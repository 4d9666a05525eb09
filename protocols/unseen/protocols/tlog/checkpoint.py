"""The text of a log's signed head: C2SP tlog-checkpoint, without extension lines.

    origin
    size in decimal
    root in base64

A checkpoint says what one log claims; that it claims the same to everybody has to be checked
by comparing checkpoints. Extension lines, which the specification allows and advises against,
are refused: nothing here reads them, and a signature over unread text helps nobody.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final

from unseen.protocols.errors import CheckpointInvalidError

MAX_SIZE: Final = 2**63 - 1
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_NAME = re.compile(r"[^\x00-\x20+\s\ud800-\udfff]+")  # a lone surrogate has no UTF-8
_ROOT_BYTES = range(32, 65)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log `origin` at `size` leaves. `root` has as many bytes as its hash."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what has no text, or a text that could be read in two ways.

        Raises:
            CheckpointInvalidError: a field is out of range.

        """
        if not is_name(self.origin):
            raise CheckpointInvalidError("an origin is a name without spaces or plus signs")
        if not 0 <= self.size <= MAX_SIZE:
            raise CheckpointInvalidError("a tree size is from 0 to 2^63 - 1")
        if len(self.root) not in _ROOT_BYTES:
            raise CheckpointInvalidError("a root has 32 to 64 bytes")

    def body(self) -> bytes:
        """Return the text that is signed, in UTF-8."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


def parse_body(body: bytes) -> Checkpoint:
    """Read the text of a checkpoint.

    Raises:
        CheckpointInvalidError: it is not exactly what `Checkpoint.body` would write.

    """
    try:
        origin, size, root, _ = body.decode().split("\n")
        if not _SIZE.fullmatch(size):
            raise CheckpointInvalidError("a checkpoint is three lines: origin, size, root")
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError:
        raise CheckpointInvalidError("a checkpoint is three lines: origin, size, root") from None
    if checkpoint.body() != body:
        raise CheckpointInvalidError("a checkpoint has one form only")
    return checkpoint


def is_name(text: str) -> bool:
    """Return whether `text` can be an origin or a key name: no space, no control, no plus."""
    return _NAME.fullmatch(text) is not None
