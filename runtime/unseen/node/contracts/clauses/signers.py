"""Signers: whose approval the labels demand beside the operator's, and whether one exists."""

from collections.abc import Iterator
from typing import Any

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import ApproverMissingError

_REMEDIES = {
    "holder": "the operator names the table's holder: unseen table holder {table} PARTY",
    "approver": "the operator invites one: unseen node invite NAME --role approver",
}


def _check(_ask: Ask, offer: Offer, reading: Reading) -> Iterator[ApproverMissingError]:
    for role, remedy in _REMEDIES.items():
        if role in reading.ruling.approvals and not getattr(offer.signers, role):
            yield ApproverMissingError(
                f"the {role} has to sign, and there is none: {reading.ruling.because['approvals']}",
                clause=f"approvals.{role}",
                remedy=remedy.format(table=offer.table.name),
            )


def _terms(_ask: Ask, offer: Offer, reading: Reading) -> dict[str, Any]:
    needed = [role for role in _REMEDIES if role in reading.ruling.approvals]
    return {role: getattr(offer.signers, role) for role in needed}


SIGNERS = Clause("signers", _check, _terms, standing=True)
