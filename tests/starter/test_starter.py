"""The starter: what it installs again and what not, and the one line it says when it cannot."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module, looking at an empty repository under `tmp_path`."""
    spec = importlib.util.spec_from_file_location("starter_under_test", ROOT / "tools/starter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements").mkdir()
    for name in ("setup.txt", "node.txt"):
        (tmp_path / "requirements" / name).write_text(f"{name}==1 \\\n    --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "REQUIREMENTS", tmp_path / "requirements")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    return module


@pytest.fixture
def installed(starter: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the installers; return the list of what they were asked to do."""
    asked: list[str] = []

    def run(path: Path, what: str, command: Sequence[str]) -> None:
        asked.append(what)
        (path / starter.LOG).touch()
        (path / "bin").mkdir(exist_ok=True)
        (path / "bin/python").touch()

    monkeypatch.setattr(starter, "run", run)
    return asked


def ensure(starter: ModuleType) -> Path:
    return Path(starter.ensure(starter.VENV, "setup.txt", "node.txt", project=True))


EVERYTHING = [
    "making .venv",
    "installing setup.txt (1 packages)",
    "installing node.txt (1 packages)",
    "installing unseen",
]


def test_first_start_installs_everything_and_the_second_nothing(
    starter: ModuleType, installed: list[str]
) -> None:
    assert ensure(starter) == starter.VENV / "bin/python"
    assert installed == EVERYTHING
    ensure(starter)
    assert installed == EVERYTHING


def test_changed_lock_is_installed_alone(starter: ModuleType, installed: list[str]) -> None:
    ensure(starter)
    installed.clear()
    (starter.REQUIREMENTS / "node.txt").write_text("node==2\nother==1\n")
    ensure(starter)
    assert installed == ["installing node.txt (2 packages)"]


def test_what_an_interrupted_start_has_done_is_kept(
    starter: ModuleType, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise starter.SetupError("no")

    with monkeypatch.context() as patch:
        patch.setattr(starter, "install_project", fail)
        with pytest.raises(starter.SetupError):
            ensure(starter)
    installed.clear()
    ensure(starter)
    assert installed == ["installing unseen"]


@pytest.mark.parametrize("damage", ["{", "[]", '{"python": "2.7"}'])
def test_unreadable_or_foreign_stamp_means_a_fresh_environment(
    starter: ModuleType, installed: list[str], damage: str
) -> None:
    ensure(starter)
    installed.clear()
    (starter.VENV / starter.STAMP).write_text(damage)
    ensure(starter)
    assert installed == EVERYTHING


def test_moved_repository_gets_a_fresh_environment(
    starter: ModuleType,
    installed: list[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ensure(starter)
    installed.clear()
    moved = tmp_path_factory.mktemp("moved") / "repository"
    shutil.copytree(tmp_path, moved)
    monkeypatch.setattr(starter, "ROOT", moved)
    monkeypatch.setattr(starter, "VENV", moved / ".venv")
    ensure(starter)
    assert installed == EVERYTHING


def test_environment_of_somebody_else_is_refused_and_left_alone(starter: ModuleType) -> None:
    starter.VENV.mkdir()
    (starter.VENV / "pyvenv.cfg").write_text("mine")
    with pytest.raises(starter.SetupError, match=r"not made by ./unseen"):
        ensure(starter)
    assert (starter.VENV / "pyvenv.cfg").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("./unseen", "./unseen"), ("unseen", "./unseen"), ("/a clone/unseen", "/a clone/unseen")],
)
def test_the_program_learns_how_it_was_called(
    starter: ModuleType, name: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str | None] = []
    monkeypatch.setenv("UNSEEN_LAUNCHER", "of another start")
    monkeypatch.setattr(sys, "argv", [name, "doctor"])
    monkeypatch.setattr(starter, "ensure", lambda *_, **__: Path("python"))
    monkeypatch.setattr(
        starter, "become", lambda *_: called.append(os.environ.get("UNSEEN_LAUNCHER"))
    )
    starter.main(["doctor"])
    assert called == [wanted]


def test_missing_venv_module_is_one_line_with_the_remedy(
    starter: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert starter.main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "apt install python3-venv" in said


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Caused by: dns error: failed to lookup address", "no network"),
        ("Temporary failure in name resolution", "no network"),
        ("Failed to fetch: invalid peer certificate: UnknownIssuer", "certificate that is not"),
        ("one\nTHESE PACKAGES DO NOT MATCH THE HASHES\n\n", "THESE PACKAGES DO NOT MATCH"),
        ("", "it said nothing"),
    ],
)
def test_failed_installer_is_one_line_with_the_likely_reason(
    starter: ModuleType, output: str, expected: str
) -> None:
    starter.VENV.mkdir()
    program = f"import sys; print({output!r}); sys.exit(1)"
    with pytest.raises(starter.SetupError, match=expected) as caught:
        starter.run(starter.VENV, "installing", [sys.executable, "-c", program])
    assert "\n" not in str(caught.value)
    assert str(starter.VENV / starter.LOG) in str(caught.value)


def test_pip_is_tried_where_uv_fails(
    starter: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (starter.VENV / "bin").mkdir(parents=True)
    (starter.VENV / "bin/uv").touch()
    commands: list[list[str]] = []

    def run(path: Path, what: str, command: list[str]) -> None:
        commands.append(command)
        if "uv" in Path(command[0]).name:
            raise starter.SetupError("uv failed")

    monkeypatch.setattr(starter, "run", run)
    starter.install_lock(starter.VENV, "node.txt")
    assert commands[1][1:3] == ["-m", "pip"]
    assert all("--require-hashes" in command for command in commands)
    assert capsys.readouterr().err == "unseen: uv failed; trying pip\n"


def test_second_start_waits_for_the_first(
    starter: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def second() -> None:
        with starter.exclusive(starter.VENV):
            order.append("second")

    waiting = threading.Thread(target=second)
    with starter.exclusive(starter.VENV):
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert "another start is setting up .venv" in capsys.readouterr().err


def test_folder_that_cannot_be_written_is_one_line(starter: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".venv").touch()
    with pytest.raises(starter.SetupError, match="cannot write to"):
        ensure(starter)


@pytest.mark.parametrize(
    ("arguments", "parallel"),
    [([], True), (["tests/cli"], True), (["-n0"], False), (["-n", "3"], False), (["--pdb"], False)],
)
def test_tests_run_on_all_cores_unless_told_otherwise(
    starter: ModuleType, arguments: list[str], parallel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    command = starter.test_command(arguments)
    assert command[: 2 + 2 * parallel] == ["-m", "pytest", *["-n", "auto"] * parallel]
    assert command[len(command) - len(arguments) :] == arguments


@pytest.mark.parametrize(("verb", "kept"), [("test", True), ("dev", False), ("doctor", False)])
def test_tests_keep_what_they_compile_within_the_environment(
    starter: ModuleType, verb: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str | None]] = []
    monkeypatch.setattr(os, "environ", {"PYTHONDONTWRITEBYTECODE": "1"})
    monkeypatch.setattr(os, "chdir", lambda _: None)
    monkeypatch.setattr(starter, "ensure", lambda *_, **__: Path("python"))
    names = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    monkeypatch.setattr(
        starter, "become", lambda *_: started.append([os.environ.get(name) for name in names])
    )
    starter.main([verb])
    assert started == [[None, str(starter.VENV / starter.BYTECODE)] if kept else ["1", None]]


def test_old_python_gets_one_line() -> None:
    program = (
        "import sys; sys.version_info = (3, 8, 1); sys.argv = ['unseen']; "
        f"exec(compile(open({str(ROOT / 'unseen')!r}).read(), 'unseen', 'exec'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("unseen: needs Python 3.11 or newer")
    assert done.stderr.count("\n") == 1


def test_starter_uses_no_syntax_that_an_old_python_refuses() -> None:
    tree = ast.parse((ROOT / "unseen").read_text(), feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.NamedExpr)]


def test_starts_from_any_folder_and_through_a_link(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "unseen", repository / "unseen")
    (repository / "tools/starter.py").write_text("def main(arguments): print(__file__, arguments)")
    link = tmp_path / "link"
    link.symlink_to(repository / "unseen")
    done = subprocess.run(
        [sys.executable, link, "demo", "--home", "a b"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{repository / 'tools/starter.py'} ['demo', '--home', 'a b']\n"
