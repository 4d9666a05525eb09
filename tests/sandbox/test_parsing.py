"""Files are parsed in a second sandbox, which sees them and nothing else."""

import functools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sandbox.boxes import UID, needs_bubblewrap
from tests.sandbox.declaring import FILES, OUTPUTS, output
from tests.sandbox.test_covert import csv, made

from unseen.evidence.contracts.outputs import received, sent
from unseen.evidence.errors import ReleaseInvalidError
from unseen.sandbox import environment, parsing
from unseen.sandbox.errors import SandboxMissingError
from unseen.sandbox.formats.encoding import encoded
from unseen.sandbox.job import Job, Outcome, Status, Tier
from unseen.sandbox.probe import open_runner
from unseen.sandbox.runner import Runner

DECLARED = (OUTPUTS["mean"], output("by_sex", "csv"), output("risk", "onnx"), OUTPUTS["forest"])
GOOD = {
    "mean.json": b"3.14159",
    "by_sex.csv": csv(0),
    "risk.onnx": made(),
    "forest.json": json.dumps(FILES["forest"]).encode(),
}


@functools.cache
def reader() -> Runner:
    """Return a runner that has our own modules and no others."""
    found = environment.of_this_process(*parsing.packages())
    return open_runner(found, least=Tier.S2, uid=UID)


@needs_bubblewrap
def test_files_are_read_behind_walls_as_they_are_without() -> None:
    values = parsing.parsed(reader(), DECLARED, GOOD)
    for one, value in zip(DECLARED, values, strict=True):
        assert sent(value) == encoded(one, GOOD[one.file])


@needs_bubblewrap
@pytest.mark.parametrize(
    ("name", "data", "clause"),
    [
        ("mean.json", b"[]", "output.kind"),
        ("mean.json", b"1" * (1 << 20), "output.size"),
        ("by_sex.csv", csv(0) + b"f,5,1.0,true\n", "rows"),
        ("risk.onnx", b"\xff" * 12, "output.protobuf"),
    ],
)
def test_a_hostile_file_is_a_clause_and_no_value(name: str, data: bytes, clause: str) -> None:
    with pytest.raises(ReleaseInvalidError) as caught:
        parsing.parsed(reader(), DECLARED, GOOD | {name: data})
    assert caught.value.clause == clause


def test_only_our_own_modules_are_there() -> None:
    roots = parsing.packages()
    assert 1 <= len(roots) <= 2
    for root in roots:
        assert (root / "unseen").is_dir()


class Broken:
    """A sandbox whose parser was taken over by a file: it says what it likes."""

    tier = Tier.S2

    def __init__(self, status: Status, outputs: dict[str, bytes], log: bytes = b"") -> None:
        self.said = Outcome(status=status, tier=Tier.S2, outputs=outputs, log=log)
        self.seen: list[Job] = []

    def run(self, job: Job) -> Outcome:
        self.seen.append(job)
        return self.said


def test_a_parser_that_was_taken_over_says_its_bits_and_no_more() -> None:
    one = OUTPUTS["mean"]
    declared, files = (one,), {"mean.json": b"1"}
    good = encoded(one, b"1")
    runner = Broken(Status.DONE, {"mean.value": good})
    assert parsing.parsed(runner, declared, files) == (received(one, good),)
    for said in (b"", good + b"\0", b"\xff" * len(good), b"secret" * 100):
        with pytest.raises(ReleaseInvalidError):
            parsing.parsed(Broken(Status.DONE, {"mean.value": said}), declared, files)


@pytest.mark.parametrize(
    ("status", "log", "clause"),
    [
        (Status.TIMED_OUT, b"", "output.timed_out"),
        (Status.OUT_OF_MEMORY, b"clause output.", "output.out_of_memory"),
        (Status.KILLED, b"clause output.KEY\n", "output.killed"),
        (Status.FAILED, b"clause output.range\n", "output.range"),
        (Status.FAILED, b"clause somebody's name\n", "output.failed"),
        (Status.OUTPUT_REFUSED, b"", "output.output_refused"),
    ],
)
def test_however_it_ends_it_is_one_error(status: Status, log: bytes, clause: str) -> None:
    with pytest.raises(ReleaseInvalidError) as caught:
        parsing.parsed(Broken(status, {}, log), (OUTPUTS["mean"],), {"mean.json": b"1"})
    assert caught.value.clause == clause


def test_a_wall_that_cannot_be_built_is_said() -> None:
    runner = Broken(Status.NOT_STARTED, {})
    with pytest.raises(SandboxMissingError):
        parsing.parsed(runner, (OUTPUTS["mean"],), {"mean.json": b"1"})


def test_files_are_those_that_are_declared_and_gone_afterwards() -> None:
    one = OUTPUTS["mean"]
    runner = Broken(Status.DONE, {"mean.value": encoded(one, b"1")})
    for files in ({}, {"mean.csv": b""}, {"mean.json": b"1", "more.json": b"1"}):
        with pytest.raises(ReleaseInvalidError):
            parsing.parsed(runner, (one,), files)
    assert not runner.seen
    parsing.parsed(runner, (one,), {"mean.json": b"1"})
    (job,) = runner.seen
    assert isinstance(job.inputs, Path)
    assert not job.inputs.exists()
    assert job.outputs == ("mean.value",)
    assert replace(job.limits, output_bytes=1).seconds <= 60
