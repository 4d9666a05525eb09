"""docs/adr/ lists every decision, and each says context, outcome and costs."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs/adr"
LISTED = re.findall(
    r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| .+ \|$",
    (FOLDER / "README.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_every_page_is_listed_once() -> None:
    pages = sorted(path.name for path in FOLDER.glob("[0-9]*.md"))
    assert [name for _, name, _ in LISTED] == pages
    assert [int(number) for number, _, _ in LISTED] == list(range(1, len(pages) + 1))


@pytest.mark.parametrize(("number", "name", "title"), LISTED)
def test_page_has_its_parts(number: str, name: str, title: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text.startswith(f"# {number} {title}\n")
    for part in ("Context", "Outcome", "Costs"):
        assert f"**{part}.**" in text
