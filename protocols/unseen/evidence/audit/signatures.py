"""Signatures to be checked, gathered so that whoever audits may check many at a time.

Checking one takes longer than all else about a leaf. `verify_all` does it here, one after the
other; another function of the same type may spread them over processes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from unseen.evidence.audit.findings import Findings
from unseen.evidence.errors import SignatureInvalidError
from unseen.evidence.suite import suite_of

BATCH = 1024


class Signature(NamedTuple):
    """`signature` over `data` has to verify under `key`, a raw public key of `suite` (its id)."""

    suite: str
    key: bytes
    signature: bytes
    data: bytes


VerifyAll = Callable[[Sequence[Signature]], Sequence[bool]]
"""Returns for each signature, in order, whether it holds."""


def verify_all(signatures: Sequence[Signature]) -> list[bool]:
    """Return for each of `signatures`, in order, whether it holds."""
    return [_holds(signature) for signature in signatures]


class Pending:
    """Signatures that wait for the next batch, each with the finding it is if it fails."""

    def __init__(self, findings: Findings, verify: VerifyAll = verify_all) -> None:
        """Report to `findings`; check with `verify`."""
        self._findings, self._verify = findings, verify
        self._waiting: list[tuple[Signature, str, int]] = []
        self.checked = 0

    def add(self, signature: Signature, party: str, index: int) -> None:
        """Have the signature of a request, at `index`, checked some time before `finish` ends."""
        self._waiting.append((signature, party, index))
        if len(self._waiting) >= BATCH:
            self.finish()

    def finish(self) -> None:
        """Check everything that waits."""
        waiting, self._waiting = self._waiting, []
        self.checked += len(waiting)
        results = self._verify([signature for signature, _, _ in waiting])
        for (_, party, index), holds in zip(waiting, results, strict=True):
            if not holds:
                what = "the request's signature is not the buyer's instance's"
                self._findings.add("release.signature", party, index, what)


def _holds(signature: Signature) -> bool:
    suite, key, value, data = signature
    try:
        suite_of(suite).verify(key, value, data)
    except SignatureInvalidError:
        return False
    return True
