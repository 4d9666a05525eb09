"""Steps of intersections. Tasks of workers: parts in, parts out.

Modules that read tables are imported inside: a worker that only evaluates never loads DuckDB.
"""

from pathlib import Path

from unseen.evidence import canonical
from unseen.evidence.contracts.intersection import Intersection
from unseen.evidence.suite import suite_of
from unseen.node.jobs.task import Progress, read_json
from unseen.protocols.group.elgamal import Share


def intersect_stretch(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading, set and bytes before it as JSON, session, scalar -> the file of a stretch of it."""
    from unseen.node.data import intersect, masking  # noqa: PLC0415

    ask = read_json(parts[0])
    task = masking.Task(intersect.decode_reading(ask, parts[1]), Path(ask["set"]))
    return [str(masking.stretch(task, ask["head"], parts[2], progress)).encode()]


def intersect_part(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading and set as JSON, session, scalar -> the file of a part of the table, masked.

    A fourth part is the run's key, where a sum is asked for.
    """
    from unseen.node.data import intersect, masking  # noqa: PLC0415

    ask = read_json(parts[0])
    task = masking.Task(intersect.decode_reading(ask, parts[1]), Path(ask["set"]))
    return [str(masking.part(task, b"".join(parts[3:]), parts[2], progress)).encode()]


def intersect_answer(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading and files as JSON, session, scalar -> counts of both sides as JSON, answer's digest.

    The files are those of the stretches and parts that were masked before, if any.
    """
    from unseen.node.data import intersect  # noqa: PLC0415

    ask = read_json(parts[0])
    done, suite = intersect.decode_parts(ask), intersect.suite_named(ask)
    reading = intersect.decode_reading(ask, parts[1])
    found = intersect.answer(reading, suite, parts[2], done, progress)
    return [canonical.encode({"items": found.items, "others": found.others}), found.digest]


def intersect_mask(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading, files as JSON, session, scalar, snapshot -> nothing; the folder has what to mix.

    Three parts more are the node's share of the run's key, where a sum is asked for.
    """
    from unseen.node.data import intersect, summed  # noqa: PLC0415

    ask, (session, scalar, snapshot) = read_json(parts[0]), parts[1:4]
    reading, done = intersect.decode_reading(ask, session), intersect.decode_parts(ask)
    if parts[4:]:
        summed.mask(reading, snapshot, Share(*parts[4:]), scalar, done, progress)
    else:
        intersect.mask(reading, snapshot, scalar, done, progress)
    return []


def intersect_count(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Folder, suite, clause, group and most as JSON, session -> what is released, as JSON.

    Three parts more are the node's share of the run's key, where a sum is asked for.
    """
    from unseen.node.data import intersect, summed  # noqa: PLC0415

    ask = read_json(parts[0])
    folder, clause = Path(ask["folder"]), Intersection.from_json(ask["clause"])
    if parts[2:]:
        share = Share(*parts[2:])
        closing = summed.Closing(folder, clause, ask["group"], ask["most"], parts[1], share)
        return [summed.close(closing, suite_of(ask["suite"]))]
    (rho,) = clause.costs
    return [canonical.encode(intersect.count(folder, rho, ask["most"], ask["group"]))]
