"""What the examples share: a node on this machine, made and served, and steps told.

An example in a folder beside this file finds it by `sys.path.append(str(HERE.parent))`.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def say(text: str) -> None:
    """Print a step of a story."""
    print(f"\n=== {text}", flush=True)


def own_folder(name: str) -> Path:
    """Return the folder that the command line names, made if it is not there, or a new one."""
    given = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix=f"unseen-{name}-")
    folder = Path(given).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unseen(*words: str) -> list[str]:
    """Return the command line of `unseen WORDS`."""
    return [sys.executable, "-m", "unseen.cli", *words]


def make_node(home: Path, name: str) -> Path:
    """Make the home of a node, which holds its operator's, and return it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    words = ("node", "init", "--name", name, "--listen", address, "--home", str(home))
    subprocess.run(unseen(*words), check=True, stdout=subprocess.DEVNULL)
    return home


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[None]:
    """Serve a node while the block runs; `settings` are added to its environment."""
    process = subprocess.Popen(
        unseen("node", "serve", "--home", str(home), "--format", "json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"UNSEEN_WORKERS": "1"} | settings,
    )
    try:
        if process.stdout is not None:
            process.stdout.readline()  # it says where it answers
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()
