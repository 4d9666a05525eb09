"""What every story is told on: a folder held for it, a screen, and processes that end with it."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unseen.cli.demo.folder import Folder, demo_folder
from unseen.cli.demo.processes import ending_in_order
from unseen.cli.demo.screen import Screen
from unseen.cli.failures import UsageError
from unseen.cli.output import Format
from unseen.cli.words import Language, present_language

if TYPE_CHECKING:
    from unseen.evidence.contracts.leakage import Leakage

ROOT: Final = Path(__file__).resolve().parents[4]
DATA: Final = ROOT / "examples" / "data"
DEFAULT_HOME: Final = ROOT / ".unseen" / "demo"


@contextmanager
def on_stage(
    folder: Folder, steps: Mapping[str, float], form: Format, say: Callable[[str], str] = str
) -> Iterator[Screen]:
    """Hold `folder` for one story, and show it; `steps` take so many seconds, about.

    `say` is how a step is called in the present language.

    Raises:
        UsageError: the folder is somebody else's.

    """
    screen = Screen(steps, quiet=form is Format.JSON, say=say)
    with ending_in_order(), demo_folder(folder), screen:
        yield screen


def here(home: Path | None) -> Path:
    """Return the folder of the demo: the one that was named, else that of the clone."""
    return _near(DEFAULT_HOME) if home is None else home


def data_file(path: Path) -> Path:
    """Return a file of `examples/data`.

    Raises:
        UsageError: this installation is not a clone of the repository.

    """
    if not path.is_file():
        raise UsageError(
            "the demo's table is not part of this installation",
            clause="demo",
            remedy="clone the repository and run ./unseen demo in it",
        )
    return path


def leak_rows(leakage: "Leakage", say: Callable[[str], str]) -> list[tuple[str, ...]]:
    """Return who learns what of a contract, and how much at most, in the present language."""
    chinese = present_language() is Language.ZH
    return [
        (
            say(line.party),
            line.text_zh if chinese else line.text,
            (chinese and line.bound_zh) or line.bound,
        )
        for line in leakage.statements
    ]


def typed(command: list[str]) -> str:
    """Return a command as it is typed here."""
    program = "./unseen" if Path.cwd() == ROOT else str(ROOT / "unseen")
    return shlex.join([program, *command])


def _near(path: Path) -> Path:
    """Return `path` as seen from here, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
