"""What the tools list by hand (modules held whole, groups of mutants) is there."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NAMES = {  # of a library that lives in an environment of its own
    "cosmic_ray": (),
    "cosmic_ray.commands": ("init",),
    "cosmic_ray.mutating": ("mutate_and_test",),
    "cosmic_ray.work_db": ("WorkDB", "use_db"),
    "cosmic_ray.work_item": ("MutationSpec", "TestOutcome", "WorkerOutcome"),
}


def tool(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "tools")
    for library, names in NAMES.items():
        module = ModuleType(library)
        vars(module).update(dict.fromkeys(names, object))
        monkeypatch.setitem(sys.modules, library, module)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


def test_every_group_names_modules_and_tests_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = tool("mutating", monkeypatch).GROUPS
    listed = [path for group in groups.values() for path in (*group.modules, *group.tests)]
    assert [path for path in listed if not (ROOT / path).exists()] == []


def test_every_pattern_of_what_is_covered_whole_finds_a_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patterns = tool("covered", monkeypatch).WHOLE
    assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []
