"""A process of its own for a run of encrypted scores, as the node gives each run one.

    python -m unseen.bench.batched write|score|check FOLDER

The node's own worker task does the work, over what `write` has put into FOLDER: a model, a context,
and ciphertexts of a block of rows again and again. Answers lie there as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.bench import machine
from unseen.evidence import canonical
from unseen.evidence.contracts.scoring import Scoring, Wanted
from unseen.evidence.suite import INTL
from unseen.node.data.model import offered
from unseen.node.data.source import take_fingerprint
from unseen.node.jobs.score_tasks import score_batches
from unseen.protocols.he.checks import back_bytes
from unseen.protocols.he.models import Feature, Model, line, to_onnx
from unseen.protocols.he.scorers import RowOwner

PRECISION: Final = "0.0001"
_DECIMALS: Final = 4
Answer = dict[str, Any]


def model_of(settings: dict[str, int]) -> Model:
    """Return a made-up model: weights of a normal distribution, columns between -1 and 1."""
    width = settings["features"]
    bound = 10**_DECIMALS
    features = tuple(
        Feature(name=f"x{place}", low=-bound, high=bound, decimals=_DECIMALS)
        for place in range(width)
    )
    weights = np.random.default_rng(settings["seed"]).normal(size=width)
    return line("linear", features, weights.tolist(), 0.25)


def write(folder: Path, settings: dict[str, int]) -> Answer:
    """Write the model, a key, its context, and a block's ciphertexts again and again."""
    model = model_of(settings)
    path = folder / "model.onnx"
    path.write_bytes(to_onnx(model, {}))
    clause = clause_of(model, settings)
    owner = RowOwner(clause.ring)
    block = b"".join(owner.encrypt(model.features, rows_of(clause, settings)))
    count = -(-settings["samples"] // clause.rows)
    (folder / "secret").write_bytes(owner.secret())
    (folder / "context").write_bytes(owner.context())
    with (folder / "batches").open("wb") as file:
        for _ in range(count):
            file.write(block)
    task: dict[str, canonical.Json] = {
        "suite": INTL.id,
        "source": str(path),
        "fingerprint": take_fingerprint(path).to_json(),
        "clause": clause.to_json(),
        "output": "",
        "reach": 0,
        "context": str(folder / "context"),
        "folder": str(folder),
        "responses": count,
        "memory_mb": settings["memory_mb"],
    }
    (folder / "task").write_bytes(canonical.encode(task))
    return {"batches": count, "up": count * len(block)}


def score(folder: Path, settings: dict[str, int]) -> Answer:
    """Score all of it, as a node's process does."""
    del settings
    started = time.perf_counter()
    score_batches([(folder / "task").read_bytes()], lambda _: None)
    return {"seconds": time.perf_counter() - started, "peak_rss_mb": machine.peak_rss_mb()}


def check(folder: Path, settings: dict[str, int]) -> Answer:
    """Open the last answer, and say how far it is off."""
    model = model_of(settings)
    clause = clause_of(model, settings)
    owner = RowOwner(clause.ring, (folder / "secret").read_bytes())
    answer = (folder / "answer").read_bytes()
    found = owner.decrypt(answer[-back_bytes(clause.ring) :], clause.rows)
    off = np.abs(found - model.predictor(rows_of(clause, settings))).max()
    return {"down": len(answer), "off": float(off)}


STEPS: dict[str, Callable[[Path, dict[str, int]], Answer]] = {
    step.__name__: step for step in (write, score, check)
}


def clause_of(model: Model, settings: dict[str, int]) -> Scoring:
    """Return what a contract over the model says."""
    wanted = Wanted(features=model.features, precision=PRECISION, most=settings["answers"])
    return offered(model, wanted).only(settings["answers"])


def rows_of(clause: Scoring, settings: dict[str, int]) -> NDArray[np.float64]:
    """Return the block's rows."""
    chance = np.random.default_rng(settings["seed"])
    return chance.uniform(-1, 1, (clause.rows, clause.model.columns))


def main(step: str, folder: Path) -> None:
    """Do one step; write down its answer."""
    settings = json.loads((folder / "settings.json").read_text())
    (folder / f"{step}.json").write_text(json.dumps(STEPS[step](folder, settings)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
