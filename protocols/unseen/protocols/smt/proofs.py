"""Proofs of what a sparse Merkle tree holds at an index, and of absence (Laurie and Kasper, 2012).

A path has the siblings from the root down to the leaf, or to the topmost empty subtree on the
way; empty siblings are left out. It ties an index to a root; whose root it is, and that everybody
was shown the same, has to come from a log.

A sibling is the hash of a whole subtree. It shows that somebody has an index that begins like
this one and not who, and with commitments as values not what is there. Whoever has proofs under
two roots sees whether anything below a sibling was set anew in between, and not to what: deep down
that is one other index.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from unseen.protocols.errors import MalformedMessageError, ProofInvalidError
from unseen.protocols.smt.shape import Shape


@dataclass(frozen=True, slots=True)
class Path:
    """The siblings that are not empty, by the depth of the node above them.

    `depth` is that of the proven node: the tree's own where a leaf is shown, or that of the empty
    subtree where absence is.
    """

    depth: int
    siblings: Mapping[int, bytes] = field(repr=False)

    def encode(self) -> bytes:
        """Return depth (1 byte), a bit for each depth above it (deepest last), then siblings.

        About 32 bytes for each doubling of the tree, and 17 more.
        """
        flags = sum(1 << (self.depth - 1 - at) for at in self.siblings)
        head = bytes([self.depth]) + flags.to_bytes((self.depth + 7) // 8)
        return head + b"".join(self.siblings[at] for at in sorted(self.siblings))

    @classmethod
    def decode(cls, data: bytes, width: int) -> Self:
        """Return the path that `encode` gives `data` for; hashes have `width` bytes.

        Raises:
            MalformedMessageError: there is none.

        """
        depth = data[0] if data else 0
        split = 1 + (depth + 7) // 8
        flags = int.from_bytes(data[1:split])
        places = [at for at in range(depth) if flags >> (depth - 1 - at) & 1]
        found = {at: data[split + n * width :][:width] for n, at in enumerate(places)}
        path = cls(depth, found)
        if path.encode() != data or any(len(value) != width for value in found.values()):
            raise MalformedMessageError("a path of a tree is malformed")
        return path


def verify_present(shape: Shape, root: bytes, index: bytes, value: bytes, path: Path) -> None:
    """Return if the tree with `root` holds `value` at `index`.

    Raises:
        ProofInvalidError: it does not follow from `path`, whatever the reason.
        InputInvalidError: index or value have the wrong length.

    """
    leaf = shape.leaf(index, value)
    if path.depth != shape.depth:
        raise ProofInvalidError
    _verify(shape, root, index, leaf, path)


def verify_absent(shape: Shape, root: bytes, index: bytes, path: Path) -> None:
    """Return if the tree with `root` holds nothing at `index`.

    Raises:
        ProofInvalidError: it does not follow from `path`, whatever the reason.
        InputInvalidError: the index has the wrong length.

    """
    shape.number(index)
    if not 0 <= path.depth <= shape.depth:
        raise ProofInvalidError
    _verify(shape, root, index, shape.empties[path.depth], path)


def _verify(shape: Shape, root: bytes, index: bytes, node: bytes, path: Path) -> None:
    number = shape.number(index) >> (shape.depth - path.depth)
    for depth in range(path.depth - 1, -1, -1):
        empty = shape.empties[depth + 1]
        sibling = path.siblings.get(depth, empty)
        # An empty sibling has one way to be told: by being left out.
        if len(sibling) != shape.width or (depth in path.siblings and sibling == empty):
            raise ProofInvalidError
        pair = (sibling, node) if number & 1 else (node, sibling)
        node = shape.node(depth, *pair)
        number >>= 1
    if path.siblings.keys() - range(path.depth) or not hmac.compare_digest(node, root):
        raise ProofInvalidError
