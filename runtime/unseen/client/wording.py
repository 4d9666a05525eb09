"""Questions as people say them: names in any order, an epsilon or a rho; and in their one form."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from unseen.client.queries.questions import asks_wrongly
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.contracts.statistics.question import Question
from unseen.evidence.decimals import shortest
from unseen.evidence.errors import QuestionInvalidError
from unseen.protocols.dp.zcdp import rho_within
from unseen.protocols.errors import InputInvalidError

Amount = float | str | Decimal | Fraction
"""A float is taken as it is printed: 0.1 is a tenth."""
Names = str | Iterable[str]

_PLACES = 9  # decimals of a rho


def make_question(
    menu: Menu,
    what: str,
    of: str = "",
    *,
    by: Names = (),
    where: Names = (),
    at: Amount | Iterable[Amount] = (),
    cost: str,
) -> Question:
    """Return a question in its one form: names in the menu's order, places of quantiles ascending.

    Raises:
        InputInvalidError: it is none.

    """
    ordered = {"by": _ordered(menu, by), "where": _ordered(menu, where)}
    try:
        return Question(what=what, of=of, at=_places(at), rho=cost, **ordered)
    except QuestionInvalidError as error:
        raise asks_wrongly(error) from None


def cost_of(menu: Menu, epsilon: Amount | None, rho: Amount | None) -> str:
    """Return what a question may cost, as a rho.

    Raises:
        InputInvalidError: it was said in no way, or in both.

    """
    if (epsilon is None) == (rho is None):
        raise InputInvalidError(
            "say what the answer may cost: an epsilon, or a rho",
            clause="question.rho",
            remedy="what each costs: unseen statistics menu ID",
        )
    return _decimal(_exact(rho, "rho"), "rho") if epsilon is None else rho_at(epsilon, menu.delta)


def rho_at(epsilon: Amount, delta: str) -> str:
    """Return the rho that an epsilon admits at `delta`, as a question says it: rounded down.

    Raises:
        InputInvalidError: the epsilon is no number above 0, or admits next to nothing.

    """
    exact = _exact(epsilon, "epsilon")
    return _decimal(rho_within(exact, Fraction(delta)) if exact > 0 else exact, "epsilon")


def _ordered(menu: Menu, names: Names) -> tuple[str, ...]:
    """Return names in the menu's order; one that it does not have comes last, to be refused."""
    wanted = [names] if isinstance(names, str) else list(names)
    known = menu.in_order(wanted)
    return (*known, *(name for name in wanted if name not in known))


def _places(at: Amount | Iterable[Amount]) -> tuple[str, ...]:
    """Return the places of quantiles in their one form: ascending, each once."""
    given = [at] if isinstance(at, float | int | str | Decimal | Fraction) else [*at]
    exact = sorted({_exact(place, "at") for place in given})
    return tuple(_decimal(place, "at") for place in exact)


def _exact(value: Amount | None, name: str) -> Fraction:
    try:
        return Fraction(Decimal(str(value))) if isinstance(value, float) else Fraction(value or 0)
    except (ValueError, InvalidOperation, OverflowError, ZeroDivisionError):
        raise InputInvalidError(f"{name} is no number", clause=f"question.{name}") from None


def _decimal(value: Fraction, name: str) -> str:
    """Return a ratio as a decimal text in its shortest form, rounded down to 9 places."""
    scaled = int(value * 10**_PLACES)
    if scaled <= 0:
        raise InputInvalidError(
            f"{name} is not above 0, or so small that it says nothing", clause=f"question.{name}"
        )
    return shortest(scaled, _PLACES)
