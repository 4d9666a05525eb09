"""What the demo's stories say: the same in both languages, and nothing that is never said."""

import re
import string
from pathlib import Path

import pytest

from unseen.cli import demo
from unseen.cli.demo import Story
from unseen.cli.demo.applicant import script as applicant
from unseen.cli.demo.applicant.texts import TEXTS as APPLICANT
from unseen.cli.demo.colleges import script as colleges
from unseen.cli.demo.colleges.texts import TEXTS as COLLEGES
from unseen.cli.demo.hospitals import script as hospitals
from unseen.cli.demo.hospitals.texts import TEXTS as HOSPITALS

CODE = Path(demo.__file__).parent
TEXTS = {Story.APPLICANT: APPLICANT, Story.COLLEGES: COLLEGES, Story.HOSPITALS: HOSPITALS}
LEARNERS = {"operator", "buyer", "network", "auditor"}
# Keys that are put together where they are said.
CLOSING = {
    Story.APPLICANT: ("held", "answered", "unseen", "guarded", "cost"),
    Story.COLLEGES: ("held", "asked", "answered", "unseen", "cost"),
    Story.HOSPITALS: ("held", "got", "unseen", "cost"),
}
COMPUTED = {
    Story.APPLICANT: {
        *applicant.STEPS,
        *(one.answer for one in applicant.APPLICANTS),
        *("message", "reason", "clause", "remedy"),
    },
    Story.COLLEGES: {
        *colleges.STEPS,
        *(plot.answer for plot in colleges.PLOTS),
        *("cost.data", "cost.service", "message", "reason", "clause", "remedy"),
    },
    Story.HOSPITALS: {
        *hospitals.STEPS,
        *hospitals.PURPOSES,
        *("message", "reason", "clause"),
    },
}


def fields(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name})


@pytest.mark.parametrize(
    ("story", "key"), [(story, key) for story, each in TEXTS.items() for key in sorted(each.all)]
)
def test_every_text_says_the_same_in_both_languages(story: Story, key: str) -> None:
    each = TEXTS[story].all[key]
    assert each.keys() == {"en", "zh"}
    assert each["en"].replace("±", "").isascii()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in each["zh"])
    assert fields(each["en"]) == fields(each["zh"])
    assert each["en"].count("|") == each["zh"].count("|")


@pytest.mark.parametrize("story", Story)
def test_every_text_is_said_and_there_is_one_for_all_that_is_said(story: Story) -> None:
    code = "".join(path.read_text("utf-8") for path in sorted((CODE / story.value).glob("*.py")))
    literal = set(re.findall(r'(?:told|headings|_note)\(\s*"([^"]+)"', code))
    closing = {f"short.{name}{end}" for name in CLOSING[story] for end in ("", ".is")}
    assert literal | closing | COMPUTED[story] | LEARNERS == set(TEXTS[story].all)
