"""The node itself: not now, or not without its operator."""

import errno

from unseen.node.errors.branches import BusyError, NodeFaultError
from unseen.protocols.errors import UnseenError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class EpochNotReadyError(BusyError):
    """The epoch's encrypted table is still being built."""

    reason = "EPOCH_NOT_READY"


class DrainingError(BusyError):
    """The node is shutting down and takes no new work."""

    reason = "DRAINING"


class OverloadedError(BusyError):
    """More work is in flight than the node accepts."""

    reason = "OVERLOADED"


class DeadlineError(UnseenError):
    """The call took longer than the node allows; it may or may not have been charged."""

    reason = "DEADLINE"


class StorageFullError(NodeFaultError):
    """The state store could not be written."""

    reason = "STORAGE_FULL"


class StateLockedError(NodeFaultError):
    """Another node process holds this state."""

    reason = "STATE_LOCKED"


class ClockSetBackError(NodeFaultError):
    """The clock is behind the newest leaf of the log."""

    reason = "CLOCK_SET_BACK"


class LogMismatchError(NodeFaultError):
    """The stored leaves do not lead to the last checkpoint that was signed."""

    reason = "LOG_MISMATCH"


class ConfigInvalidError(NodeFaultError):
    """The node's configuration cannot be used."""

    reason = "CONFIG_INVALID"


class KeyLockedError(NodeFaultError):
    """The key file or passphrase does not open the node's keys."""

    reason = "KEY_LOCKED"


class HandedOverError(NodeFaultError):
    """The node was handed over to a successor and serves nobody any more."""

    reason = "NODE_HANDED_OVER"


class ClusterLostError(NodeFaultError):
    """The cluster that long tasks run on does not answer; they wait and are tried again."""

    reason = "CLUSTER_LOST"


class ClusterRefusedError(NodeFaultError):
    """What answers in the cluster's place cannot be trusted with a task."""

    reason = "CLUSTER_REFUSED"


class InternalError(NodeFaultError):
    """A bug, or a worker that died. The incident id stands in the node's own output."""

    reason = "INTERNAL"


def disk_full(error: BaseException) -> StorageFullError | None:
    """Return the error for a file that could not be written for want of space, if it is that."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return None
    return StorageFullError(
        "there is no space left for the node's files",
        clause="node.home",
        remedy="free disk space under the node's home, then try again; nothing was charged",
    )
