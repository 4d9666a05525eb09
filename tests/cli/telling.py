"""Telling the demo's stories for real, and looking at what runs meanwhile and afterwards."""

import shlex
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "unseen.cli", "demo"]


def running_in(home: Path, *words: str) -> list[str]:
    """Return the command lines of processes of ours that were given a folder in `home`."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        named = any(part == str(home) or part.startswith(f"{home}/") for part in line)
        if named and set(words) <= set(line) and "demo" not in line:
            found.append(shlex.join(line))
    return found
