"""TOML 1.0: the columns of a model in a file that people write.

    [[feature]]
    name = "balance"
    low = "0"              # bounds that everybody may know, as people write them
    high = "3000.00"       # their decimals are the column's

    [[feature]]
    name = "student"
    values = ["no", "yes"]

Columns are in the order of the model's inputs; one with values is an input for each of them.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from unseen.evidence.contracts.homomorphic import need_vectors
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.protocols.train.spec import Feature

MAX_BYTES: Final = 1 << 20
_CHECK = Checker(ContractInvalidError, "features")
_BOUNDS: Final = {"name", "low", "high"}


def parse_features(data: bytes) -> "tuple[Feature, ...]":
    """Return the columns that a file says.

    Raises:
        ContractInvalidError: it is no such file; the clause names the field.
        InputInvalidError: this machine has no library for vectors.

    """
    need_vectors("score.features")
    if len(data) > MAX_BYTES:
        _CHECK.fail("features", f"are more than {MAX_BYTES} bytes")
    try:
        body = tomllib.loads(data.decode())
    except ValueError as error:
        _CHECK.fail("features", f"are no TOML: {error}")
    listed = body.get("feature")
    if body.keys() != {"feature"} or not isinstance(listed, list) or not listed:
        _CHECK.fail("feature", "is missing, or something stands beside it")
    return tuple(read_feature(one, f"feature.{number}") for number, one in enumerate(listed, 1))


def read_feature(one: object, at: str, check: Checker = _CHECK) -> "Feature":
    """Return the column that a table of a file says; needs a library for vectors.

    Raises:
        ContractInvalidError: it says none; the clause is `at`.

    """
    from unseen.protocols.train.spec import Feature  # noqa: PLC0415 - with vectors' library

    if not isinstance(one, Mapping) or one.keys() not in (_BOUNDS, {"name", "values"}):
        check.fail(at, "has name, low and high, or name and values")
    try:
        if "values" in one:
            return Feature(name=one["name"], values=_values(one["values"], at, check))
        low, high = _decimal(one["low"], at, check), _decimal(one["high"], at, check)
        decimals = max(0, *(-int(bound.as_tuple().exponent) for bound in (low, high)))
        units = [int(bound.scaleb(decimals)) for bound in (low, high)]
        return Feature(name=one["name"], low=units[0], high=units[1], decimals=decimals)
    except ContractInvalidError:
        raise
    except UnseenError as error:
        check.fail(at, str(error))


def _decimal(value: Any, at: str, check: Checker) -> Decimal:
    if type(value) not in (str, int):
        check.fail(at, 'has bounds that are no numbers in quotes, such as "3000.00"')
    try:
        found = Decimal(value)
    except InvalidOperation:
        check.fail(at, "has bounds that are no numbers")
    if not found.is_finite() or abs(found) > 10**15:
        check.fail(at, "has bounds that are not finite")
    return found


def _values(value: Any, at: str, check: Checker) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(type(one) is str for one in value):
        check.fail(at, "has values that are no texts")
    return tuple(value)
