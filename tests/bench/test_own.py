"""A protocol that somebody brings: found by path or entry point, and refused in clear words."""

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from unseen.bench import own
from unseen.bench.main import app
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
class Sizes(NoModel):
    threat_model, security_bits = "none", 0
    def first(self, given, rng): return int.from_bytes((yield given))
    def second(self, given, message, rng): yield given
    def inputs(self, size, rng): return bytes([size]), bytes([size + 1])
    def check(self, given, learnt): assert learnt[0] == given[1][0], "a size is wrong"
class Wrong(Sizes):
    def second(self, given, message, rng): yield message
class NoCheck(Sizes):
    check = None
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


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "broken", raising=False)


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, ["run", "pair", *words])


@pytest.mark.usefixtures("here")
def test_any_task_of_two_parties_is_measured() -> None:
    done = ask(
        "--protocol",
        "broken:Sizes",
        "--sweep",
        "3,9",
        "--set",
        "net=wan:1s,1mbps",
        "--repeats",
        "1",
        "--format",
        "json",
    )
    found = {(one["name"], one["params"]["n"]): one for one in json.loads(done.stdout)}
    assert {size for _, size in found} == {3, 9}
    one, wan = found["pair/Sizes", 9], found["pair/Sizes/wan", 9]
    assert (one["bytes_up"], one["bytes_down"], one["rounds"], one["note"]) == (1, 1, 1, "checked")
    assert 1 < wan["wall_s"] < 2


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--protocol", "broken:Wrong"], "a size is wrong"),
        (["--protocol", "broken:NoCheck"], "no method 'check'"),
        (["--protocol", "unseen.bench.naive:Naive"], "no method 'inputs'"),
        ([], "nothing is named"),
    ],
)
def test_what_is_no_task_is_refused(words: list[str], said: str) -> None:
    refused = ask("--set", "n=5", "--repeats", "1", *words).exception
    assert isinstance(refused, InputInvalidError)
    assert said in str(refused)
    assert refused.clause == "bench.protocol"
