"""A buyer's process: it has its homes and its keys, and sees nothing of any operator.

It reads one step a line from standard input, as a JSON object with the field `do`, and answers
each with one line, `{"done": ...}` or `{"error": ...}`. Within a step it may say where it is,
`{"at": ...}`, and then waits for a line before it goes on. It ends when its input ends.
"""

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from unseen.protocols.errors import UnseenError

Steps = dict[str, Callable[..., Any]]

_reporting = threading.Lock()


def take_steps(steps: Steps) -> None:
    """Take steps until the input ends."""
    for line in sys.stdin:
        _say(_taken(steps, line))


def report(where: str) -> None:
    """Say where the present step is, and go on when told to; from any thread, one after another."""
    with _reporting:
        _say({"at": where})
        sys.stdin.readline()


def _taken(steps: Steps, line: str) -> dict[str, Any]:
    given = json.loads(line)
    try:
        return {"done": steps[given.pop("do")](**given)}
    except UnseenError as error:
        return {
            "error": {
                "reason": error.reason,
                "message": str(error),
                "clause": error.clause,
                "remedy": error.remedy,
                "charged": bool(getattr(error, "charged", False)),
            }
        }


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
