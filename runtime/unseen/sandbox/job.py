"""What runs in a sandbox, what bounds it, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

from unseen.protocols.errors import InputInvalidError
from unseen.sandbox.collector import MAX_OUTPUTS

MOST_PROGRAM_BYTES = 1 << 20
_LEAST_MEMORY_MB = 64  # the interpreter and what confines it
_MOST_MEMORY_MB = 1 << 20
_MOST_SECONDS = 7 * 24 * 3600
_MOST_OUTPUT_BYTES = 1 << 30


class Tier(IntEnum):
    """How strong the walls are; a higher number is stronger. A contract states the least."""

    S0 = 0
    """None: code of others is refused."""
    S1 = 1
    """Landlock and seccomp in one process, without namespaces."""
    S2 = 2
    """Namespaces of bubblewrap, and S1 within."""
    S3 = 3
    """A second kernel (gVisor), and what of S1 it knows within."""


class Status(StrEnum):
    """How a job ended. The one word about a failure that a buyer may be told."""

    DONE = "done"
    """The program ended by itself, and every output is there."""
    FAILED = "failed"
    """The program raised or ended with a code."""
    TIMED_OUT = "timed-out"
    """The time was over, on the wall or of the processor."""
    OUT_OF_MEMORY = "out-of-memory"
    """The program asked for more memory than it may have."""
    KILLED = "killed"
    """A forbidden call, or a crash."""
    OUTPUT_REFUSED = "output-refused"
    """An output is missing, too large or no plain file of its own."""
    NOT_STARTED = "not-started"
    """A wall could not be built: nothing of the program ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may take.

    `seconds` on the wall; `memory_mb` MiB of address space, all libraries
    and threads together; `output_bytes` of all outputs; `output_files` names in the output folder
    at any time; `scratch_mb` MiB of files of its own, in memory; `threads` at any time; `log_bytes`
    kept of what it printed.
    """

    seconds: float = 60.0
    memory_mb: int = 2048
    output_bytes: int = 16 << 20
    output_files: int = 16
    scratch_mb: int = 64
    threads: int = 16
    log_bytes: int = 64 << 10

    def __post_init__(self) -> None:
        """Refuse what bounds nothing, or leaves no room to start.

        Raises:
            InputInvalidError: a limit is out of range.

        """
        ranges = (
            ("seconds", self.seconds, 0.1, _MOST_SECONDS),
            ("memory_mb", self.memory_mb, _LEAST_MEMORY_MB, _MOST_MEMORY_MB),
            ("output_bytes", self.output_bytes, 1, _MOST_OUTPUT_BYTES),
            ("output_files", self.output_files, 1, MAX_OUTPUTS),
            ("scratch_mb", self.scratch_mb, 1, _MOST_MEMORY_MB),
            ("threads", self.threads, 1, 1024),
            ("log_bytes", self.log_bytes, 0, _MOST_OUTPUT_BYTES),
        )
        for name, value, least, most in ranges:
            if not least <= value <= most:
                raise InputInvalidError(
                    f"{name} is from {least:g} to {most:g}", clause=f"limits.{name}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One program and what it may read and write.

    `program` is a Python script: its text, or the path of its file. It finds the files of the
    folder `inputs`, read-only, in the folder `in` and writes each of `outputs`, names of files, in
    the folder `out`, both where it starts. In a sandbox with namespaces these are `/in` and `/out`,
    and files of its own go under `/tmp`.
    """

    program: str | Path
    inputs: Path | None = None
    outputs: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        """Refuse inputs that are no folder.

        Raises:
            InputInvalidError: they are none.

        """
        if self.inputs is not None and not self.inputs.is_dir():
            raise InputInvalidError("the inputs are no folder", clause="job.inputs")

    def source(self) -> bytes:
        """Return the program's bytes.

        Raises:
            InputInvalidError: it is too long, or its file cannot be read.

        """
        try:
            found = (
                self.program.read_bytes()
                if isinstance(self.program, Path)
                else self.program.encode()
            )
        except (OSError, UnicodeError):
            raise InputInvalidError("the program cannot be read", clause="job.program") from None
        if len(found) > MOST_PROGRAM_BYTES:
            raise InputInvalidError(
                f"a program has at most {MOST_PROGRAM_BYTES} bytes", clause="job.program"
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a job.

    `outputs` holds every output's bytes, of a job that is `DONE`, else nothing: bytes that a
    stranger's code chose, to be parsed in another sandbox. `log` is what it printed, cut at
    `Limits.log_bytes`, and `detail` says more of a failure: both for the operator alone. `seconds`
    is how long it took on the wall.
    """

    status: Status
    tier: Tier
    outputs: dict[str, bytes] = field(default_factory=dict)
    log: bytes = b""
    detail: str = ""
    seconds: float = 0.0
