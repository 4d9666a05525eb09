"""docs/release_gate.md quotes every rule as it is, with its verdict."""

import re
from pathlib import Path

from unseen.node.release.examine import RULES, WORDS
from unseen.node.release.rules import Outcome

PAGE = (Path(__file__).parents[2] / "docs/release_gate.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z._]+)` \| (\w+) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_every_rule_stands_in_the_page_as_in_the_code() -> None:
    rows = {name: (verdict, text, text_zh) for name, verdict, text_zh, text in ROW.findall(PAGE)}
    outcomes = {rule.id: rule.outcome for rule in RULES}
    assert rows == {
        name: (outcomes.get(name, Outcome.REFUSE).word, text, text_zh)
        for name, (text, text_zh) in WORDS.items()
    }
