"""A protocol that somebody brings: found by path or entry point, and refused in clear words."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from unseen.bench import own
from unseen.bench.naive import Naive
from unseen.protocols.errors import InputInvalidError

BROKEN = """
class Silent:
    threat_model, security_bits = "none", 0
class NoSteps(Silent):
    def first(self, given, rng): return b""
    def second(self, given, message, rng): yield b""
class NoModel:
    def first(self, given, rng): yield b""
    def second(self, given, message, rng): yield b""
class NoMaking(NoModel):
    def __init__(self): raise OSError("no disk")
"""


def test_a_class_is_found_by_its_path() -> None:
    assert isinstance(own.load("unseen.bench.naive:Naive"), Naive)


def test_a_class_is_found_in_the_present_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brought_here.py").write_text(
        "from unseen.bench.naive import Naive\nclass Mine(Naive): pass\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert type(own.load("brought_here:Mine")).__name__ == "Mine"


def test_a_class_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("naive", "unseen.bench.naive:Naive", own.ENTRY_POINTS)

    def named(*, group: str, name: str) -> list[EntryPoint]:
        return [point] if (group, name) == (point.group, point.name) else []

    monkeypatch.setattr(own, "entry_points", named)
    assert isinstance(own.load("naive"), Naive)
    with pytest.raises(InputInvalidError, match="no package has an entry point"):
        own.load("other")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:Class", "cannot be imported"),
        ("broken:Nothing", "cannot be imported"),
        (":", "cannot be imported"),
        ("broken:Silent", "generator function 'first'"),
        ("broken:NoSteps", "generator function 'first'"),
        ("broken:NoModel", "threat_model"),
        ("broken:NoMaking", "no disk"),
    ],
)
def test_what_is_no_protocol_is_refused(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(InputInvalidError, match=words) as refused:
        own.load(name)
    assert refused.value.clause == "bench.protocol"
    assert "docs/research.md" in refused.value.remedy
