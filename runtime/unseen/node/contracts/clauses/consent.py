"""Consent (数据主体授权): what labels demand it, only consented rows may serve."""

from collections.abc import Iterator

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import LabelRefusedError


def _check(_ask: Ask, _offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    if reading.ruling.consent:
        yield LabelRefusedError(
            f"only rows with consent may serve, and this node keeps no consents:"
            f" {reading.ruling.because['consent']}",
            clause="consent",
            remedy="choose outputs over columns that need no consent",
        )


CONSENT = Clause("consent", _check, standing=True)
