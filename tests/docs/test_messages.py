"""docs/data_model.md says how long each message of a round is: held to rounds with drop-outs."""

import re
from pathlib import Path

import numpy as np
import pytest

from unseen.protocols.secagg.driver import cohort, drive_secagg
from unseen.protocols.secagg.wire import Step
from unseen.protocols.testing import seeded_rng

PAGE = (Path(__file__).parents[2] / "docs/data_model.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Messages of a round")[2].partition("\n## ")[0]
ROWS = re.findall(
    r"^\| (?:(\d) `([A-Z]+)`)? ?\| ([a-z, ]+) \| .* \| ([^|]+) \|$", SECTION, re.MULTILINE
)
TERM = re.compile(r"(\d+)(?: ([nmug]))?")


def size(formula: str, **counts: int) -> int:
    terms = [TERM.fullmatch(term.strip()) for term in formula.split("+")]
    assert all(terms), formula
    return sum(int(t[1]) * (counts[t[2]] if t[2] else 1) for t in terms if t)


def test_every_step_has_its_row() -> None:
    assert [(int(number), name) for number, name, _, _ in ROWS if number] == [
        (step.value, step.name) for step in Step
    ]


@pytest.mark.parametrize("count", [5, 10])
def test_messages_are_as_long_as_is_said(count: int) -> None:
    group = cohort(count, 3, 10, seeded_rng(1))
    values = {member.name: np.zeros(3, np.int32) for member in group.parameters.members}
    gone = {Step.MASKED: ["party-1"]}
    _, _, transcript = drive_secagg(group, values, seeded_rng(1), gone)
    counts = {"n": count, "m": count, "u": count - 1, "g": 1}
    found: dict[tuple[str, str], set[int]] = {}
    for message in transcript.messages:
        whose = "aggregator" if message.sender == "aggregator" else "party"
        # The words beside a masked vector's head are another part.
        parts = message.parts[:1] if message.name == "masked" else message.parts
        whole = sum(map(len, parts)) if message.name == "shares" else len(parts[0])
        found.setdefault((message.name.upper(), whose), set()).add(whole)
    name = ""
    for _, step, way, formula in ROWS:
        name = step or name
        whose = way.partition(",")[0]
        assert found[name, whose] == {size(formula, **counts)}, (name, whose)
