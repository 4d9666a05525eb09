"""Named points at which a test may kill the node, to show that no charge is lost or doubled.

`UNSEEN_FAILPOINT=charge.after_commit` ends the process there as SIGKILL would. Without the
variable a point costs one comparison. The names are the crash points of `docs/threat_model.md`.
"""

import os
import signal

POINTS = (
    "request.admitted",
    "request.evaluated",
    "charge.before_commit",
    "charge.after_commit",
    "receipt.before_sign",
    "receipt.before_answer",
    "epoch.before_publish",
    "epoch.after_publish",
    "contract.before_activate",
    "contract.after_activate",
)

_armed = os.environ.get("UNSEEN_FAILPOINT", "")


def hit(name: str) -> None:
    """Die here if this point is armed."""
    if _armed and _armed == name:
        os.kill(os.getpid(), signal.SIGKILL)
