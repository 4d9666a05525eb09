"""What stage 2 is told: lines of words, then the filter's and the program's bytes.

No JSON: reading it would import what every job then waits for.
"""

_HEAD_BYTES = 10  # decimal length of the lines
_NUMBERS = ("landlock", "bounding", "parent", "cpu_seconds", "memory", "file_bytes", "tasks")


class Plan:
    """Everything that differs between jobs.

    `tmpfs`: path, bytes and names of each folder to mount. `rules`: path and Landlock's rights
    beneath it. `landlock`: the least version. `parent`: the process to die with, or 0 where a
    namespace sees to it. `output`: the folder to hand out, or empty. `paths`: where modules are.
    """

    def __init__(  # noqa: PLR0913  a record without the module that makes records
        self,
        *,
        cpu_seconds: int,
        memory: int,
        file_bytes: int,
        tasks: int,
        filter_: bytes,
        program: bytes,
        tmpfs: tuple[tuple[str, int, int], ...] = (),
        rules: tuple[tuple[str, int], ...] = (),
        landlock: int = 1,
        bounding: bool = True,
        parent: int = 0,
        output: str = "",
        paths: tuple[str, ...] = (),
        own_pid_at: tuple[int, ...] = (),
    ) -> None:
        """Take all of it."""
        self.cpu_seconds = cpu_seconds
        self.memory = memory
        self.file_bytes = file_bytes
        self.tasks = tasks
        self.filter = filter_
        self.program = program
        self.tmpfs = tmpfs
        self.rules = rules
        self.landlock = landlock
        self.bounding = bounding
        self.parent = parent
        self.output = output
        self.paths = paths
        self.own_pid_at = own_pid_at

    def encoded(self) -> bytes:
        """Return the plan as bytes; paths hold no newline and no tab."""
        lines = [f"tmpfs\t{path}\t{size}\t{names}" for path, size, names in self.tmpfs]
        lines += [f"rule\t{path}\t{rights}" for path, rights in self.rules]
        lines += [f"path\t{path}" for path in self.paths]
        lines += [f"own_pid_at\t{place}" for place in self.own_pid_at]
        for name in (*_NUMBERS, "output"):
            lines.append(f"{name}\t{_text(getattr(self, name))}")
        lines.append(f"filter\t{len(self.filter)}")
        text = "\n".join(lines).encode()
        return b"%0*d" % (_HEAD_BYTES, len(text)) + text + self.filter + self.program


def _text(value: str | int) -> str:
    return value if isinstance(value, str) else str(int(value))


def decoded(data: bytes) -> Plan:
    """Return the plan of `encoded` bytes, which this project's own supervisor wrote."""
    length = int(data[:_HEAD_BYTES])
    at = _HEAD_BYTES + length
    said: dict[str, list[list[str]]] = {}
    for line in data[_HEAD_BYTES:at].decode().split("\n"):
        name, *words = line.split("\t")
        said.setdefault(name, []).append(words)
    number = {name: int(said[name][0][0]) for name in _NUMBERS}
    cut = at + int(said["filter"][0][0])
    return Plan(
        tmpfs=tuple((path, int(size), int(names)) for path, size, names in said.get("tmpfs", ())),
        rules=tuple((path, int(rights)) for path, rights in said.get("rule", ())),
        landlock=number["landlock"],
        bounding=bool(number["bounding"]),
        parent=number["parent"],
        output=said["output"][0][0],
        cpu_seconds=number["cpu_seconds"],
        memory=number["memory"],
        file_bytes=number["file_bytes"],
        tasks=number["tasks"],
        paths=tuple(words[0] for words in said.get("path", ())),
        own_pid_at=tuple(int(words[0]) for words in said.get("own_pid_at", ())),
        filter_=data[at:cut],
        program=data[cut:],
    )
