"""Checking exports, heads and bundles from files: offline, with nothing but a trust file."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from unseen.client.errors import HomeError
from unseen.client.exported import open_export
from unseen.client.local.home import read_file
from unseen.evidence import canonical, jws
from unseen.evidence.audit import Policy, Report, Signature, check_export, verify_all
from unseen.evidence.audit.bundle import Verified, check_bundle
from unseen.evidence.audit.export import CHECKPOINTS
from unseen.evidence.audit.heads import Head, forks, read_head
from unseen.evidence.canonical import Json
from unseen.evidence.errors import BundleInvalidError, CanonicalError
from unseen.evidence.releases.receipt import TYP
from unseen.evidence.trust import Trust

_CHUNK = 256  # signatures that a process checks at a time
_SIGNED = "\n\n\N{EM DASH} "  # every signed note has it, and no token


@dataclass(frozen=True, slots=True)
class Comparison:
    """Heads of logs, found in files, and the pairs that one log cannot both have had.

    `apart` are the heads whose size no other head of the log has: what lies between them and the
    others is not in these files.
    """

    heads: tuple[Head, ...]
    forks: tuple[tuple[Head, Head], ...]
    apart: tuple[Head, ...]


def check_folder(
    folder: Path,
    trust: Trust,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    *,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Return what recomputing the export in `folder` shows; see `evidence.audit.check_export`.

    Signatures are checked by so many `processes`, which helps as far as there are cores.

    Raises:
        As `check_export`, and HomeError if a file cannot be read.

    """
    export = open_export(folder)
    with _verifier(processes) as verify:
        return check_export(export, trust, policy, verify=verify, progress=progress)


def check_file(path: Path, trust: Trust, witnesses: int = 0) -> Verified:
    """Return what the bundle at `path` proves; see `evidence.audit.bundle.check_bundle`.

    Raises:
        As `check_bundle`, and HomeError if the file cannot be read.

    """
    try:
        value = canonical.decode(read_file(path).removesuffix(b"\n"))
    except CanonicalError as error:
        raise BundleInvalidError(f"bundle: {error}", clause="form") from None
    return check_bundle(value, trust, witnesses)


def compare(paths: Sequence[Path], trust: Trust) -> Comparison:
    """Return the heads in `paths`, verified, and which of them contradict each other.

    A path is a signed note, a receipt, a bundle, an opening, the proof of a fork, the folder of an
    export, or a client's home.

    Raises:
        HomeError: a file cannot be read, or holds no head.
        EvidenceError: a head does not verify.

    """
    heads = [read_head(str(path), note, trust) for path in paths for note in notes_of(path)]
    pairs = forks(heads)
    places = [(head.checkpoint.origin, head.checkpoint.size) for head in heads]
    apart = [
        head
        for head, place in zip(heads, places, strict=True)
        if places.count(place) == 1 and len({size for log, size in places if log == place[0]}) > 1
    ]
    return Comparison(tuple(heads), tuple(pairs), tuple(apart))


def notes_of(path: Path) -> list[str]:
    """Return the signed notes in a file or folder, each once; none is verified.

    Raises:
        HomeError: it cannot be read, or holds none.

    """
    return list(dict.fromkeys(_notes(path)))


def _notes(path: Path) -> Iterator[str]:
    found = list(_folder(path)) if path.is_dir() else list(_file(read_file(path)))
    if not found:
        raise HomeError(
            f"{path} holds no signed head of a log",
            clause="heads",
            remedy="give a checkpoint, a receipt, a bundle, an export or a home",
        )
    yield from found


def _folder(path: Path) -> Iterator[str]:
    if (path / CHECKPOINTS).is_file():
        for _, note in open_export(path).checkpoints():
            yield note
    for receipt in sorted((path / "receipts").glob("*.receipt")):
        yield from _file(read_file(receipt))
    state = path / "state.db"
    if state.is_file() and (path / "profile.json").is_file():
        with sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True) as database:
            yield from (str(row[0]) for row in database.execute("SELECT note FROM head"))
        database.close()


def _file(data: bytes) -> Iterator[str]:
    text = data.decode("utf-8", "replace")
    if _SIGNED in text and not text.startswith("{"):
        yield text
        return
    try:
        yield from _within(canonical.load(data) if text.startswith("{") else text.strip())
    except CanonicalError:
        return


def _within(value: Json) -> Iterator[str]:
    """Yield the signed notes anywhere in a JSON value, and those in the receipts there."""
    match value:
        case dict():
            for item in value.values():
                yield from _within(item)
        case list():
            for item in value:
                yield from _within(item)
        case str() if _SIGNED in value:
            yield value
        case str() if value.count(".") == 2:
            try:
                token = jws.peek(value)
            except CanonicalError:
                return
            if token.typ == TYP:
                yield from _within(token.payload)


@contextmanager
def _verifier(processes: int) -> Iterator[Callable[[Sequence[Signature]], Sequence[bool]]]:
    if processes <= 1:
        yield verify_all
        return
    with ProcessPoolExecutor(processes, get_context("forkserver")) as pool:

        def verify(signatures: Sequence[Signature]) -> list[bool]:
            chunks = [signatures[at : at + _CHUNK] for at in range(0, len(signatures), _CHUNK)]
            return [holds for found in pool.map(verify_all, chunks) for holds in found]

        yield verify
