"""The demo's other processes: the node, the buyer, and whoever verifies a receipt."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.checks import StepFailedError

if TYPE_CHECKING:
    from unseen.client.errors import NodeError

_PAUSE = 0.05
_START_SECONDS = 90.0
_STOP_SECONDS = 15.0
_ANSWER_SECONDS = 60.0

Tick = Callable[[], None]


class Child:
    """A process of the demo, in a session of its own: Ctrl-C reaches the demo, which stops it."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        *,
        talks: bool,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Start `python arguments`, which prints into `log`, but answers us if it `talks`.

        `settings` are variables of its environment beside those that are everybody's.
        """
        self.name = name
        self.log = log
        self._asked = False
        with log.open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, fixed arguments
                [sys.executable, *arguments],
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else sink,
                stderr=sink,
                env=environment() | dict(settings or {}),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ended_by_itself(self) -> bool:
        """Whether it has ended, and nobody told it to."""
        return not self._asked and not self.running()

    def ask_to_end(self) -> None:
        """Tell the process to end, politely and once, and do not wait for it."""
        if self._asked:
            return  # a node that is told twice ends at once
        self._asked = True
        if self._process.stdin is None:
            self._process.terminate()
        else:  # the end of its input is the end of its work
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def kill(self) -> None:
        """End the process at once, with no time to put anything in order."""
        self._asked = True
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End the process if it runs, politely first; return its exit status."""
        try:
            self.ask_to_end()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        finally:
            if self.running():  # it does not listen, or Ctrl-C was pressed again
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        return self._process.returncode

    def failed(self, what: str) -> "NodeError":
        """Return the error of this process, with the last line that it left."""
        from unseen.client.errors import Cause, NodeError

        said = f"the {self.name} {what}: {_last_words(self.log)}"
        return NodeError(Cause("DEMO_FAILED", said, clause="demo", remedy=f"read {self.log}"))


class Node(Child):
    """A node: `unseen node serve`."""

    def __init__(
        self, name: str, home: Path, log: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        """Start the node that lives in `home`; what it prints is added to `log`."""
        arguments = ["-m", "unseen.cli", "node", "serve", "--home", str(home), "--format", "json"]
        self._before = log.stat().st_size if log.exists() else 0
        super().__init__(name, arguments, log, talks=False, settings=settings)

    def wait_until_ready(self, tick: Tick) -> str:
        """Return the node's address once it answers there.

        Raises:
            NodeError: it ended, or took too long.

        """
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up:
            for line in self.log.read_bytes()[self._before :].decode(errors="replace").splitlines():
                if line.startswith('{"address"'):
                    return str(json.loads(line)["address"])
            if not self.running():
                raise self.failed("did not start")
            tick()
            time.sleep(_PAUSE)
        raise self.failed("took too long to start")


class Buyer(Child):
    """The buyer, whose process (`desk`) knows its home and what it is told to do."""

    def __init__(self, module: str, home: Path, log: Path) -> None:
        """Start the buyer's process, of a story's `module`; it makes its home when it joins."""
        super().__init__("buyer", ["-m", module, str(home)], log, talks=True)
        self._listener: Callable[[str], None] = _nothing

    @contextmanager
    def heard(self, listener: Callable[[str], None]) -> Iterator[None]:
        """Tell `listener` where the buyer is; it waits meanwhile."""
        self._listener = listener
        try:
            yield
        finally:
            self._listener = _nothing

    def do(self, step: str, **given: object) -> Any:
        """Let the buyer take a step and return what came of it.

        Raises:
            NodeError: the process has ended, or does not answer.
            StepFailedError: the step ended in an error.

        """
        answer = self.ask(step, **given)
        if "error" in answer:
            error = answer["error"]
            raise StepFailedError(
                f"the buyer's step {step} ended with {error['reason']}: {error['message']}",
                clause=str(error["clause"]),
                remedy=str(error["remedy"]),
            )
        return answer["done"]

    def ask(self, step: str, **given: object) -> dict[str, Any]:
        """Let the buyer take a step; return `{"done": ...}` or `{"error": ...}`."""
        self._tell({"do": step, **given})
        while "at" in (answer := self._answer()):
            self._listener(answer["at"])
            self._tell({})
        return answer

    def _tell(self, what: Mapping[str, object]) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise self.failed("cannot be spoken to")
        try:
            stdin.write(json.dumps(what).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise self.failed("has ended") from None

    def _answer(self) -> dict[str, Any]:
        stdout = self._process.stdout
        if stdout is None:
            raise self.failed("cannot be spoken to")
        if not select.select([stdout], [], [], _ANSWER_SECONDS)[0]:
            raise self.failed("does not answer")
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise self.failed("has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def run(commands: Sequence[Sequence[str]], tick: Tick) -> list[Ended]:
    """Run each `python -m unseen.cli COMMAND`, side by side; `tick` is called meanwhile."""
    with ExitStack() as stack:
        started = []
        for command in commands:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, fixed arguments
                [sys.executable, "-m", "unseen.cli", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(),
            )
            stack.enter_context(process)
            stack.callback(process.kill)  # no more than a word where it has ended
            started.append(process)
        while any(process.poll() is None for process in started):
            tick()
            time.sleep(_PAUSE)
        said = [process.communicate() for process in started]
    return [
        Ended(process.returncode, out, err)
        for process, (out, err) in zip(started, said, strict=True)
    ]


def _nothing(where: str) -> None:
    """Hear nothing."""


def _last_words(log: Path) -> str:
    """Return the last line of a log; of an error in JSON, its message."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    try:
        found = json.loads(lines[-1])
    except ValueError:
        return lines[-1]
    return str(found.get("message", found)) if isinstance(found, dict) else lines[-1]


def environment() -> dict[str, str]:
    """Return the environment without settings of this project, and without colours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UNSEEN_")}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "100"}


def kernels() -> dict[str, str]:
    """Return the setting by which a node takes this user's compiled kernels, not its home's."""
    from unseen.protocols.kernels import cache

    folder = cache.folder()
    return {} if folder is None else {cache.VARIABLE: str(folder)}


def free_address() -> str:
    """Return a loopback address that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def stopped_at_the_end(children: Iterable[Child]) -> Iterator[None]:
    """Stop all `children`, also those that came later, however the block ends."""
    try:
        yield
    finally:
        for child in children:
            child.ask_to_end()
        with ExitStack() as stack:  # each is stopped, whatever becomes of another
            for child in children:
                stack.callback(child.stop)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let a request to end, or a closed terminal, unwind the demo as Ctrl-C does."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    try:
        before = [(number, signal.signal(number, end)) for number in numbers]
    except ValueError:  # not the main thread: whoever runs this one handles signals
        before = []
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
