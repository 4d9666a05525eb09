"""examples/06_own_protocol: a protocol from outside is measured beside ours, and broken."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from unseen.protocols.testing import drive_pair, seeded_rng

EXAMPLE = Path(__file__).parents[2] / "examples/06_own_protocol"
SOME = [b"%03d" % number for number in range(20)]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return importlib.import_module("salted_hashes")


def test_it_finds_what_is_in_both(example: ModuleType) -> None:
    for theirs in (SOME[5:9], SOME, [b"other"]):
        learnt, _ = drive_pair(example.SaltedHashes(), (SOME, theirs), seeded_rng(3))
        assert learnt == (tuple(i for i, item in enumerate(SOME) if item in theirs), None)


def test_its_message_gives_every_item_away(example: ModuleType) -> None:
    _, transcript = drive_pair(example.SaltedHashes(), (SOME[3:9], SOME[:1]), seeded_rng(3))
    (message,) = transcript.messages[0].parts
    assert example.overheard(message, SOME) == SOME[3:9]


def test_the_bench_measures_it_beside_ours() -> None:
    small = ["--set", "n=50", "--set", "peers=0", "--set", "protocol=ecdh", "--repeats", "1"]
    asked = ["bench", "run", "psi", "--protocol", "salted_hashes:SaltedHashes", *small]
    done = subprocess.run(
        [sys.executable, "-m", "unseen.cli", *asked, "--format", "json"],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {item["name"]: item for item in json.loads(done.stdout)}
    ours, theirs = found["psi/ecdh"], found["psi/ecdh/SaltedHashes"]
    assert ours["run"] == theirs["run"]
    assert (theirs["bytes_up"], theirs["bytes_down"]) == (16 + 16 * 50, 50)
    assert theirs["security_bits"] == 0
    assert theirs["threat_model"].startswith("none")


def test_the_story_ends_as_its_readme_says() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "salted_hashes.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "found by the protocol: True" in done.stdout
    (read, whole) = re.findall(r"(\d+) of (\d+)", done.stdout)[0]
    assert read == whole
