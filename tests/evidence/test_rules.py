"""The rule file: written in TOML, hashed as canonical JSON, read strictly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.governance import make_denial, make_rule, make_rules

from unseen.evidence.contracts.rules import (
    CATEGORIES,
    LEVELS,
    MAX_FILE_BYTES,
    RuleFile,
    parse_rules,
)
from unseen.evidence.errors import RulesInvalidError, SuiteUnknownError
from unseen.node.contracts.rules import default_text

RULE = """
[[rule]]
category = "public"
levels = ["1"]
kinds = ["verify"]
ciphertext = false
threat_model = "semi-honest"
group = 1
budget = ""
share = 0
approvals = ["operator"]
order = false
region = ""
consent = false
template = false
"""
HEAD = 'version = "1"\ntitle = "Rules"\ntitle_zh = "规则"\n'


def test_a_file_of_one_rule_denies_nothing(suite: Any) -> None:
    found = parse_rules((HEAD + RULE).encode(), suite.id)
    assert (found.suite, found.version, found.deny) == (suite.id, "1", ())
    assert found.rules[0].levels == ("1",)
    assert found.digest() == suite.digest(found.encode())
    assert RuleFile.from_json(found.to_json()) == found


def test_the_default_file_is_one(suite: Any) -> None:
    found = parse_rules(default_text(), suite.id)
    cells = {(rule.category, level) for rule in found.rules for level in rule.levels}
    assert cells == {(c, level) for c in CATEGORIES for level in ("1", "2", "3", "4")}
    assert {entry.name for entry in found.deny} >= {"personal-marketing"}


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("", "version"),
        (HEAD, "rules"),
        (HEAD + "other = 1\n" + RULE, "document"),
        (HEAD + RULE + "other = 1\n", "rules"),
        (HEAD + RULE.replace("order = false\n", ""), "rules.order"),
        (HEAD + RULE + RULE, "rules"),
        (HEAD + RULE.replace('["1"]', '["1", "1"]'), "rules.levels"),
        (HEAD + RULE.replace('["1"]', "[]"), "rules.levels"),
        (HEAD + RULE.replace('["1"]', "[1]"), "rules.levels"),
        (HEAD + RULE.replace('["1"]', '"1"'), "rules.levels"),
        (HEAD + RULE.replace('["verify"]', '["guess"]'), "rules.kinds"),
        (HEAD + RULE.replace("group = 1", "group = 0"), "rules.group"),
        (HEAD + RULE.replace("group = 1", "group = 1.0"), "rules.group"),
        (HEAD + RULE.replace('budget = ""', 'budget = "1.0"'), "rules.budget"),
        (HEAD + RULE.replace('budget = ""', "budget = 1.5"), "rules.budget"),
        (HEAD + RULE.replace('["operator"]', '["holder"]'), "rules.approvals"),
        (HEAD + RULE.replace("share = 0", "share = -1"), "rules.share"),
        (HEAD + RULE.replace("consent = false", "consent = 2020-01-01"), "rules.consent"),
        (HEAD.replace("version", "versión") + RULE, "document"),
        ("rule = 3\n" + HEAD, "rules"),
    ],
)
def test_what_is_no_rule_file_is_refused_by_field(text: str, clause: str) -> None:
    with pytest.raises(RulesInvalidError) as caught:
        parse_rules(text.encode(), "intl")
    assert caught.value.clause == clause


def test_what_is_no_toml_is_refused_with_the_place_and_without_the_words() -> None:
    with pytest.raises(RulesInvalidError, match="at line 2, column") as caught:
        parse_rules(b'version = "1"\ncanary = canary\n', "intl")
    assert "canary" not in str(caught.value)
    for data in (b"\xff", b"[" * 100_000, b"#" * (MAX_FILE_BYTES + 1)):
        with pytest.raises(RulesInvalidError) as other:
            parse_rules(data, "intl")
        assert other.value.clause == "document"


def test_a_suite_that_is_not_known_is_refused() -> None:
    with pytest.raises(SuiteUnknownError):
        parse_rules((HEAD + RULE).encode(), "sm")


def test_two_rules_for_one_label_are_none(world: Any) -> None:
    with pytest.raises(RulesInvalidError, match="repeats"):
        make_rules(world, rules=(make_rule(), make_rule(levels=("2", "3"))))
    with pytest.raises(RulesInvalidError, match="repeats"):
        make_rules(world, deny=(make_denial(), make_denial(text="other")))


@pytest.mark.parametrize(
    ("word", "purpose", "denied"),
    [
        ("marketing", "marketing", True),
        ("marketing", "Marketing", True),
        ("marketing", "ｍarketing", True),
        ("direct-marketing", "direct_marketing", True),
        ("marketing", "marketing-2", False),
        ("*-marketing", "tele-marketing", True),
        ("*-marketing", "marketing", False),
        ("*营销*", "精准营销活动", True),
        ("*", "anything", True),
    ],
)
def test_a_purpose_is_compared_without_case_and_width(
    word: str, purpose: str, denied: bool
) -> None:
    assert make_denial(purposes=(word,)).denies(purpose) is denied


@pytest.mark.parametrize("word", ["a?", "[a]", "a b", "", "a/b"])
def test_a_word_of_the_deny_list_has_no_other_signs(word: str) -> None:
    with pytest.raises(RulesInvalidError):
        make_denial(purposes=(word,))


@given(st.text(min_size=1, max_size=20))
def test_any_text_can_be_compared(purpose: str) -> None:
    assert make_denial(purposes=("*",)).denies(purpose)
    assert isinstance(make_denial().denies(purpose), bool)


def test_levels_are_in_order() -> None:
    assert LEVELS.index("4") < LEVELS.index("important") < LEVELS.index("core")
