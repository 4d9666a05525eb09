"""Privacy as contracts, leaves and ledgers count it: rho of zCDP (Bun and Steinke 2016), in units.

A unit is 10^-12 of rho. A leaf says what its release cost as a decimal text of at most nine
places, rounded up, and exactly that is charged: ledger and log never differ. Which ledgers a
contract is charged to, and how much it may spend, follows from its signed terms alone, so that
whoever holds terms and leaves can add up what a node should have refused.

rho says nothing about people who were in more rows than the bound, nor about answers without noise.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.decimals import shortest
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.dp.exact import Exact, not_negative
from unseen.protocols.dp.zcdp import UNIT, epsilon_of, rho_within

MAX_EPSILON: Final = 100
MAX_DELTA: Final = Fraction(1, 1000)
UNITS: Final = 10**12
"""What a rho of 1 is."""

_STEP: Final = 1000  # units in the last place that a leaf can say
_PLACES: Final = 9
_CLAUSES: Final = ("menu", "train")
_COUNTED: Final = "intersect"  # a clause that costs privacy where it says how much
_CHECK = Checker(ContractInvalidError, "contract")


def charged_units(rho: Exact) -> int:
    """Return what a release that costs `rho` is charged: units, a multiple of 1000, rounded up.

    Raises:
        InputInvalidError: rho is a float or below zero.

    """
    cost = not_negative(rho, "rho") / (_STEP * UNIT)
    return -(-cost.numerator // cost.denominator) * _STEP


def rho_text(units: int) -> str:
    """Return units as a leaf says them: a decimal text in its shortest form.

    Raises:
        ContractInvalidError: they are no multiple of 1000, below zero, or 10^9 of rho or more.

    """
    if units < 0 or units % _STEP or units >= UNITS * 10**9:
        _CHECK.fail("privacy", "is no cost that a leaf can say")
    return shortest(units // _STEP, _PLACES)


def units_of(text: str) -> int:
    """Return the units that a leaf's `privacy` says.

    Raises:
        ContractInvalidError: it is no decimal text in its shortest form.

    """
    return int(number("privacy", text) * UNITS)


def number(clause: str, text: object) -> Fraction:
    """Return the number that a decimal text of terms or leaves says.

    Raises:
        ContractInvalidError: it is none in its shortest form, below 10^9, of 9 places at most.

    """
    _CHECK.decimal(clause, text)
    return Fraction(str(text))


@lru_cache(maxsize=1024)
def limit_of(epsilon: str, delta: str) -> int:
    """Return the units that a budget of (epsilon, delta) admits, rounded down.

    About 50 ms, once.

    Raises:
        ContractInvalidError: epsilon is not above 0 and at most 100, delta not above 0 and at most
            0.001, or either no decimal text in its shortest form.

    """
    most, chance = number("budget", epsilon), number("delta", delta)
    if not 0 < most <= MAX_EPSILON:
        _CHECK.fail("budget", f"is not above 0 and at most {MAX_EPSILON}")
    if not 0 < chance <= MAX_DELTA:
        _CHECK.fail("delta", "is not above 0 and at most 0.001")
    return int(rho_within(most, chance) * UNITS)


def epsilon_text(units: int, delta: str) -> str:
    """Return the epsilon at `delta` of what was spent, to four places, rounded up.

    Raises:
        ContractInvalidError: delta is no decimal text between 0 and 1.

    """
    chance = number("delta", delta)
    if not 0 < chance < 1:
        _CHECK.fail("delta", "is not between 0 and 1")
    found = epsilon_of(units * UNIT, chance) * 10_000
    return shortest(-(-found.numerator // found.denominator), 4)


def tables_of(terms: Terms) -> tuple[str, ...]:
    """Return the tables whose ledgers a contract's releases are charged to, each once.

    They are the contract's own table and those that its menu names as `joined`: a joined table
    about nobody, all of whose columns that are read are public, is not named there.

    Raises:
        ContractInvalidError: the parameters name something else than tables.

    """
    joined = _clause(terms).get("joined", [])
    for table in _CHECK.unlist("parameters.joined", joined):
        _CHECK.name("parameters.joined", table)
    return tuple(dict.fromkeys((terms.table, *joined)))


def delta_of(terms: Terms) -> str:
    """Return the delta at which the contract's budget is meant; empty where it says none.

    Raises:
        ContractInvalidError: it is no decimal text.

    """
    delta = _clause(terms).get("delta", "")
    if delta != "":
        number("parameters.delta", delta)
    return str(delta)


def granted(terms: Terms) -> int:
    """Return the units that a contract may spend: those of its budget; 0 where it has none.

    Raises:
        ContractInvalidError: its budget or delta is out of range.

    """
    delta = delta_of(terms)
    return limit_of(terms.budget, delta) if terms.budget and delta else 0


def spends(terms: Terms) -> bool:
    """Return whether every release under the contract has to say what it costs in privacy."""
    return bool(_clause(terms))


def _clause(terms: Terms) -> dict[str, Any]:
    for name in _CLAUSES:
        found = terms.parameters.get(name)
        if type(found) is dict:
            return found
    counted = terms.parameters.get(_COUNTED)
    return counted if type(counted) is dict and "rho" in counted else {}
