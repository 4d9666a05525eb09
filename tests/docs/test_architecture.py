"""docs/architecture.md names files and functions that exist, and every folder of the node."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
STEPS = re.findall(r"^\| (\d+) \| `([^`]+)` \| `([^`]+)` \|", PAGE, re.MULTILINE)


def test_steps_are_numbered() -> None:
    assert [int(number) for number, _, _ in STEPS] == list(range(1, len(STEPS) + 1))


@pytest.mark.parametrize(("file", "function"), [step[1:] for step in STEPS])
def test_step_is_where_the_page_says(file: str, function: str) -> None:
    assert re.search(rf"\bdef {function}\(", (ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "part", ["protocols/unseen/evidence", "runtime/unseen/client", "runtime/unseen/node"]
)
def test_every_folder_is_a_room(part: str) -> None:
    for folder in (ROOT / part).iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            assert f"| `{folder.name}/` |" in PAGE, folder.name


def test_every_part_is_named() -> None:
    for root in ("protocols", "runtime"):
        for part in (ROOT / root / "unseen").iterdir():
            if part.is_dir() and part.name != "__pycache__":
                assert f"`unseen.{part.name}`" in PAGE, part.name
