"""The files that a program in the sandbox finds: an interpreter, its libraries, packages.

Nothing else of the machine is mounted. Places inside are the same everywhere, so that a program
learns no path of the host.
"""

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import unseen.sandbox.inside
from unseen.protocols.errors import InputInvalidError

PYTHON: Final = "/python"
PACKAGES: Final = "/packages"
STAGE: Final = "/stage"
_FURTHER: Final = (
    "/usr/lib64",
    "/lib64",
    "/lib/ld-linux-aarch64.so.1",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
)


@dataclass(frozen=True, slots=True)
class Bind:
    """One read-only mount: the host's path, and where the program sees it."""

    source: Path
    place: str


@dataclass(frozen=True, slots=True)
class Environment:
    """What is mounted, read-only; the interpreter among it; and where its modules are."""

    binds: tuple[Bind, ...]
    python: str
    paths: tuple[str, ...]

    @property
    def readable(self) -> tuple[str, ...]:
        """Return what a program may read: everything but stage 2 itself."""
        return tuple(bind.place for bind in self.binds if not bind.place.startswith(STAGE))

    def in_place(self) -> "Environment":
        """Return the same where nothing can be mounted: every file where the host has it."""
        binds = tuple(Bind(bind.source, str(bind.source)) for bind in self.binds)
        stage = str(Path(unseen.sandbox.inside.__file__).parent)
        shown = tuple(bind for bind in binds if bind.place != stage)
        return Environment(shown, self._here(self.python), tuple(map(self._here, self.paths)))

    def _here(self, place: str) -> str:
        """Return the host's path of what is mounted at, or somewhere beneath, a place."""
        for bind in self.binds:
            if place == bind.place or place.startswith(f"{bind.place}/"):
                return str(bind.source) + place.removeprefix(bind.place)
        return place


def of_this_process(*packages: Path) -> Environment:
    """Return the environment of this interpreter, with the folders `packages` of modules.

    Without any, it has the standard library alone.

    Raises:
        InputInvalidError: a folder is missing, or there are two of one name.

    """
    base = Path(sys.base_prefix).resolve()
    binary = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    inside = Path(unseen.sandbox.inside.__file__).parent
    binds = [Bind(binary, f"{PYTHON}/bin/{binary.name}")]
    bases = ("base", "platbase", "installed_base", "installed_platbase")
    found = sysconfig.get_paths(vars=dict.fromkeys(bases, str(base)))
    library = [Path(found[name]) for name in ("stdlib", "platstdlib")]
    binds += [_below(base, path) for path in dict.fromkeys(library)]
    binds += [_below(base, path) for path in sorted((base / "lib").glob("libpython3*.so*"))]
    binds += _system()
    binds.append(Bind(inside, f"{STAGE}/unseen/sandbox/inside"))
    for place, folder in enumerate(packages):
        if not folder.is_dir():
            raise InputInvalidError("a folder of packages is missing", clause="sandbox.packages")
        binds.append(Bind(folder.resolve(), f"{PACKAGES}/{place}"))
    stdlib = f"{PYTHON}/{library[0].relative_to(base).as_posix()}"
    paths = (stdlib, f"{stdlib}/lib-dynload", *(f"{PACKAGES}/{n}" for n in range(len(packages))))
    return Environment(tuple(binds), f"{PYTHON}/bin/{binary.name}", paths)


def packages_of_this_process() -> Path:
    """Return the folder where this interpreter's packages are."""
    return Path(sysconfig.get_paths()["purelib"])


def _below(base: Path, path: Path) -> Bind:
    return Bind(path, f"{PYTHON}/{path.relative_to(base).as_posix()}")


def _system() -> list[Bind]:
    """Return the system's libraries: the folder of this architecture, and what loads them."""
    multiarch = sysconfig.get_config_var("MULTIARCH")
    folders = [f"/usr/lib/{multiarch}", f"/lib/{multiarch}"] if multiarch else []
    found = [Path(folder) for folder in folders if Path(folder).is_dir()]
    binds = [Bind(path.resolve(), str(path)) for path in found or [Path("/usr/lib")]]
    binds += [Bind(Path(path).resolve(), path) for path in _FURTHER if os.path.lexists(path)]
    return binds
