"""A process of its own for one step of a table build, as the node gives each step one.

    python -m unseen.bench.building table|register|fill|merge FOLDER

The one place of the benches that imports the node: its own worker tasks do the work here. What
the steps hand on lies in FOLDER as JSON; the answer, on standard output, is JSON too. The keys
are made from the bench's seed and open nothing but a made-up table.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from unseen.bench import machine
from unseen.bench.tabled import made_parameters
from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode
from unseen.node.data.source import Fingerprint, Source
from unseen.node.data.spec import BuildSpec, encode_spec
from unseen.node.jobs.table_tasks import fill_table, inspect_table, merge_table
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.oprf import keys
from unseen.protocols.testing import seeded_rng

Answer = dict[str, Any]


def table(folder: Path, settings: Answer) -> Answer:
    """Write a made-up table: an integer id, an amount, a name of 32 letters."""
    path = str(folder / "table.parquet")
    spread = 2654435761 + settings["seed"]  # Knuth's multiplicative hash
    query = (
        "SELECT range AS id, range * $spread % 100000 AS amount, md5(range::VARCHAR) AS name "
        "FROM range($rows)"
    )
    values = {"rows": settings["records"], "spread": spread}
    with duckdb.connect() as connection:
        connection.sql(query, params=values).write_parquet(path)
    return {}


def register(folder: Path, settings: Answer) -> Answer:
    """Read the table once and commit to its rows, as `table add` does."""
    ask = {
        "source": str(folder / "table.parquet"),
        "subject": ["id"],
        "memory_mb": settings["memory_mb"],
        "spool": str(_made(folder / "inspect")),
    }
    (found,) = inspect_table([canonical.encode(ask), salt_of(settings)], _quiet)
    return {"inspected": json.loads(found)}


def fill(folder: Path, settings: Answer) -> Answer:
    """Seal every row and drop it into its bucket."""
    spec = spec_of(folder, settings)
    ask = canonical.encode({"spec": encode_spec(spec), "part": 0, "parts": 1})
    fill_table([ask, key_of(settings).scalar, salt_of(settings)], _quiet)
    return {}


def merge(folder: Path, settings: Answer) -> Answer:
    """Sort the buckets into the table."""
    ask = canonical.encode({"spec": encode_spec(spec_of(folder, settings))})
    target = str(folder / "encrypted.table").encode()
    counts, _, _ = merge_table([ask, target], _quiet)
    return dict(json.loads(counts))


STEPS: dict[str, Callable[[Path, Answer], Answer]] = {
    step.__name__: step for step in (table, register, fill, merge)
}


def spec_of(folder: Path, settings: Answer) -> BuildSpec:
    """Return what is built; `register` has been done."""
    found = json.loads((folder / "register.json").read_text())["inspected"]
    return BuildSpec(
        source=Source.parse(str(folder / "table.parquet")),
        fingerprint=Fingerprint.from_json(found["fingerprint"]),
        subject=(SubjectColumn("id", "integer"),),
        predicates=(("large", "amount >= 50000"), ("even", "amount % 2 = 0")),
        columns=tuple(column["name"] for column in found["columns"]),
        snapshot=b64decode(found["snapshot"]),
        rows=found["rows"],
        parameters=made_parameters(settings["seed"]),
        spool=_made(folder / "spool"),
        memory_mb=settings["memory_mb"],
    )


def key_of(settings: Answer) -> keys.PrivateKey:
    """Return the key of the table."""
    return keys.generate(seeded_rng(settings["seed"]))


def salt_of(settings: Answer) -> bytes:
    """Return the salt of the snapshot."""
    return seeded_rng(settings["seed"])(32)


def _made(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def _quiet(_: int) -> None:
    return


def main(step: str, folder: Path) -> None:
    """Do one step; write and print its answer with the process' seconds and peak memory."""
    settings = json.loads((folder / "settings.json").read_text())
    started = time.perf_counter()
    answer = STEPS[step](folder, settings)
    answer |= {"seconds": time.perf_counter() - started, "peak_rss_mb": machine.peak_rss_mb()}
    (folder / f"{step}.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
