"""Named points at which a test may kill the node, to show that no charge is lost or doubled.

`UNSEEN_FAILPOINT=charge.after_commit` ends the process there as SIGKILL would;
`UNSEEN_FAILPOINT=gate.read:raise` raises an error there instead. Without the variable a point
costs one comparison. The names are the crash points of `docs/threat_model.md`.
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
    "answers.before_sign",
    "job.claimed",
    "job.kept",
    "job.before_finish",
    "job.after_finish",
    "epoch.before_publish",
    "epoch.after_publish",
    "contract.before_activate",
    "contract.after_activate",
    "gate.read",
    "gate.judged",
    "gate.committed",
    "gate.passed",
    "review.before_hold",
    "review.after_hold",
    "review.after_decision",
)

_armed, _, _way = os.environ.get("UNSEEN_FAILPOINT", "").partition(":")


def hit(name: str) -> None:
    """Die here, or raise, if this point is armed."""
    if _armed and _armed == name:
        if _way == "raise":
            raise RuntimeError(f"failpoint {name}")
        os.kill(os.getpid(), signal.SIGKILL)
