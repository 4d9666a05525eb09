"""The channel links every head it was shown, and a node that cannot is caught by it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from unseen.client.channel import Channel
from unseen.client.errors import Cause, NodeError, RefusedError, UnreachableError
from unseen.client.follow import Follower
from unseen.client.local.home import Home
from unseen.client.local.profile import Node
from unseen.evidence.errors import LogForkedError
from unseen.evidence.suite import INTL, Ed25519Signer
from unseen.protocols.tlog import Checkpoint, Tree, leaf_hash, sign_note

ORIGIN = "node.test/log"
SIGNER = Ed25519Signer(b"\x07" * 32)


def note(tree: Tree) -> str:
    body = Checkpoint(ORIGIN, tree.size, tree.root()).body()
    return sign_note(body, ORIGIN, INTL.note_type, SIGNER.public_key, SIGNER.sign)


def grown(*entries: bytes) -> Tree:
    tree = Tree()
    for entry in entries:
        tree.append(leaf_hash(entry))
    return tree


class Forgetful:
    """A store of heads that keeps none."""

    def heads(self, origin: str) -> list[str]:
        return []

    def save_head(self, origin: str, note: str) -> None: ...

    def drop_head(self, origin: str, note: str) -> None: ...


class Served:
    """Calls against one tree; an error to raise in place of a consistency proof."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.asked = tree, 0
        self.error: Exception | None = None

    def metadata(self, options: dict[str, Any]) -> Any:
        held = int(dict(options["metadata"])["unseen-tree-size"])
        proof = b"".join(self.tree.consistency_proof(held)) if held <= self.tree.size else b""
        pairs = (
            ("unseen-checkpoint-bin", note(self.tree).encode()),
            ("unseen-consistency-bin", proof),
        )
        return SimpleNamespace(trailing_metadata=lambda: pairs)

    def with_call(self, request: Any, **options: Any) -> tuple[Any, Any]:
        if not hasattr(request, "old_size"):
            return None, self.metadata(options)
        self.asked += 1
        if self.error is not None:
            raise self.error
        proof = self.tree.consistency_proof(request.old_size)
        answer = SimpleNamespace(checkpoint=note(self.tree), proof=proof)
        return answer, self.metadata(options)


@pytest.fixture
def channel(node: Node, home: Home) -> Iterator[Channel]:
    follower = Follower(node, INTL, home, Forgetful())
    made = Channel("127.0.0.1:1", grpc.ssl_channel_credentials(), follower)
    yield made
    made.close()


def serve(channel: Channel, tree: Tree) -> Any:
    served = Served(tree)
    log: Any = SimpleNamespace(GetConsistencyProof=served)
    channel._log = log
    return served


def two_ends(channel: Channel, fork: bytes) -> Tree:
    """Have answers of two calls at once come from the log and, maybe, from another one."""
    follower = channel.follower
    tree = grown(b"a", b"b")
    base = follower.accept(None, note(tree), b"")
    branch = grown(b"a", b"b", fork)
    follower.accept(base, note(branch), b"".join(branch.consistency_proof(2)))
    tree = grown(b"a", b"b", b"c", b"d")
    follower.accept(base, note(tree), b"".join(tree.consistency_proof(2)))
    assert len(follower.unlinked()) == 1
    return tree


def test_ends_are_linked_by_one_call_each(channel: Channel) -> None:
    served = serve(channel, two_ends(channel, b"c"))
    channel.link()
    assert served.asked == 1
    assert channel.follower.unlinked() == ()
    channel.link()
    assert served.asked == 1


@pytest.mark.parametrize("how", ["link", "settle", "unary"])
def test_a_private_history_is_caught_wherever_ends_are_linked(channel: Channel, how: str) -> None:
    served = serve(channel, two_ends(channel, b"for this buyer alone"))
    channel.follower._linked = 0.0
    step: Any = {
        "link": channel.link,
        "settle": channel.settle,
        "unary": lambda: channel.unary(served, object()),
    }[how]
    with pytest.raises(LogForkedError):
        step()


@pytest.mark.parametrize("how", ["link", "settle", "unary"])
def test_a_refused_proof_is_as_good_as_a_fork(
    channel: Channel, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(channel, two_ends(channel, b"for this buyer alone"))
    served.error = grpc.RpcError()
    channel.follower._linked = 0.0
    refusal = RefusedError(Cause("FIELD_INVALID", "the log has never had that size"))
    monkeypatch.setattr(channel, "_failure", lambda *_: refusal)
    step: Any = {
        "link": channel.link,
        "settle": channel.settle,
        "unary": lambda: channel.unary(served, object()),
    }[how]
    with pytest.raises(LogForkedError, match="does not show"):
        step()


@pytest.mark.parametrize("kind", [UnreachableError, NodeError])
def test_a_silent_node_keeps_its_ends_open(
    channel: Channel, monkeypatch: pytest.MonkeyPatch, kind: type[UnreachableError | NodeError]
) -> None:
    served = serve(channel, two_ends(channel, b"c"))
    served.error = grpc.RpcError()
    channel.follower._linked = 0.0
    monkeypatch.setattr(channel, "_failure", lambda *_: kind(Cause("SILENT", "silent")))
    channel.unary(served, object())  # the answer itself is here
    channel.settle()
    assert len(channel.follower.unlinked()) == 1
    with pytest.raises(kind):
        channel.link()  # no bill is settled without it
    served.error = None
    channel.link()
    assert channel.follower.unlinked() == ()
