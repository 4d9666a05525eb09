"""Pictures of docs/benchmarks.md are what the kept figures give, by one command."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "tools/bench_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = loaded()
KEPT = sorted(path.stem for path in TOOL.DATA.glob("*.json"))


def test_every_kept_file_is_a_picture() -> None:
    assert sorted(TOOL.PICTURES) == KEPT


@pytest.mark.parametrize("name", KEPT)
def test_a_picture_is_what_its_figures_give(name: str) -> None:
    assert (TOOL.FOLDER / f"{name}.svg").read_text(encoding="utf-8") == TOOL.drawn(name)


@pytest.mark.parametrize("name", KEPT)
def test_a_picture_stands_in_the_page(name: str) -> None:
    assert f"(pictures/{name}.svg)" in PAGE


def test_a_picture_is_measured_and_drawn_by_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TOOL, "FOLDER", tmp_path)
    monkeypatch.setattr(TOOL, "DATA", tmp_path / "data")
    assert TOOL.main(["--measure", "oprf", "--sizes", "4,8,16"]) == 0
    kept = json.loads((tmp_path / "data/oprf.json").read_text(encoding="utf-8"))
    assert {one["params"]["records"] for one in kept} == {4, 8, 16}
    assert "oprf/bulk: " in (tmp_path / "oprf.svg").read_text(encoding="utf-8")
    assert "--sweep 4,8,16" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        TOOL.main(["other"])
