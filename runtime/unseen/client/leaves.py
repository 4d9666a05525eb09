"""Leaves of the log as a client meets them."""

from collections.abc import Sequence

from unseen.client.errors import AnswerInvalidError
from unseen.client.queries.tables import keep_announcement
from unseen.client.session import Session
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.log import decode_leaf
from unseen.evidence.logged import Headed
from unseen.evidence.releases.manifest import Manifest
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import ProofInvalidError
from unseen.protocols.tlog import leaf_hash, verify_inclusion


def check_logged(
    session: Session,
    leaf: bytes,
    index: int,
    proof: Sequence[bytes],
    checkpoint: str,
    *,
    manifest: Manifest,
) -> dict[str, Json]:
    """Return the leaf that announced `manifest`, if it is in the log that `checkpoint` heads.

    So all buyers of a contract are shown the same key and the same table. It is kept in the home,
    for openings.

    Raises:
        AnswerInvalidError: it is not there, or announces something else.
        LogForkedError: the head contradicts the one that was proven.

    """
    head = verify_checkpoint(checkpoint, session.trust)
    if head.origin != session.profile.node.log_origin:
        raise AnswerInvalidError("the manifest is in another log", clause="manifest.log")
    hashed = leaf_hash(leaf, session.suite.hash)
    try:
        verify_inclusion(hashed, index, head.size, proof, head.root, session.suite.hash)
    except ProofInvalidError:
        raise AnswerInvalidError("the manifest is not in the log", clause="manifest.log") from None
    session.channel.follower.require(head.size, head.root, checkpoint)
    found = decode_leaf(leaf)
    announced = found.get("manifest")
    if found.get("type") != "manifest.published" or announced != b64encode(manifest.id()):
        raise AnswerInvalidError("the log announces another manifest", clause="manifest.log")
    announcement = Headed(leaf=found, index=index, proof=tuple(proof), checkpoint=checkpoint)
    keep_announcement(session.home, manifest, announcement)
    return found
