"""docs/threat_model.md quotes what is signed, lists every crash point, names tests that exist."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from unseen.evidence.log import MAX_LEAF_BYTES
from unseen.node.catalog.labels import MAX_EVALUATIONS
from unseen.node.failpoints import POINTS
from unseen.node.kinds import (
    consent_plan,
    encrypted_plan,
    intersect_plan,
    lookup_plan,
    match_plan,
    score_plan,
    statistics_plan,
    train_plan,
    verify_plan,
)
from unseen.node.server import MAX_MESSAGE_BYTES, _options
from unseen.protocols.he.training import disclosure
from unseen.protocols.oprf.suite import MAX_BATCH

if TYPE_CHECKING:
    from unseen.node.context import Node

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threat_model.md").read_text(encoding="utf-8")
ROOTS = "benchmarks|docs|examples|proto|protocols|requirements|runtime|tests|tools"
PATH = re.compile(rf"`((?:{ROOTS})/[^`* ]+)`")
SETTINGS = SimpleNamespace(settings=SimpleNamespace(max_streams=0))


@pytest.mark.parametrize(
    "plan",
    [
        *(lookup_plan, verify_plan, statistics_plan, train_plan),
        *(encrypted_plan, intersect_plan, score_plan),
    ],
    ids=["lookup", "verify", "statistics", "train", "encrypted", "intersect", "score"],
)
def test_leakage_is_quoted_as_it_is_signed(plan: object) -> None:
    statements = vars(plan)["STATEMENTS"]
    for line in statements:
        row = f"| {line.party} | `{line.what}` | {line.text} | {line.text_zh} | {line.bound} |"
        assert row in PAGE
    assert f"Holds if: {vars(plan)['THREAT_MODEL']}. Kept: {vars(plan)['RETENTION']}." in PAGE


def test_what_a_training_teaches_is_quoted_as_it_is_signed() -> None:
    section = PAGE.partition("### Training under encryption")[2].partition("\n### ")[0]
    for lesson in (disclosure.GRADIENTS, disclosure.COUNTS, disclosure.TRUST):
        cells = f"| `{lesson.what}` | {lesson.text} | {lesson.text_zh} | {lesson.bound} |"
        assert cells in section
    assert section.count("\n| ") == len(encrypted_plan.STATEMENTS) + 3 + 1


def test_a_count_holds_by_what_it_says() -> None:
    assert f"A count and a sum hold if: {intersect_plan.COUNT_THREAT_MODEL}." in PAGE


def test_leakage_of_a_hidden_table_is_quoted_as_it_is_signed() -> None:
    section = PAGE.partition("### Hidden lookup, `lwe_pir`")[2].partition("\n### ")[0]
    for line in lookup_plan.HIDDEN_STATEMENTS:
        row = f"| {line.party} | `{line.what}` | {line.text} | {line.text_zh} | {line.bound} |"
        assert row in section
    assert section.count("\n| ") == len(lookup_plan.HIDDEN_STATEMENTS) + 1


def test_what_a_match_says_instead_is_quoted_as_it_is_signed() -> None:
    section = PAGE.partition("### Match")[2].partition("\n### ")[0]
    own = ("ID",)
    rows = set()
    for kind, protocol, lines in (
        ("lookup", "oprf_table", lookup_plan.STATEMENTS),
        ("lookup", "lwe_pir", lookup_plan.HIDDEN_STATEMENTS),
        ("verify", "clear", verify_plan.STATEMENTS),
    ):
        plan: Any = SimpleNamespace(kind=kind, protocol=protocol, match=own)
        for line in set(match_plan.stated(lines, plan)) - set(lines):
            rows.add(
                f"| {line.party} | `{line.what}` | {line.text} | {line.text_zh} | {line.bound} |"
            )
    assert len(rows) == 4
    assert all(row in section for row in rows)
    assert section.count("\n| ") == len(rows) + 1


def test_what_is_kept_of_joint_statistics_is_quoted_as_it_is_signed() -> None:
    assert f"Kept under a joint clause: {statistics_plan.JOINT_RETENTION}." in PAGE
    assert f"Kept where it names a lead: {statistics_plan.LED_RETENTION}." in PAGE


def test_what_consent_adds_is_quoted_as_it_is_signed() -> None:
    for statements in consent_plan.STATEMENTS.values():
        for line in statements:
            row = f"| {line.party} | `{line.what}` | {line.text} | {line.text_zh} | {line.bound} |"
            assert row in PAGE


def test_every_crash_point_has_its_row() -> None:
    table = PAGE.partition("## Crash points")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `([a-z._]+)` \|", table, re.MULTILINE)) == POINTS


def test_limits_are_the_code_s() -> None:
    options = dict(_options(cast("Node", SETTINGS)))
    limits = dict(re.findall(r"^\| ([^|`]+) \| ([^|]+) \|$", PAGE, re.MULTILINE))
    assert (limits["message received"].startswith("1 MiB"), MAX_MESSAGE_BYTES) == (True, 1 << 20)
    assert options["grpc.max_metadata_size"] == 8 << 10
    assert options["grpc.absolute_max_metadata_size"] == 16 << 10
    assert limits["TLS handshake"] == f"{options['grpc.server_handshake_timeout_ms'] // 1000} s"
    assert limits["keepalive, its timeout"] == (
        f"{options['grpc.keepalive_time_ms'] // 1000} s,"
        f" {options['grpc.keepalive_timeout_ms'] // 1000} s"
    )
    idle = options["grpc.max_connection_idle_ms"] // 60_000
    age = options["grpc.max_connection_age_ms"] // 60_000
    assert limits["idle connection"] == f"{idle} min"
    assert limits["age of a connection"].startswith(f"{age} min")
    assert limits["elements in a request"] == str(MAX_BATCH)
    assert limits["leaf"] == f"{MAX_LEAF_BYTES} bytes"
    assert MAX_EVALUATIONS == 2**32


def test_every_path_that_a_page_names_exists() -> None:
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        for name in PATH.findall(text):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
