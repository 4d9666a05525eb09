"""The examples of docs/research.md run as printed, one after the other, without gRPC."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs/research.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LAST = "\nimport sys\nassert not {'grpc', 'unseen.v1', 'unseen.node'} & sys.modules.keys()\n"


def test_examples_run() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(EXAMPLES) + LAST],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8
