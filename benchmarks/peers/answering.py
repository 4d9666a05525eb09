"""How a peer answers: a line in, an order and what goes with it; a line out, of JSON.

Used by the programs beside this one, each run with the Python of its own environment.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

Answer = dict[str, Any]
Order = Callable[[str], Answer]


def given() -> dict[str, Any]:
    """Return what the peer was started with."""
    found: dict[str, Any] = json.loads(sys.argv[1])
    return found


def serve(orders: Mapping[str, Order]) -> None:
    """Answer each line until there is no more.

    What libraries print goes nowhere: the standard output is for answers.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as sink:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            try:
                answer = {"done": word, **orders[word](rest)}
            except Exception as error:  # noqa: BLE001 - whatever a library raises is told
                answer = {"failed": f"{type(error).__name__}: {error}".split("\nstacktrace")[0]}
            sink.write(json.dumps(answer) + "\n")
            sink.flush()
