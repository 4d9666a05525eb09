"""A sample of the random edits; all 20,000 by `./unseen dev edits`."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unseen.bench.ledger import memory_ledger

TOOL = Path(__file__).parents[2] / "tools/edits.py"
EACH = 13


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("edits_under_test", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


EDITS = _load()


@pytest.fixture(scope="module")
def made() -> Any:
    return memory_ledger(1000)


@pytest.mark.sampled
@pytest.mark.parametrize("kind", EDITS.KINDS, ids=lambda kind: kind.__name__)
def test_every_edit_is_found(made: Any, kind: Any) -> None:
    files, ledger = made
    for number in range(EACH):
        editor = EDITS.Editor(files, ledger, random.Random(f"sample/{number}"))
        assert EDITS.missed(kind(editor), files, ledger) == ""


def test_what_is_not_edited_is_not_found(made: Any) -> None:
    files, ledger = made
    assert EDITS.missed(EDITS.Edit(dict(files)), files, ledger) == ""
    assert EDITS.missed(EDITS.Edit(dict(files)), {}, ledger) == "was not found"


def test_the_command_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert EDITS.main(["--count", "24", "--seed", "7", "--leaves", "200"]) == 0
    assert "24 edits, 0 missed" in capsys.readouterr().out


@pytest.mark.parametrize("name", EDITS.FILES)
def test_the_end_of_the_last_line_is_missed_in_every_file(made: Any, name: str) -> None:
    files, ledger = made
    assert EDITS.missed(EDITS.Edit(files | {name: files[name][:-1]}), files, ledger) == ""
