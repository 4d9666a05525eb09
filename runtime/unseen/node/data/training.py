"""A step's vector from a table's rows: Bonawitz et al. 2017, section 4, a party's own part.

Rows are read as for statistics: values clamped and rounded to whole numbers, one by one, and a row
in which anything is missing, or in no group, is left out. Each person is on one side, by a hash of
what names them: fitted on, or held out to measure with. Rows come in blocks, so that memory does
not grow with a table. What leaves the worker has no noise yet: whoever asks adds it, and masks it.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np

from unseen.node.data import source
from unseen.node.data.cells import PERSON, rows_sql
from unseen.node.data.connection import quoted
from unseen.node.data.featured import batches, opened, rows_of
from unseen.node.data.kept import Rows, blocks
from unseen.node.data.trained import Reading
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.train import Model, local_step, step_of
from unseen.protocols.train.attack import membership
from unseen.protocols.train.sides import HELD

if TYPE_CHECKING:
    from unseen.protocols.train import Spec

_ATTACKED: Final = 50_000


def vector(asked: Reading, payload: bytes, secret: bytes, *, key: str = "", most: int = 0) -> bytes:
    """Return the vector of the step that `payload` is for, as whole numbers of eight bytes.

    `secret` opens the spool's list of those who consent, where only they are counted. Rows that are
    fitted on are kept by `key`, where they take no more than `most` bytes.

    Raises:
        TableChangedError: a file is not the registered one.
        TableUnreadableError: it cannot be read within the memory given.
        PredicateFailsError: the label's condition raises an error on a row.

    """
    step = step_of(asked.spec, payload)
    total = np.zeros(step.dimension, np.int64)
    held, counting = step.kind == "evaluation", asked.counting

    def read() -> Iterator[Rows]:
        return rows(asked, secret, held=held)

    for features, labels in read() if held else blocks(key, most, read):
        total += local_step(asked.spec, payload, asked.party, features, labels)
    source.check_fingerprint(counting.source.path, counting.fingerprint)
    return total.astype("<i8").tobytes()


def attacked(asked: Reading, model: bytes, secret: bytes) -> dict[str, int]:
    """Return what an attack on a model finds: the fields of `Membership`.

    Members are rows that were fitted on, others those held out, 50,000 of each at most. Where there
    are too few of either for a report, only how many there are. Raises as `vector`.
    """
    sides = [_first(rows(asked, secret, held=held), asked) for held in (False, True)]
    try:
        return asdict(membership(Model.decode(model), asked.party, sides[0], sides[1]))
    except InputInvalidError:
        return {"members": len(sides[0][1]), "others": len(sides[1][1])}


def _first(blocks: Iterator[Rows], asked: Reading) -> Rows:
    """Return the first rows of one side."""
    found: list[Rows] = [(np.zeros((0, len(asked.spec.features))), np.zeros(0))]
    for features, labels in blocks:
        found.append((features, labels))
        if sum(len(each[1]) for each in found) >= _ATTACKED:
            break
    features = np.concatenate([each[0] for each in found])[:_ATTACKED]
    return features, np.concatenate([each[1] for each in found])[:_ATTACKED]


def rows(asked: Reading, secret: bytes, *, held: bool) -> Iterator[Rows]:
    """Yield features and labels of the rows of one side, in blocks; raises as `vector`."""
    spec, counting = asked.spec, asked.counting
    condition = spec.label.name if asked.label else ""
    with opened(counting, secret) as (connection, types):
        sql = rows_sql(counting, types, asked.label, side_of(spec, held=held))
        for batch in batches(connection, sql, condition):
            yield rows_of(batch, spec.features, spec.label, condition=bool(condition))


def side_of(spec: "Spec", *, held: bool) -> str:
    """Return the condition on a person's text for one side: the same at every node of a training.

    A person who is in the tables of several nodes under one name is on one side at all of them.
    It is `sides.held_out` in SQL.
    """
    drawn = f"substr(sha256({quoted(spec.digest)} || ':' || {PERSON}), 1, {len(HELD)})"
    return f"{drawn} {'<' if held else '>='} {quoted(HELD)}"
