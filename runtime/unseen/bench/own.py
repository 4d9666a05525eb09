"""Somebody's own protocol, found by its import path or its entry point."""

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, cast

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Task, TwoParty

ENTRY_POINTS: Final = "unseen.protocols"
_REMEDY: Final = "give package:Class, or the name of an entry point; see docs/research.md"


def load(text: str) -> TwoParty:
    """Return a fresh object of the class that `text` names.

    `package.module:Class` is imported, with the present folder on the path as for `python -m`; a
    text without a colon is the name of an entry point of the group `unseen.protocols`. It runs in
    this process with all its rights: name only what you would start yourself.

    Raises:
        InputInvalidError: there is none, or it is no protocol of two parties.

    """
    made = _entry_point(text) if ":" not in text else _imported(text)
    try:
        found = made()
    except Exception as error:
        raise _refused(f"{text!r} cannot be made: {error}") from error
    _check(text, found)
    protocol: TwoParty = found
    return protocol


def load_task(text: str) -> Task:
    """Return what `load` does, of a class that brings inputs and a check.

    Raises:
        InputInvalidError: as `load`, or it brings none, or nothing is named.

    """
    if not text:
        raise _refused("this bench measures what you bring, and nothing is named")
    found = load(text)
    for name in ("inputs", "check"):
        if not callable(getattr(found, name, None)):
            raise _refused(f"{text!r} has no method {name!r}")
    return cast("Task", found)


def _imported(text: str) -> Callable[[], Any]:
    module, _, name = text.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Callable[[], Any] = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _refused(f"{text!r} cannot be imported: {error}") from error
    return found


def _entry_point(text: str) -> Callable[[], Any]:
    named = list(entry_points(group=ENTRY_POINTS, name=text))
    if not named:
        raise _refused(f"no package has an entry point {text!r} in the group {ENTRY_POINTS}")
    try:
        found: Callable[[], Any] = named[0].load()
    except (ImportError, AttributeError) as error:
        raise _refused(f"{text!r} cannot be imported: {error}") from error
    return found


def _check(text: str, found: object) -> None:
    for name in ("first", "second"):
        if not inspect.isgeneratorfunction(getattr(found, name, None)):
            raise _refused(f"{text!r} has no generator function {name!r}")
    model, bits = getattr(found, "threat_model", None), getattr(found, "security_bits", None)
    if not isinstance(model, str) or not isinstance(bits, int):
        raise _refused(f"{text!r} does not say its threat_model, a text, and security_bits")


def _refused(words: str) -> InputInvalidError:
    return InputInvalidError(words, clause="bench.protocol", remedy=_REMEDY)
