"""Quota: how much of a table one buyer may ask about, over all its contracts.

What is counted are questions: a unit is one, and of a hidden match two, since nothing shows whether
both are about the same subject. Where no ciphertext of a table may leave, it is also as much as
answers of the hidden table may say: more of them could be put together to the masked table itself
(`lookup/lwe_pir/choice.py`).
"""

from collections.abc import Iterator
from typing import Final

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.rules import max_units
from unseen.node.errors import LabelRefusedError
from unseen.node.kinds.kind import KINDS
from unseen.node.kinds.lookup_plan import PASSES
from unseen.protocols.lookup.lwe_pir.choice import most_answers
from unseen.protocols.lookup.lwe_pir.parameters import DEFAULT_WIDTHS
from unseen.protocols.lookup.match import EVALUATIONS

HIDDEN_QUESTIONS: Final = most_answers(DEFAULT_WIDTHS[-1]) // PASSES
"""Of a contract over a table whose masked rows must not leave."""


def most_units(offer: Offer, reading: Reading) -> int:
    """Return how many units this buyer may still be granted over the table, by one contract."""
    left = _left(offer, reading)
    return min(left, _hidden_units(offer)) if _stays(offer, reading) else left


def _left(offer: Offer, reading: Reading) -> int:
    hidden, table = KINDS[offer.product.kind].hidden, offer.table
    subject = offer.product.subject(table)
    most = max_units(reading.ruling, table.snapshot.rows, hidden=hidden, subject=subject)
    return max(most - offer.granted, 0) // _questions(offer)


def _questions(offer: Offer) -> int:
    """Return how many questions a unit is."""
    return EVALUATIONS if offer.product.match and KINDS[offer.product.kind].hidden else 1


def _hidden_units(offer: Offer) -> int:
    return HIDDEN_QUESTIONS // _questions(offer)


def _stays(offer: Offer, reading: Reading) -> bool:
    ways = KINDS[offer.product.kind].ways
    return not reading.ruling.ciphertext and any(way.ciphertext_leaves for way in ways)


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    left, each = _left(offer, reading), _questions(offer)
    most = _hidden_units(offer)
    if _stays(offer, reading) and most < ask.quota.units <= left:
        yield LabelRefusedError(
            f"no ciphertext of the table may leave, and answers to over {most * each} questions"
            f" could be put together to it: {reading.ruling.because['ciphertext']}",
            clause="quota.units",
            remedy=f"ask for at most {most} units, and for a further contract after them",
        )
    if ask.quota.units > left:
        what = "units" if each == 1 else f"questions, {each} a unit,"
        yield LabelRefusedError(
            f"a buyer may ask at most {left * each + offer.granted} {what} over this table;"
            f" {offer.granted} are granted",
            clause="quota.units",
            remedy=f"ask for at most {left} units",
        )


QUOTA = Clause("quota", _check, standing=True)
