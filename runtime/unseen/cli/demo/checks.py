"""What a story claims is checked before it is said."""

from typing import TypeVar, cast

from unseen.evidence.errors import EvidenceError

Found = TypeVar("Found")


class StepFailedError(EvidenceError):
    """A step of the demo did not come out as it is told."""

    reason = "DEMO_FAILED"


def check(holds: bool, what: str) -> None:
    """Go on only if `what` is true.

    Raises:
        StepFailedError: it is not.

    """
    if not holds:
        raise StepFailedError(
            f"not as it should be: {what}",
            clause="demo",
            remedy="look at the logs in the demo's folder, and report it",
        )


def there(found: Found | None, what: str) -> Found:
    """Return what has to be there; raises as `check` where it is not."""
    check(found is not None, what)
    return cast("Found", found)
