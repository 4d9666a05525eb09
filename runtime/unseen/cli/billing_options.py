"""The options and the TOML table that say what a product's contracts bill."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from unseen.cli.failures import UsageError

if TYPE_CHECKING:
    from unseen.evidence.contracts.clauses import Billing, Payee

FIELDS = {"unit", "free_units", "cap", "payees"}
_PAYEE_FIELDS = {"line", "name", "key", "share"}
_DEFAULT = {"lookup": "evaluation", "verify": "request"}
_KEY = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_MICROS = 1_000_000
_SHARE = 100  # ten-thousandths in a per cent

KeyOf = Callable[[str], str | None]
"""The name of an enrolled party's key by the party's name, or None."""


def micros(text: str, remedy: str = "correct --data-fee or --service-fee") -> int:
    """Return a decimal amount in millionths.

    Raises:
        UsageError: it is not an amount, is negative, or has more than six decimal places.

    """
    return _scaled(
        text,
        _MICROS,
        "a price is an amount such as 0.05, with at most six decimal places",
        "prices",
        remedy,
    )


def given_billing(
    kind: str, bill: str, free: int, cap: str, payees: Sequence[str]
) -> dict[str, Any] | None:
    """Return what the options say, in the form of the TOML table; None if they say nothing.

    Raises:
        UsageError: an option is malformed.

    """
    if not (bill or free or cap or payees):
        return None
    return {
        "unit": bill.removeprefix("per-") or _DEFAULT.get(kind, "request"),
        "free_units": free,
        "cap": cap or "0",
        "payees": [_split(payee) for payee in payees],
    }


def read_billing(given: object, key_of: KeyOf) -> "Billing":
    """Return the clause that `given`, the TOML table or the options, describes.

    Raises:
        UsageError: a field is unknown, missing or malformed, or a payee's key is not known.
        ContractInvalidError: a value is out of range, or the shares of a line are not the whole.

    """
    from unseen.evidence.contracts.clauses import Billing

    if not isinstance(given, Mapping) or given.keys() - FIELDS or "unit" not in given:
        raise _usage(f"billing has a unit, and may have {', '.join(sorted(FIELDS - {'unit'}))}")
    payees = given.get("payees", [])
    if not isinstance(payees, list):
        raise _usage("payees are a list of tables")
    return Billing(
        unit=given["unit"],
        free_units=given.get("free_units", 0),
        cap=micros(str(given.get("cap", "0")), "correct --cap"),
        payees=tuple(_payee(payee, key_of) for payee in payees),
    )


def _payee(given: object, key_of: KeyOf) -> "Payee":
    from unseen.evidence.contracts.clauses import Payee

    if not isinstance(given, Mapping) or given.keys() != _PAYEE_FIELDS:
        raise _usage(f"a payee has {', '.join(sorted(_PAYEE_FIELDS))}")
    named = str(given["key"])
    key = named if _KEY.fullmatch(named) else key_of(named)
    if key is None:
        raise UsageError(
            f"no party is called {named!r}",
            clause="billing.payees.key",
            remedy="give the name of an enrolled party (unseen party list) or of a key",
        )
    share = _scaled(
        str(given["share"]).removesuffix("%"),
        _SHARE,
        "a share is a percentage such as 60 or 33.33, with at most two decimal places",
        "billing.payees.share",
        "correct --payee",
    )
    return Payee(line=given["line"], name=given["name"], key=key, share=share)


def _split(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != len(_PAYEE_FIELDS) or not all(parts):
        raise UsageError(
            "a payee is LINE:NAME:PARTY:PERCENT",
            clause="billing.payees",
            remedy="for example data_fee:city-data-office:holder:60",
        )
    return dict(zip(("line", "name", "key", "share"), parts, strict=True))


def _scaled(text: str, scale: int, rule: str, clause: str, remedy: str) -> int:
    try:
        amount = Decimal(text) * scale
        if amount >= 0 and amount == int(amount):
            return int(amount)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise UsageError(rule, clause=clause, remedy=remedy)


def _usage(message: str) -> UsageError:
    return UsageError(message, clause="billing", remedy="see docs/operations.md, Billing")
