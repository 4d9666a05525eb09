"""Encrypted scoring by a linear model: the client, the server and its limits, and TenSEAL's ways.

All of it in one run over the same samples. Ours and SEAL's calls hide the model from the key owner;
TenSEAL's vectors do not.
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
    "features": 30,
    "samples": 8192,
    "grid": 16,  # bits of a feature behind the point, as of a weight
    "weights": 16,
    "precision": 14,  # scores come back within 2^-14: better than 1e-4
    "answers": 1024,  # ciphertexts that return in a contract
    "few": 4,  # samples of what takes a ciphertext for each
    "baselines": 2,  # 1: SEAL's calls alone, 0: none
    "job": 0,  # 1: a run as a node has it, over files, in a process of its own
    "memory_mb": 256,  # what that process may have
    "seed": SEED,
}


@contextmanager
def groups(settings: Settings) -> Iterator[Iterator[Group]]:
    """Hand out the groups.

    Raises:
        InputInvalidError: no features or samples, scores that no ring holds, or a library that is
            not installed.

    """
    one_thread()  # before numpy is there
    try:
        from unseen.bench import scoring  # noqa: PLC0415 - needs numpy
    except ModuleNotFoundError:
        raise InputInvalidError(
            "this bench needs numpy", clause="bench.score", remedy="install unseen[he]"
        ) from None
    with tempfile.TemporaryDirectory(prefix="unseen-bench-") as folder:
        yield scoring.groups(settings, Path(folder))


BENCH = Bench(
    "score",
    "encrypted scoring by a linear model, beside SEAL's calls and TenSEAL's vectors",
    DEFAULTS,
    groups,
    size="samples",
)
