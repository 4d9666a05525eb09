"""Visits as an encrypted training reads them, and the same rows made by hand in Python."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.node.counted import Row, World, offered, place, whole

from unseen.evidence import canonical
from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.contracts.statistics.definition import Condition, Definition
from unseen.evidence.contracts.training.clause import feature_of, label_of
from unseen.evidence.suite import suite_of
from unseen.node.consent.admission import subject_name
from unseen.node.consent.tree import sealer_of
from unseen.node.data.encrypted import Streamed
from unseen.node.data.listed import Listed, Reading
from unseen.node.data.names import PERMITTED
from unseen.node.jobs import frames
from unseen.node.statistics.asked import Room, featured_counting
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.train.spec import Feature

Reals = NDArray[np.float64]
NAMES = ("ward", "age", "cost")
SUBJECT = (SubjectColumn("visit", "integer"),)
DOMAIN = b"contract"
SECRET = b"s" * 32
COLUMNS = 1 + 3 + 3 + 1


def ignore(_rows: int) -> None:
    """Hear of no progress."""


def features(definition: Definition, names: Sequence[str] = NAMES) -> tuple[Feature, ...]:
    """Return entries of the menu as features."""
    found = [feature_of(definition.menu, name) for name in names]
    return tuple(one for one in found if one is not None)


def reading(
    world: World,
    label: str = "stayed",
    *,
    names: Sequence[str] = NAMES,
    definition: Definition | None = None,
    count: int | None = None,
    **changes: Any,
) -> Reading:
    """Return what is read of the visits, each a person; without a label it is the buyer's."""
    definition = definition or offered(1, by_visit=True)
    clause = clause_of(label, definition, names)
    menu = definition.behind(label) if label else None
    spool = world.folder / "spool"
    spool.mkdir(exist_ok=True)
    return Reading(
        counting=featured_counting(
            clause.features if clause.vertical else (*clause.features, clause.label),
            definition,
            world.tables()[""],
            Room(spool, 256, permitted=False),
        ),
        clause=clause,
        count=len(world.visits) if count is None else count,
        condition=menu.expression if isinstance(menu, Condition) else "",
        **changes,
    )


def clause_of(
    label: str, definition: Definition, names: Sequence[str] = NAMES, **changes: Any
) -> Encrypted:
    """Return a clause over visits; without a label it is the buyer's."""
    told = label_of(definition.menu, label) if label else None
    fields: dict[str, Any] = {
        "family": "linear" if label == "days" else "logistic",
        "features": features(definition, names),
        "label": told or Feature(name="of the buyer's"),
        "vertical": not label,
        "norm": "2",
        "reach": "8",
        "iterations": 3,
        "rho": "0.1",
        "least_rows": 100,
        "most_rows": 20_000,
    }
    return Encrypted(**fields | changes)


def read(asked: Reading, secret: bytes = b"", each: int = 8192) -> tuple[Reals, Reals]:
    """Return all rows, read in blocks of `each`."""
    rows = Streamed(asked, secret, ignore)
    blocks = [
        rows.block(start, min(start + each, rows.count)) for start in range(0, rows.count, each)
    ]
    values, labels = zip(*blocks, strict=True)
    return np.concatenate(values), np.concatenate(labels)


def seen(row: Row, names: Sequence[str] = NAMES) -> list[float] | None:
    """Return what a training sees of a visit's features; None where one is missing."""
    menu, found = offered(1, by_visit=True).menu, [1.0]
    for name in names:
        dimension, measure = menu.dimension(name), menu.measure(name)
        if dimension is not None:
            at = place(row[name], dimension)
            if at is None:
                return None
            found += [float(at == other) for other in range(len(dimension.bins))]
        elif measure is not None:
            number = whole(row[name], measure)
            if number is None:
                return None
            low, high = measure.low, measure.high
            found.append((2 * number - low - high) / (high - low))
    return found


def label(row: Row, name: str = "stayed") -> float | None:
    """Return what a training sees of a visit's label."""
    if name == "stayed":
        return None if row["days"] is None else float(row["days"] > 0)
    wide = seen(row, [name])
    return None if wide is None else wide[1]


def by_hand(
    world: World, name: str = "stayed", serves: Callable[[Row], bool] = lambda _row: True
) -> list[tuple[float, ...]]:
    """Return rows with their labels, zeros where one does not serve, in ascending order."""
    found, width = [], len(seen(GOOD) or ())
    for row in world.visits:
        values, told = seen(row), label(row, name)
        if values is None or told is None or not serves(row):
            found.append((0.0,) * (width + 1))
        else:
            found.append((*values, told))
    return sorted(found)


def hash_of(visit: int) -> bytes:
    """Return how a buyer names a visit."""
    return suite_of("intl").digest(encode_subject(SUBJECT, [visit], DOMAIN))


def listed(folder: Path, hashes: Sequence[bytes], **changes: Any) -> Listed:
    """Write a buyer's list."""
    path = folder / "rows"
    path.write_bytes(b"".join(hashes) + b"what comes behind")
    made = Listed(path, SUBJECT, DOMAIN, "intl")
    return replace(made, **changes)


def permit(asked: Reading, world: World, visits: Sequence[int]) -> Reading:
    """Write down who consents, and return what is read of them alone."""
    sealer = sealer_of(SECRET)
    with (asked.counting.spool / PERMITTED).open("wb") as file:
        for at in visits:
            sealed = sealer.seal(subject_name(f"consent{at}"), canonical.encode([str(at)]))
            file.write(frames.framed(frames.pack([f"consent{at}".encode(), sealed])))
    subject = world.tables()[""].subject
    return replace(asked, counting=replace(asked.counting, permitted=subject))


GOOD: Row = {"visit": 0, "patient": 0, "ward": "east", "age": 1.0, "cost": 1.0, "days": 1}
