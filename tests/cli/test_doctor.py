"""`unseen doctor`: every library that the package asks for, budgets of privacy, what waits."""

import importlib.metadata
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unseen.cli.commands import doctor

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def names(requirements: list[str]) -> set[str]:
    return {requirement.partition(">")[0] for requirement in requirements}


def found() -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor._installation()}


def test_every_library_is_looked_for() -> None:
    said = {name: set(check.found.split(", ")) for name, check in found().items()}
    assert said["client libraries"] == names(PROJECT["dependencies"])
    assert said["node libraries"] == names(PROJECT["optional-dependencies"]["node"])
    assert said["kernel libraries"] == names(PROJECT["optional-dependencies"]["kernels"])
    assert said["scoring libraries"] == names(PROJECT["optional-dependencies"]["he"])


@pytest.mark.parametrize(
    ("library", "what", "state"),
    [
        ("grpcio-status", "client libraries", "fail"),
        ("grpcio-reflection", "node libraries", "note"),
        ("numba", "kernel libraries", "note"),
        ("tenseal", "scoring libraries", "note"),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, library: str, what: str, state: str
) -> None:
    version = importlib.metadata.version

    def without(name: str) -> str:
        if name == library:
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    check = found()[what]
    assert (check.found, check.state) == (library, state)
    assert check.remedy


def node_of(
    role: str = "operator", *, products: Any = (), ledgers: Any = (), waiting: Any = ()
) -> Any:
    return SimpleNamespace(
        profile=SimpleNamespace(role=role),
        products=lambda: [SimpleNamespace(table=table, kind=kind) for table, kind in products],
        privacy_ledgers=lambda: list(ledgers),
        reviews=lambda: [SimpleNamespace(expires_at=until) for until in waiting],
    )


def ledger(table: str, epsilon: str, spent: str, left: int) -> Any:
    return SimpleNamespace(table=table, epsilon=epsilon, spent_epsilon=spent, left=left)


def test_a_table_that_noise_is_asked_of_has_a_budget_or_is_named() -> None:
    products = [("study", "statistics"), ("loans", "train"), ("firms", "lookup")]
    ledgers = [
        ledger("loans", "6", "1.5", 7),
        ledger("old", "4", "4", 0),
        ledger("bare", "", "", 0),
    ]
    checks = list(doctor._privacy(node_of(products=products, ledgers=ledgers)))
    assert {check.name for check in checks} == {"privacy"}
    assert [(check.state, check.found) for check in checks] == [
        ("note", "table bare has no budget: nothing with noise leaves"),
        ("ok", "table loans: epsilon 1.5 of 6 is spent"),
        ("note", "table old: epsilon 4 of 4 is spent: nothing with noise leaves any more"),
        ("note", "table study has no budget: nothing with noise leaves"),
    ]
    assert checks[-1].remedy == "unseen table budget study --epsilon E --delta D"
    fresh = doctor._privacy(node_of(ledgers=[ledger("new", "4", "", 9)]))
    assert [check.found for check in fresh] == ["table new: epsilon 0 of 4 is spent"]


@pytest.mark.parametrize("role", ["operator", "approver"])
def test_what_waits_for_this_party_is_counted_with_the_first_end(role: str) -> None:
    def said(*waiting: str) -> list[tuple[str, str]]:
        found = doctor._reviews(node_of(role, waiting=waiting))
        return [(check.state, check.found) for check in found]

    assert said() == [("ok", "none waits")]
    assert said("2026-01-02T00:00:00Z") == [("note", "1 waits until 2026-01-02T00:00:00Z")]
    assert said("2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z") == [
        ("note", "2 wait, the first until 2026-01-02T00:00:00Z")
    ]


@pytest.mark.parametrize("role", ["buyer", "hub", "auditor"])
def test_others_are_not_asked_what_they_may_not_see(role: str) -> None:
    client = SimpleNamespace(profile=SimpleNamespace(role=role))  # any call would fail
    assert not [*doctor._privacy(client), *doctor._reviews(client)]  # type: ignore[arg-type]
