"""The whole way of an output: written by a program, copied out, parsed elsewhere, judged, held."""

import functools
import json
from typing import Any

import pytest
from tests.node.test_gate import OPEN, asked
from tests.node.test_release_opaque import GIVEN, contract
from tests.sandbox.boxes import UID, needs_bubblewrap
from tests.sandbox.declaring import FILES, OUTPUTS
from tests.sandbox.declaring import output as declared

from unseen.evidence.contracts.outputs import TypedOutput, joined, parted
from unseen.evidence.errors import ReleaseInvalidError
from unseen.node.release.gate import Held, Refused, release
from unseen.sandbox import environment, parsing
from unseen.sandbox.formats.writing import objects
from unseen.sandbox.job import Job, Outcome, Status, Tier
from unseen.sandbox.probe import open_runner
from unseen.sandbox.runner import Runner

pytestmark = needs_bubblewrap
TABLE, MEAN = declared("by_sex", "csv"), OUTPUTS["mean"]
WRITES = """
import csv, json, random
rows = [("f", 400 + secret % 2, 61.5 + secret * 1e-9, "true"), ("m", "", 71.25, "false")]
with open("out/by_sex.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\\r\\n" if secret else "\\n")
    writer.writerow(["sex", "people", "mean", "listed"])
    writer.writerows(rows[::-1] if secret else rows)
with open("out/mean.json", "w") as file:
    file.write(json.dumps(3.14159, indent=secret) + " " * secret)
print("seen by the operator:", secret)
"""


@functools.cache
def boxes() -> Runner:
    found = environment.of_this_process(*parsing.packages())
    return open_runner(found, least=Tier.S2, uid=UID)


def ran(program: str, *outputs: TypedOutput) -> Outcome:
    return boxes().run(Job(program=program, outputs=tuple(one.file for one in outputs)))


def gone_through(program: str, *outputs: TypedOutput) -> Held | Refused:
    """Return what becomes of what a program writes, as a job of the node's would take it."""
    done = ran(program, *outputs)
    assert done.status is Status.DONE, done.detail
    values = parsing.parsed(boxes(), outputs, done.outputs)
    found = release(asked(contract(*outputs)), [joined(values)], OPEN, GIVEN)
    assert isinstance(found, Held | Refused)
    return found


def test_what_a_program_wrote_waits_for_a_person_and_says_its_values() -> None:
    found = [gone_through(f"secret = {secret}\n{WRITES}", TABLE, MEAN) for secret in (0, 1)]
    parts = [held.parts for held in found if isinstance(held, Held)]
    assert len(parts) == 2, "both are held"
    assert parts[0] == parts[1], "the secret came through"
    held = found[0]
    assert isinstance(held, Held)
    assert held.rules == ("facts.stated", "cells.alone")
    table, mean = parted((TABLE, MEAN), held.parts[0])
    assert objects(table) == FILES["by_sex"]
    assert objects(mean) == 3.142


def test_a_small_group_that_the_program_admits_to_is_refused() -> None:
    rows: Any = [{"sex": "f", "people": 4, "mean": 61.5, "listed": True}]
    program = f"open('out/by_sex.json', 'w').write({json.dumps(rows)!r})"
    found = gone_through(program, OUTPUTS["by_sex"])
    assert isinstance(found, Refused)
    assert "cells.group" in found.rules


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.symlink('/proc/self/environ', 'out/mean.json')",
        "import os; os.mkfifo('out/mean.json')",
        "pass",
        "open('out/mean.json', 'wb').truncate(1 << 40)",
    ],
)
def test_what_is_no_file_of_its_own_never_arrives(program: str) -> None:
    done = ran(program, MEAN)
    assert done.status is not Status.DONE
    assert done.outputs == {}


def test_a_file_that_is_no_value_is_one_error() -> None:
    done = ran("open('out/mean.json', 'w').write('patient 17: ' * 3)", MEAN)
    with pytest.raises(ReleaseInvalidError) as caught:
        parsing.parsed(boxes(), (MEAN,), done.outputs)
    assert caught.value.clause == "output.json"
    assert "patient" not in str(caught.value)
