"""Decimal texts in their shortest form, as terms, leaves and files say fractions. Own format.

No binary fraction stands in between: what is written is what is meant.
"""

from decimal import Decimal, InvalidOperation

_MAX_EXPONENT = 20  # an exponent costs nothing to write, and its digits do


def shortest(value: int, places: int) -> str:
    """Return a whole number of 10^-places, not below zero, without zeros that say nothing."""
    whole, rest = divmod(value, 10**places)
    digits = f"{rest:0{places}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def as_written(text: str) -> Decimal:
    """Return the number that a file writes; what no number can hold is none."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("nan")


def plain(value: object) -> str:
    """Return a number of a file as the text that stands in a contract, where it is one.

    What is none, or has more than 20 digits in front or behind, stays as it is: whoever reads
    the contract refuses it.
    """
    if type(value) is not Decimal or not value.is_finite():
        return str(value)
    if abs(value.adjusted()) >= _MAX_EXPONENT:
        return str(value)
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
