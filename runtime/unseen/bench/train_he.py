"""Training on encrypted weights: an iteration of both parties beside the same in the clear.

Times are of made-up rows, areas under the curve of real ones (`examples/data`). All in one run.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from unseen.bench.limits import one_thread
from unseen.bench.registry import SEED, Bench, Group, Settings
from unseen.protocols.errors import InputInvalidError

DEFAULTS: Final = {
    "rows": 100_000,
    "features": 30,
    "own": 10,  # columns of the buyer in a vertical training, beside those; 0: none of it
    "epsilon": 4,  # of the trainings on real data
    "real": 1,  # 0: without them
    "seed": SEED,
}


@contextmanager
def groups(settings: Settings) -> Iterator[Iterator[Group]]:
    """Hand out the groups.

    Raises:
        InputInvalidError: no such training, no `examples/data`, or a library that is not
            installed.

    """
    one_thread()  # before numpy is there
    try:
        from unseen.bench import encrypted  # noqa: PLC0415 - needs numpy
    except ModuleNotFoundError:
        raise InputInvalidError(
            "this bench needs numpy", clause="bench.train_he", remedy="install unseen[he]"
        ) from None
    with tempfile.TemporaryDirectory(prefix="unseen-bench-") as folder:
        yield encrypted.groups(settings, Path(folder))


BENCH = Bench(
    "train_he",
    "training on encrypted weights, of a secret model and vertical, beside the same in the clear",
    DEFAULTS,
    groups,
    size="rows",
)
