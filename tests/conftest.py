"""Refuses to start where the namespace would be closed."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("proto/gen", "protocols", "runtime")


def pytest_configure() -> None:
    closed = [root for root in SOURCE_ROOTS if (ROOT / root / "unseen/__init__.py").exists()]
    if closed:
        raise pytest.UsageError(f"delete unseen/__init__.py under {closed}: it hides the others")
