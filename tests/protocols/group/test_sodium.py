"""The library is loaded without leaving a copy of it behind."""

import subprocess
import sys
from pathlib import Path


def test_an_import_leaves_no_file_in_the_temporary_folder(tmp_path: Path) -> None:
    script = (
        "from unseen.protocols.group import ristretto255 as group\n"
        "print(group.multiply((2).to_bytes(32, 'little'), group.GENERATOR).hex())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("6a493210f7499cd1")
    assert not list(tmp_path.iterdir())
