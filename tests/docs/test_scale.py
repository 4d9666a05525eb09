"""docs/scale.md's plan runs and prints what the page says; its rates are those of benches."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from unseen.bench.main import BENCHES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_plan_prints_what_the_page_says() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block("python"), "docs/scale.md", "exec"), {})  # noqa: S102 - our own page
    assert printed.getvalue() == block("text")


@pytest.mark.parametrize("command", re.findall(r"bench run (\w+)(?: --set (\w+))?", PAGE))
def test_commands_name_benches_and_what_they_can_be_set_to(command: tuple[str, str]) -> None:
    bench, key = command
    assert bench in BENCHES
    assert not key or key in {**BENCHES[bench].defaults, **BENCHES[bench].words}


@pytest.mark.parametrize("rate", ["104,068", "35,215", "320,010", "21,344"])
def test_rates_are_those_that_were_seen(rate: str) -> None:
    assert f"| {rate} |" in PAGE
    assert rate.replace(",", "_") in block("python")
    assert rate in FIGURES
