"""A buyer's rows of a vertical training: whose they are, labels, and columns of its own.

They are read once, checked by column and row, and kept sealed in the home a block at a time until
the training is over (`unseen.streams.owned_rows`): an ended command goes on without them. What
leaves are a digest of each subject, in this order, and ciphertexts.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from unseen.client.subjects import Subject, subject_texts, subject_values
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import Encrypted, domain_of
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.suite import suite_of
from unseen.protocols.errors import InputInvalidError, SubjectInvalidError
from unseen.protocols.lookup.subject import encode_subject

if TYPE_CHECKING:
    from unseen.streams.owned_rows import Given


def read_rows(terms: Terms, plan: Plan, clause: Encrypted, rows: Any) -> "Given":
    """Return rows that were given by the names of their columns.

    `rows` are a mapping of columns (or what has `keys` as one), or mappings, one a row: subject
    columns of the contract, the label, and the buyer's own columns. Others are left out. A number
    beyond its column's bounds counts as the nearer one.

    Raises:
        InputInvalidError: a column is missing, or a value is no number, none of its column's, or
            missing; or a subject stands there twice. Says in which row, counted from 0.
        SubjectInvalidError: a subject is malformed.

    """
    from unseen.streams.owned_rows import Given, labels_of, own_of  # noqa: PLC0415 - with numpy

    subject = tuple(column.name for column in plan.subject_columns)
    columns = _columns(rows, (*subject, clause.label.name, *(one.name for one in clause.own)))
    binary = clause.family == "logistic"
    labels = labels_of(clause.label, columns[clause.label.name], binary=binary)
    own = own_of(clause.own, columns, len(labels))
    texts, names = _subjects(
        terms, plan, list(zip(*(columns[one] for one in subject), strict=True))
    )
    return Given.of(names, labels, own, texts)


def _columns(rows: Any, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the columns of these names, one value a row each."""
    if isinstance(rows, Mapping) or hasattr(rows, "keys"):
        found = {name: _listed(_named(rows, name)) for name in names}
    else:
        found = {name: list[Any]() for name in names}
        whole = hasattr(rows, "__iter__") and not isinstance(rows, (str, bytes))
        for number, row in enumerate(rows if whole else (rows,)):
            if not isinstance(row, Mapping):
                raise _refused(f"row {number} is no mapping of values by their columns", "rows")
            for name in names:
                cast("list[Any]", found[name]).append(_own(_named(row, name)))
    lengths = {len(column) for column in found.values()}
    if len(lengths) != 1:
        raise _refused("columns have different lengths", "rows")
    if lengths == {0}:
        raise _refused("there are no rows", "rows")
    return found


def _listed(column: Any) -> Sequence[Any]:
    found = column.tolist() if hasattr(column, "tolist") else column
    return [_own(value) for value in found]


def _own(value: Any) -> Any:
    """Return a value of numpy's as Python's own: a subject is none of the former."""
    return value.item() if hasattr(value, "item") else value


def _named(row: Any, name: str) -> Any:
    try:
        return row[name]
    except KeyError:
        raise InputInvalidError(
            f"the column {name} is missing",
            clause="features",
            remedy="see which columns there are: unseen train show CONTRACT",
        ) from None


def _subjects(
    terms: Terms, plan: Plan, rows: Sequence[Sequence[Any]]
) -> tuple[list[tuple[str, ...]], list[bytes]]:
    """Return subjects as people write them, and their digests as the node compares them."""
    suite, domain = suite_of(terms.suite), domain_of(terms.id())
    texts, known = [], dict[bytes, int]()
    for number, row in enumerate(rows):
        try:
            values = subject_values(plan.subject_columns, cast("Subject", tuple(row)))
            if "" in values:
                raise _refused(f"a value of the subject in row {number} is empty", "subject")
            data = suite.digest(encode_subject(plan.subject_columns, values, domain))
        except (TypeError, SubjectInvalidError) as error:
            raise SubjectInvalidError(
                f"row {number}: {error}",
                clause="subject",
                remedy=getattr(error, "remedy", "") or "give a value of the column's type",
            ) from None
        if (first := known.setdefault(data, number)) != number:
            raise _refused(f"rows {first} and {number} have the same subject", "subject")
        texts.append(subject_texts(values))
    return texts, list(known)


def _refused(why: str, clause: str) -> InputInvalidError:
    return InputInvalidError(
        why, clause=clause, remedy="give a row for each subject, by the names of its columns"
    )
