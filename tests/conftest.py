"""Refuses to start where the namespace would be closed; gives hypothesis its time; samples.

Tests marked `sampled` have many cases that are alike, such as points at which a node is killed:
a third of the cases is drawn from `UNSEEN_TEST_SEED` (1), always the same for a seed and at least
one for each test. Tests marked `long` take half a minute or more: examples and benches as a user
runs them. `./unseen test -m long` runs those, `UNSEEN_TEST_ALL=1 ./unseen test` every case of all,
and a test that is named, or whose folder is, is run.
"""

import hashlib
import os
import signal
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
import typer.main
import typer.testing
from hypothesis import settings

from unseen.client.queries import epochs

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("proto/gen", "protocols", "runtime")

# No deadline an example: a shared core is slow at times. Under CI hypothesis' own profile holds,
# which has none either and takes the same examples in each run.
settings.register_profile("unseen", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("unseen")
# A command line is put together once: typer does so for each call, which takes longer than most.
vars(typer.testing).update(_get_command=cache(typer.main.get_command))
# A small table is built in less than what a client waits before it asks again.
vars(epochs).update(_BUILD_PAUSE=0.05)


def pytest_configure() -> None:
    closed = [root for root in SOURCE_ROOTS if (ROOT / root / "unseen/__init__.py").exists()]
    if closed:
        raise pytest.UsageError(f"delete unseen/__init__.py under {closed}: it hides the others")
    # A shell that starts the tests in the background has them ignore what its keyboard sends, and
    # all that they start too; some tests interrupt what they started.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Nodes of the tests share compiled kernels; each with a home of its own would compile them.
    os.environ.setdefault("UNSEEN_KERNEL_CACHE", str(Path.home() / ".cache/unseen/kernels"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes run tests: where they wait for a node's disk, others go on."""
    return max(2, len(os.sched_getaffinity(0)) * 3 // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "UNSEEN_TEST_ALL" in os.environ or any("::" in word for word in config.args):
        return
    left_out = unsampled(items, os.environ.get("UNSEEN_TEST_SEED", "1"))
    everything = {Path(word).resolve() for word in config.args} <= {ROOT, ROOT / "tests"}
    if everything and not config.option.markexpr:
        left_out |= {item for item in items if item.get_closest_marker("long")}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def unsampled(items: list[pytest.Item], seed: str) -> set[pytest.Item]:
    """Return two thirds of the `sampled` cases of each test, rounded down."""
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled"):
            cases[item.nodeid.split("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for each in cases.values():
        each.sort(key=lambda item: hashlib.sha256(f"{seed} {item.nodeid}".encode()).digest())
        left_out.update(each[: len(each) * 2 // 3])
    return left_out
