"""What the README marks is what is run."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[2] / "tools/check_readme.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_readme_under_test", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(TOOL.parent)
        spec.loader.exec_module(module)
    return module


def test_marked_blocks_are_found_in_order(tool: ModuleType) -> None:
    text = (
        "<!-- run -->\n```sh\none\ntwo\n```\n\n```sh\nnot this\n```\n<!-- run -->\n```sh\n3\n```\n"
    )
    assert tool.blocks(text) == ["one\ntwo\n", "3\n"]


@pytest.mark.parametrize("text", ["<!-- run -->\n\n```sh\none\n```\n", "<!-- run -->\ntext\n"])
def test_mark_without_a_block_is_an_error(tool: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="right below"):
        tool.blocks(text)


def test_newcomer_has_none_of_our_settings(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNSEEN_HOME", "somewhere")
    environment = tool.newcomer(tmp_path)
    assert environment["HOME"] == str(tmp_path)
    assert "UNSEEN_HOME" not in environment
