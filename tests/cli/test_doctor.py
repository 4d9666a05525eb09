"""`unseen doctor` looks for every library that the package asks for."""

import importlib.metadata
import tomllib
from pathlib import Path

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


@pytest.mark.parametrize(
    ("library", "what", "state"),
    [
        ("grpcio-status", "client libraries", "fail"),
        ("grpcio-reflection", "node libraries", "note"),
        ("numba", "kernel libraries", "note"),
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
