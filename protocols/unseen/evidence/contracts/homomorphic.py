"""What contracts over ciphertexts have in common: what they may read, and how they are read.

Such a contract holds against a buyer that follows the protocol, and no other. So nothing above
level 2 is read under one, whatever an operator's rules say: there nobody is taken at their word.

A clause names columns as models see them (`unseen.protocols.train.spec`), which needs a library for
vectors: whoever lacks it is told so, and everything else of a contract stays readable. Own format.

That labels tell the truth about a column, no contract can show.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.rules import LEVELS
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.errors import InputInvalidError, UnseenError

if TYPE_CHECKING:
    from unseen.protocols.train.spec import Feature

HIGHEST: Final = "2"
"""The highest level of what is read for a buyer that is taken at its word."""


def too_high(level: str) -> bool:
    """Return whether nothing of this level, or of one that is not known, is read so."""
    return level not in LEVELS or LEVELS.index(level) > LEVELS.index(HIGHEST)


def check_levels(check: Checker, plan: Plan) -> None:
    """Return if nothing that the plan reads is above level 2.

    Raises:
        ContractInvalidError: a label that the plan tells is.

    """
    for label in plan.rows.labels if plan.rows is not None else ():
        if too_high(label.level):
            check.fail("plan.rows.labels", f"are above level {HIGHEST}, and a buyer may deviate")


def need_vectors(clause: str) -> None:
    """Return if this machine can read such a clause.

    Raises:
        InputInvalidError: it has no library for vectors.

    """
    if find_spec("numpy") is None:
        raise InputInvalidError(
            "contracts over ciphertexts are read with a library for vectors, which is missing here",
            clause=clause,
            remedy="install it: pip install 'unseen[he]'",
        )


def features_of(check: Checker, at: str, value: Json) -> "tuple[Feature, ...]":
    """Return the columns whose JSON is the list `value`.

    Raises:
        ContractInvalidError: it is none, or one of them is no column.

    """
    from unseen.protocols.train import coding  # noqa: PLC0415 - with vectors' library
    from unseen.protocols.train.spec import Feature  # noqa: PLC0415 - with vectors' library

    with saying(check, at):
        return tuple(coding.from_json(Feature, each) for each in check.unlist(at, value))


@contextmanager
def saying(check: Checker, at: str) -> Iterator[None]:
    """Say of what the protocols refuse where in the contract it stands."""
    try:
        yield
    except ContractInvalidError:
        raise
    except UnseenError as error:
        raise check.error(
            f"{check.document}: {at}: {error}", clause=at, remedy=error.remedy
        ) from None
