"""What may follow what in an objection, and what it does to the bill. Pure rules.

`STEPS` is the only place that says which step follows which, and whose it is. A credit is the
operator's promise, from the moment it has accepted; `credits_of` adds up what counts for a bill, so
that both sides, given the same documents, count the same.

Which objections there are, a list of documents cannot show: the log has a leaf for each.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import ObjectionInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.oversight.objection import (
    Answered,
    Closed,
    Credit,
    Opened,
    Step,
    objection_id,
    verify_document,
)
from unseen.evidence.suite import suite_of

_CHECK = Checker(ObjectionInvalidError, "objection")


class Status(Enum):
    """Where an objection stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SETTLED = "settled"  # closed, and its opener agrees with the answer
    MAINTAINED = "maintained"  # closed, and its opener does not: a matter for others now
    WITHDRAWN = "withdrawn"  # closed before it was answered


class Side(Enum):
    """Who takes a step."""

    OPENER = "opener"
    OTHER = "other"


STEPS: Mapping[tuple[Status, Step], tuple[Status, Side]] = MappingProxyType(
    {
        (Status.OPEN, Step.ACCEPT): (Status.ACCEPTED, Side.OTHER),
        (Status.OPEN, Step.REJECT): (Status.REJECTED, Side.OTHER),
        (Status.OPEN, Step.AGREE): (Status.WITHDRAWN, Side.OPENER),
        (Status.ACCEPTED, Step.AGREE): (Status.SETTLED, Side.OPENER),
        (Status.ACCEPTED, Step.DISAGREE): (Status.MAINTAINED, Side.OPENER),
        (Status.REJECTED, Step.AGREE): (Status.SETTLED, Side.OPENER),
        (Status.REJECTED, Step.DISAGREE): (Status.MAINTAINED, Side.OPENER),
    }
)
"""Every step there is, where it leads, and whose it is."""


class Objection(NamedTuple):
    """An objection as its documents make it. Only `follow` makes one."""

    id: bytes
    opened: Opened
    answered: Answered | None
    closed: Closed | None
    status: Status


def check_opener(opened: Opened, terms: Terms) -> None:
    """Return if the opener may object under `terms`: a party to them, or a hub for a person.

    That a hub is one is for the caller to see: contracts do not name them.

    Raises:
        ObjectionInvalidError: another contract, or not the party it says it is.

    """
    if opened.suite != terms.suite or opened.contract != terms.id():
        _CHECK.fail("contract", "is another one")
    named = {"buyer": terms.buyer, "operator": terms.operator}
    if opened.by != named.get(opened.role, opened.by):
        _CHECK.fail("role", f"is not that of the contract's {opened.role}")
    if opened.role == "hub" and opened.by in named.values():
        _CHECK.fail("role", "is that of a party to the contract")


def other_side(opened: Opened, terms: Terms) -> str:
    """Return the name of the key that has to answer: the operator's, or the buyer's to it."""
    return terms.buyer if opened.role == "operator" else terms.operator


def advance(objection: Objection, document: Answered | Closed, terms: Terms) -> Objection:
    """Return the objection after `document`, which was verified.

    Raises:
        ObjectionInvalidError: it is about another objection, out of turn, not this party's to
            give, or credits what only the operator can.

    """
    if document.objection != objection.id or document.suite != objection.opened.suite:
        _CHECK.fail("objection", "is another one")
    step = STEPS.get((objection.status, document.step))
    if step is None:
        _CHECK.fail("status", f"is {objection.status.value}: it cannot {document.step.value}")
    status, side = step
    opener, other = objection.opened.by, other_side(objection.opened, terms)
    if document.by != (opener if side is Side.OPENER else other):
        _CHECK.fail("by", f"is not the {side.value} side's key")
    if isinstance(document, Closed):
        return objection._replace(closed=document, status=status)
    if document.credit and document.by != terms.operator:
        _CHECK.fail("credit", "is the operator's to give")
    if document.credit and objection.opened.role == "hub":
        # The bill would tell the buyer which of the people it asked about has objected.
        _CHECK.fail("credit", "is the buyer's to object for")
    return objection._replace(answered=document, status=status)


def follow(tokens: Iterable[str], terms: Terms, keys: Mapping[str, bytes]) -> list[Objection]:
    """Return the objections under `terms` that `tokens` make, in the order they were opened.

    `tokens` are documents of any order and number; one given twice counts once.

    Raises:
        ObjectionInvalidError: a document is malformed, by nobody concerned, out of its turn, or
            one side has signed two that contradict each other.
        SignatureInvalidError: a signature fails.

    """
    suite = suite_of(terms.suite)
    found: dict[bytes, Objection] = {}
    later: list[Answered | Closed] = []
    for token in dict.fromkeys(tokens):
        document = verify_document(token, keys)
        if not isinstance(document, Opened):
            later.append(document)
            continue
        check_opener(document, terms)
        name = objection_id(suite, token)
        found[name] = Objection(name, document, None, None, Status.OPEN)
    # An answer comes before a close: a withdrawal is one that no answer came before.
    for document in sorted(later, key=lambda one: isinstance(one, Closed)):
        objection = found.get(document.objection)
        if objection is None:
            _CHECK.fail("objection", "is not among the documents")
        found[objection.id] = advance(objection, document, terms)
    return sorted(found.values(), key=lambda one: (format_time(one.opened.opened_at), one.id))


def credits_of(terms: Terms, tokens: Iterable[str], keys: Mapping[str, bytes]) -> Credit | None:
    """Return what the operator credits under `terms` in all, or nothing.

    The same documents give the same credit on both sides, whatever their order.

    Raises:
        ObjectionInvalidError: as `follow`, or more is credited for a release than any release has
            units (`check_credit` is stricter, where the release is at hand).
        SignatureInvalidError: a signature fails.

    """
    given = [one.answered.credit for one in follow(tokens, terms, keys) if one.answered]
    known = [credit for credit in given if credit is not None]
    units, amount = sum(one.units for one in known), sum(one.amount for one in known)
    return Credit(units=units, amount=amount) if known else None


def check_credit(credit: Credit, terms: Terms, units: int) -> None:
    """Return if `credit` is at most what a release of `units`, or that many units, cost.

    Raises:
        ObjectionInvalidError: it is more.

    """
    _CHECK.integer("credit.units", credit.units, 0, units)
    price = terms.prices.data_fee + terms.prices.service_fee
    _CHECK.integer("credit.amount", credit.amount, 0, price * units)
