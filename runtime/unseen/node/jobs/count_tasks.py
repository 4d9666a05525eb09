"""Counting rows, noise, steps of trainings. Tasks of workers: parts in, parts out.

Modules that read tables are imported inside: a worker that only evaluates never loads DuckDB.
"""

import secrets
from fractions import Fraction

from unseen.evidence import canonical
from unseen.node.jobs.task import Progress, read_json


def count_noisy(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Counting as JSON -> each raw table's noisy numbers as decimal texts, as JSON.

    A second part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.data.counting import decode_counting  # noqa: PLC0415

    tables = statistics.count_noisy(
        decode_counting(read_json(parts[0])), b"".join(parts[1:]), secrets.token_bytes
    )
    return [canonical.encode([[str(number) for number in table] for table in tables])]


def count_plain(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Counting as JSON -> each raw table's numbers before any noise, as decimal texts, as JSON.

    A second part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.data.counting import decode_counting  # noqa: PLC0415

    tables = statistics.count_raw(decode_counting(read_json(parts[0])), b"".join(parts[1:]))
    return [canonical.encode([[str(number) for number in table] for table in tables])]


def add_noise(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Variances as JSON, then what `count_plain` found in parts -> noisy numbers as there."""
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.statistics.found import summed  # noqa: PLC0415

    sigmas = [Fraction(sigma2) for sigma2 in read_json(parts[0])]
    found = [[[int(number) for number in table] for table in read_json(part)] for part in parts[1:]]
    tables = statistics.add_noise(sigmas, summed(found), secrets.token_bytes)
    return [canonical.encode([[str(number) for number in table] for table in tables])]


def train_step(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """What to keep rows by, reading, as JSON, payload -> the step's vector, bytes that are kept.

    The vector is before any noise, eight bytes a number. A fourth part opens the spool's list of
    those who consent, where there is one.
    """
    from unseen.node.data import kept, training  # noqa: PLC0415
    from unseen.node.data.trained import decode_reading  # noqa: PLC0415

    keep, reading = read_json(parts[0]), decode_reading(read_json(parts[1]))
    key, most, secret = keep["key"], keep["most"], b"".join(parts[3:])
    vector = training.vector(reading, parts[2], secret, key=key, most=most)
    return [vector, str(kept.size_of(key)).encode()]


def attack_model(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Reading as JSON, model -> what an attack with the node's own rows finds in it, as JSON.

    A third part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import training  # noqa: PLC0415
    from unseen.node.data.trained import decode_reading  # noqa: PLC0415

    reading = decode_reading(read_json(parts[0]))
    found = training.attacked(reading, parts[1], b"".join(parts[2:]))
    return [canonical.encode(dict(found))]


def count_exact(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Counting as JSON -> persons in the table, and who is behind each number, as decimal texts.

    A second part opens the spool's list of those who consent, where there is one.
    """
    from unseen.node.data import statistics  # noqa: PLC0415
    from unseen.node.data.counting import decode_counting  # noqa: PLC0415
    from unseen.node.statistics.found import write_exact  # noqa: PLC0415

    found = statistics.count_exact(decode_counting(read_json(parts[0])), b"".join(parts[1:]))
    return [canonical.encode(write_exact(found))]


def hide_cells(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Sizes and columns of a table as JSON -> which cells are hidden, column by column, as JSON."""
    from unseen.node.statistics.exact import hide_encoded  # noqa: PLC0415

    return [canonical.encode(hide_encoded(read_json(parts[0])))]
