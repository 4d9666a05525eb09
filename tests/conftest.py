"""Refuses to start where the namespace would be closed; gives hypothesis its time."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("proto/gen", "protocols", "runtime")

# No deadline an example: a shared core is slow at times. Under CI hypothesis' own profile holds,
# which has none either and takes the same examples in each run.
settings.register_profile("unseen", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("unseen")


def pytest_configure() -> None:
    closed = [root for root in SOURCE_ROOTS if (ROOT / root / "unseen/__init__.py").exists()]
    if closed:
        raise pytest.UsageError(f"delete unseen/__init__.py under {closed}: it hides the others")
