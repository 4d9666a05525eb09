"""What the sandbox refuses before anything runs."""

from unseen.protocols.errors import UnseenError


class SandboxMissingError(UnseenError):
    """This machine cannot build the walls that were asked for. `clause` names what is missing."""

    reason = "SANDBOX_MISSING"
