"""Every README of an example runs what is there, and names the test that runs it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = sorted((ROOT / "examples").glob("[0-9]*/README.md"))
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
SCRIPT = re.compile(r"examples/[\w/]+\.py")
TEST = re.compile(r"`(tests/examples/\w+\.py)`")


@pytest.mark.parametrize("page", README, ids=lambda page: page.parent.name)
def test_what_a_readme_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert blocks
    for block in blocks:
        for script in SCRIPT.findall(block):
            assert (ROOT / script).is_file(), script
    for test in TEST.findall(text):
        assert (ROOT / test).is_file(), test
    for link in re.findall(r"\]\(([^):#]+)\)", text):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", README, ids=lambda page: page.parent.name)
def test_every_script_of_an_example_is_in_its_readme(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for script in page.parent.glob("*.py"):
        assert f"`{script.name}`" in text or script.name in "".join(BLOCK.findall(text)), script
