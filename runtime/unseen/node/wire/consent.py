"""unseen.v1 consent messages <-> values."""

from unseen.node.consent.listing import LoggedRoot, Registered
from unseen.node.consent.proving import About
from unseen.node.errors import FieldInvalidError
from unseen.v1 import consent_pb2

_MAX_ELEMENTS = 256


def about(message: consent_pb2.ProveConsentRequest) -> About:
    """Return which root a proof is asked of.

    Raises:
        FieldInvalidError: a number is negative.

    """
    if message.leaf < 0 or message.root < 0:
        raise FieldInvalidError("a leaf or a root has no negative number", clause="about")
    match message.WhichOneof("about"):
        case "job":
            return About(job=message.job)
        case "leaf":
            return About(leaf=message.leaf)
        case "root":
            return About(root=message.root)
    return About()


def elements(message: consent_pb2.EvaluateSubjectsRequest) -> list[bytes]:
    """Return the blinded subjects.

    Raises:
        FieldInvalidError: there are too many.

    """
    if len(message.blinded) > _MAX_ELEMENTS:
        raise FieldInvalidError(f"at most {_MAX_ELEMENTS} subjects in a call", clause="blinded")
    return list(message.blinded)


def registered(consent: Registered) -> consent_pb2.RegisteredConsent:
    """Return a consent as its hub sees it."""
    return consent_pb2.RegisteredConsent(
        id=consent.id,
        consent=consent.token,
        added=consent.added,
        ended=consent.ended,
        cause=consent.cause,
        ended_at=consent.ended_at,
    )


def root(found: LoggedRoot) -> consent_pb2.ConsentRoot:
    """Return a root."""
    return consent_pb2.ConsentRoot(
        number=found.number, document=found.document, leaf_index=found.leaf_index
    )
