"""The second sandbox: what one program wrote is read behind walls of its own, by code of ours.

A parser that a file breaks is as confined as the program that wrote the file, sees nothing but the
files, and says what it likes in as many bytes as the declared shapes have: `received`, here, takes
values of them and nothing else.

Not protected: the values.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import unseen.evidence.contracts
import unseen.sandbox.formats
from unseen.evidence import canonical
from unseen.evidence.contracts.outputs import TypedOutput, received
from unseen.evidence.contracts.typed import Value
from unseen.evidence.errors import ReleaseInvalidError
from unseen.sandbox.errors import SandboxMissingError
from unseen.sandbox.job import Job, Limits, Outcome, Status
from unseen.sandbox.runner import Runner

_DECLARED: Final = "declared.json"
_CLAUSE: Final = re.compile(rb"clause (output\.[a-z]{1,20}|rows|row|tree|value)\n")
_SECONDS: Final = 60.0
_MEMORY_MB: Final = 1024
_PAGE: Final = 1 << 16  # that a file of a few bytes may take
_PROGRAM: Final = """
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "unseen"]:
    del sys.modules[name]  # those that built the walls: what is beside them is found anew
from unseen.sandbox.formats.program import main
main("in", "out")
"""


def packages() -> tuple[Path, ...]:
    """Return the folders of modules that the parsers need: our own sources, and no others."""
    parts = (unseen.evidence.contracts, unseen.sandbox.formats)
    roots = (Path(part.__path__[0]).parents[2] for part in parts)
    return tuple(dict.fromkeys(root.resolve() for root in roots))


def parsed(
    runner: Runner, outputs: Sequence[TypedOutput], files: Mapping[str, bytes]
) -> tuple[Value, ...]:
    """Return the values of outputs, in their order; `files` has each output's file by its name.

    `runner` has an environment of `packages` at least.

    Raises:
        ReleaseInvalidError: a file is missing, or no value of its output; or the parser ended in
            another way than by itself.
        SandboxMissingError: a wall could not be built.

    """
    if files.keys() != {output.file for output in outputs}:
        _refuse("output.missing", "other files than declared")
    with tempfile.TemporaryDirectory(prefix="unseen-parsing-") as name:
        folder = Path(name)
        declared: list[canonical.Json] = [output.to_json() for output in outputs]
        (folder / _DECLARED).write_bytes(canonical.encode(declared))
        for output in outputs:
            (folder / output.file).write_bytes(files[output.file])
        done = runner.run(_job(outputs, folder))
    if done.status is not Status.DONE:
        _fail(done)
    return tuple(received(output, done.outputs[_value_file(output)]) for output in outputs)


def _job(outputs: Sequence[TypedOutput], folder: Path) -> Job:
    limits = Limits(
        seconds=_SECONDS,
        memory_mb=_MEMORY_MB,
        output_bytes=sum(output.sent_bytes for output in outputs) + _PAGE * len(outputs),
        output_files=len(outputs) + 1,
    )
    names = tuple(map(_value_file, outputs))
    return Job(program=_PROGRAM, inputs=folder, outputs=names, limits=limits)


def _value_file(output: TypedOutput) -> str:
    return f"{output.name}.value"


def _fail(done: Outcome) -> NoReturn:
    """Refuse what could not be read; the clause is for the operator, as the log is."""
    if done.status is Status.NOT_STARTED:
        raise SandboxMissingError(
            f"the second sandbox was not built: {done.detail}", clause="sandbox.tier"
        )
    found = _CLAUSE.search(done.log)
    clause = found[1].decode() if found else f"output.{done.status.value.replace('-', '_')}"
    _refuse(clause, "a file is no value of what is declared")


def _refuse(clause: str, why: str) -> NoReturn:
    raise ReleaseInvalidError(f"output: {why}", clause=clause)
