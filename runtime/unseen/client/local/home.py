"""Where a client keeps what it has, and how it writes files that a crash cannot halve.

Keys are readable by their owner only (0600, in directories 0700). They are not encrypted:
whoever can read the owner's files can act as this client. A certified instance holds no party
key, so that a lost laptop costs one instance and not the party.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unseen.client.errors import HomeError
from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.errors import CanonicalError
from unseen.streams.whole import write_all, write_whole

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FOLDERS = (
    "",
    "tls",
    "keys",
    "tables",
    "receipts",
    "contracts",
    "templates",
    "instances",
    "evidence",
    "orders",
    "delegations",
)


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one client home."""

    root: Path

    @property
    def profile(self) -> Path:
        """Who this client is and whom it talks to; written last when joining."""
        return self.root / "profile.json"

    @property
    def trust(self) -> Path:
        """The keys this client trusts, in the form every verifier reads."""
        return self.root / "parties.json"

    @property
    def demand(self) -> Path:
        """How many witnesses this client demands; not there where it demands none."""
        return self.root / "demand.json"

    @property
    def state(self) -> Path:
        """The database of heads, openings and labels."""
        return self.root / "state.db"

    def tls(self, name: str) -> Path:
        """Return the path of a certificate or TLS key."""
        return self.root / "tls" / name

    def key(self, name: str) -> Path:
        """Return the path of the evidence key `name`, or of the local sealing key."""
        return self.root / "keys" / f"{name}.key"

    def table(self, name: str) -> Path:
        """Return the path of a fetched table or of a manifest."""
        return self.root / "tables" / name

    def receipt(self, request: str) -> Path:
        """Return the path of the receipt of a request."""
        return self.root / "receipts" / f"{request}.receipt"

    def contract(self, contract: str) -> Path:
        """Return the path of a contract as this client last saw it."""
        return self.root / "contracts" / f"{contract}.json"

    def template(self, template: str) -> Path:
        """Return the path of a template by its id."""
        return self.root / "templates" / f"{template}.json"

    def instance(self, name: str) -> Path:
        """Return the path of the certification of the client instance `name`."""
        return self.root / "instances" / f"{name}.jws"

    def delegation(self, name: str) -> Path:
        """Return the path of a delegation that this hub handed over; its folder is made."""
        folder = self.root / "delegations"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{name}.json"

    def evidence(self, name: str) -> Path:
        """Return the path of a piece of evidence against the node."""
        return self.root / "evidence" / name

    def order(self, order: str, name: str) -> Path:
        """Return the path of what belongs to an order of openings; its folder is made."""
        folder = self.root / "orders" / order
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / name

    def answers(self) -> list[Path]:
        """Return the files of the orders that were fetched, each in the folder of its order."""
        return sorted((self.root / "orders").glob("*/answer"))

    def training(self, name: str) -> Path:
        """Return the folder of the sums of a training so far; it is made."""
        folder = self.root / "trainings" / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def intersection(self, request: str) -> Path:
        """Return the folder of an intersection's masked sets while it goes on; it is made."""
        folder = self.root / "intersections" / request
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def scoring(self, request: str) -> Path:
        """Return the folder of a run's ciphertexts of scores while it goes on; it is made."""
        folder = self.root / "scorings" / request
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def encrypted(self, contract: str) -> Path:
        """Return the folder of an encrypted training under a contract; it is made."""
        folder = self.root / "encrypted" / contract
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def iteration(self, request: str) -> Path:
        """Return the folder of an iteration's ciphertexts while it goes on; it is made."""
        folder = self.root / "iterations" / request
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def objections(self) -> Path:
        """Return the folder of the objections that this client has seen; it is made."""
        folder = self.root / "objections"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def make(self) -> None:
        """Make the folders that are missing, readable by their owner only."""
        for folder in _FOLDERS:
            (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)


def find_home(path: Path) -> Home:
    """Return the client home at `path`; a node's home stands for its operator's.

    Raises:
        HomeError: there is none.

    """
    for root in (path, path / "operator"):
        if (root / "profile.json").is_file():
            return Home(root)
    raise HomeError(
        f"no client home at {path}",
        clause="home",
        remedy="run `unseen join INVITATION --home DIR`, or name another home with --home",
    )


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say of a file under `folder` that cannot be written, or of a full disk, what it is.

    Raises:
        HomeError: in place of the `OSError`; what is neither goes on as it came.

    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno not in _FULL:
            raise
        raise _unwritable(Path(error.filename or folder), error) from None


def write_file(path: Path, data: bytes, *, private: bool = False, durable: bool = True) -> None:
    """Put `data` at `path` so that a reader sees all of it or the file as it was before.

    `durable` waits until a power cut could not undo it.

    Raises:
        HomeError: the file cannot be written.

    """
    try:
        write_whole(path, data, private=private, durable=durable)
    except OSError as error:
        raise _unwritable(path, error) from None


def write_new(path: Path, data: bytes) -> None:
    """Put `data` into the new file `path` in one step, cheaply; does nothing if it is there.

    For what can be made again: a killed process leaves it empty at worst.

    Raises:
        HomeError: the file cannot be written.

    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            write_all(handle, data)
        finally:
            os.close(handle)
    except FileExistsError:
        return
    except OSError as error:
        raise _unwritable(path, error) from None


def read_file(path: Path) -> bytes:
    """Return the bytes at `path`.

    Raises:
        HomeError: the file is missing or cannot be read.

    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise HomeError(
            f"cannot read {path}: {error.strerror}",
            clause="home",
            remedy="restore the file from a backup, or join again with a new invitation",
        ) from None


def write_json(path: Path, value: Json, *, private: bool = False) -> None:
    """Put `value` at `path` as canonical JSON with a line end."""
    write_file(path, canonical.encode(value) + b"\n", private=private)


def read_json(path: Path) -> dict[str, Json]:
    """Return the JSON object at `path`.

    Raises:
        HomeError: missing, unreadable, or not a JSON object.

    """
    data = read_file(path)
    try:
        value = canonical.load(data)
    except CanonicalError:
        value = None
    if not isinstance(value, dict):
        raise HomeError(
            f"{path} is not a JSON object",
            clause="home",
            remedy="restore the file from a backup, or join again with a new invitation",
        )
    return value


def _unwritable(path: Path, error: OSError) -> HomeError:
    return HomeError(
        f"cannot write {path}: {error.strerror}",
        clause="home",
        remedy="free space or correct the folder's permissions, then run it again",
    )
