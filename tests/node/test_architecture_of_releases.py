"""Nobody goes around the gate: who may make a release, charge it, store it and hand it out.

Read from the source itself, so that a new module cannot do it unseen.
"""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

NODE = Path(__file__).parents[2] / "runtime/unseen/node"


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@cache
def calls() -> dict[str, set[str]]:
    """Return where each name is called, by module."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in NODE.rglob("*.py"):
        module = path.relative_to(NODE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found[name_of(node.func)].add(module)
    return found


def mentions(word: str) -> set[str]:
    """Return the modules in which a name or an attribute stands."""
    return {
        path.relative_to(NODE).as_posix()
        for path in NODE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.expr) and name_of(node) == word
    }


LATER = {"release/reviewing.py", "release/yielding.py"}  # by a person, or at a job's end
CHARGES = {"metering/charge.py", "metering/charged.py"}  # new ones, and those in the store
RECEIPTS_ALONE = {"metering/metered.py", "audit/evidence.py"}


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("Released", {"release/gate.py"}),  # what may leave
        ("let_out", {"release/reviewing.py"}),  # ... past a person
        ("Charge", {"metering/paying.py", *LATER}),  # what is paid for
        (
            "Charged",
            {"metering/charge.py", "metering/charged.py", *RECEIPTS_ALONE},
        ),  # what is kept of it
        ("seal_result", {"jobs/driver.py"}),  # takes nothing but what the gate made
        ("open_result", {"jobs/serving.py", "release/reviewing.py"}),
        ("JobReview", {"release/holding.py", "release/reviewing.py"}),  # a job's result is passed
        ("Answer", {"metering/paying.py"}),  # what is handed to a service
        ("ReleaseLeaf", {"metering/charge.py"}),  # what the log says has left
        ("EvaluateResponse", {"services/lookup.py"}),
        ("VerifyResponse", {"services/verify.py"}),
        ("AskResponse", {"services/statistics.py"}),
    ],
)
def test_each_step_of_the_way_out_has_one_place(name: str, modules: set[str]) -> None:
    assert calls()[name] == modules


def test_who_wants_a_receipt_alone_has_no_reply() -> None:
    for module in RECEIPTS_ALONE:
        for node in ast.walk(ast.parse((NODE / module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and name_of(node.func) == "Charged":
                assert ast.unparse(node.args[3]) == "()"


def test_the_seal_never_leaves_the_gate() -> None:
    assert mentions("_SEAL") == {"release/gate.py"}


def test_stored_replies_are_read_in_the_charge_alone() -> None:
    source = {
        path.relative_to(NODE).as_posix(): path.read_text(encoding="utf-8")
        for path in NODE.rglob("*.py")
        if "migrations" not in path.parts
    }
    readers = {module for module, text in source.items() if "row.reply" in text}
    assert readers == {"metering/charged.py"}
    sealed = {module for module, text in source.items() if "sealed_reply" in text}
    held = {"release/holding.py", "release/register.py", "store/schema_release.py"}
    given_again = {"privacy/answers.py", "privacy/charging.py", "store/schema_privacy.py"}
    assert sealed == held | given_again


def test_services_build_their_answers_from_nothing_else() -> None:
    for module in ("lookup", "verify", "statistics"):
        text = (NODE / f"services/{module}.py").read_text(encoding="utf-8")
        assert "unseen.node.jobs" not in text
        assert "executor" not in text
