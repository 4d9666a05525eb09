"""What clauses over columns of numbers have in common: how they are read from JSON. Own format.

Such a clause names columns as models see them (`unseen.protocols.train.spec`), which needs a
library for vectors: whoever lacks it is told so, and everything else of a contract stays readable.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from unseen.evidence.canonical import Json
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.errors import InputInvalidError, UnseenError

if TYPE_CHECKING:
    from unseen.protocols.train.spec import Feature


def need_vectors(clause: str) -> None:
    """Return if this machine can read such a clause.

    Raises:
        InputInvalidError: it has no library for vectors.

    """
    if find_spec("numpy") is None:
        raise InputInvalidError(
            "encrypted trainings are read with a library for vectors, which this machine lacks",
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
