"""Encrypted tables on this side: fetched once, checked against the signed manifest, mapped.

Of a table that stays with its owner it is the hint that is fetched: a row for each block. A table
is believed only when its bytes hash to the manifest's digest, its rows to the Merkle root, its tags
ascend strictly (a hint has none) and their number is right: then binary search is sound and every
opening made later will verify. An interrupted transfer goes on where it stopped. Of the hint of a
further build only what changed is fetched, where the one before is here (`changed.py`).

The table shows how many rows there are. Without evaluations its rows are pseudorandom.
"""

import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.local.home import Home, read_file, read_json, write_file, write_json
from unseen.client.queries.changed import FETCH_SECONDS, put_together
from unseen.client.session import Progress, Session
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.logged import Headed
from unseen.evidence.oversight.hidden import read_announcement
from unseen.evidence.releases.manifest import (
    HIDDEN_TABLE,
    Manifest,
    build_fault,
    verify_manifest,
)
from unseen.evidence.suite import suite_of
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.lookup.oprf_table import Table, check_order
from unseen.protocols.tlog.tree import Frontier, leaf_hash
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

_READ_BYTES = 1 << 18
_EMPTY = b""


def table_name(manifest: Manifest) -> str:
    """Return the file name of a manifest's table: its digest."""
    return f"{b64encode(manifest.digest)}.table"


def fetch_table(session: Session, contract: str, manifest: Manifest) -> Path:
    """Return the path of the checked table of `manifest`, fetched if it is not there yet.

    Raises:
        AnswerInvalidError: what was fetched is not the manifest's table; it is deleted.
        HomeError: it cannot be written.
        RefusedError, UnreachableError, NodeError: it cannot be fetched; what came is kept.

    """
    path = session.home.table(table_name(manifest))
    with _locked(path.with_suffix(".lock")):
        if path.exists():
            return path
        part = path.with_suffix(".part")
        try:
            _complete(session, contract, manifest, part)
            _check(part, manifest, session.progress)
        except OSError as error:
            raise _unwritable(part, error) from None
        except (AnswerInvalidError, MalformedMessageError) as error:
            _keep_failed(session, contract, manifest, part, error)
            part.unlink(missing_ok=True)  # fetching it again may help, going on cannot
            raise
        part.replace(path)
        return path


def note_before(home: Home, manifest: Manifest, before: str) -> None:
    """Note which manifest (its id, base64url) this one of a further build takes the place of."""
    path = home.table(f"{b64encode(manifest.id())}.before")
    if not path.exists():
        write_file(path, before.encode())


def map_table(path: Path) -> Table:
    """Return the bytes of a checked table without reading them.

    Raises:
        HomeError: the file cannot be read.

    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return _EMPTY  # an empty file cannot be mapped
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise _unwritable(path, error) from None


def keep_manifest(home: Home, manifest: Manifest, token: str) -> None:
    """Keep a signed manifest; openings need it after its epoch."""
    path = home.table(f"{b64encode(manifest.id())}.manifest")
    if not path.exists():
        write_file(path, token.encode())


def load_manifest(session: Session, identifier: str) -> tuple[str, Manifest]:
    """Return the signed manifest with this id (base64url) and what it says.

    Raises:
        HomeError: this home has never seen it.

    """
    token = read_file(session.home.table(f"{identifier}.manifest")).decode()
    return token, verify_manifest(token, session.suite, session.profile.node.evidence_key)


def keep_announcement(home: Home, manifest: Manifest, announcement: Headed) -> None:
    """Keep how the log announced a manifest; openings need it after its epoch."""
    path = home.table(f"{b64encode(manifest.id())}.announcement")
    if not path.exists():
        write_json(path, announcement.to_json())


def load_announcement(home: Home, identifier: str) -> Headed:
    """Return how the log announced the manifest with this id (base64url).

    Raises:
        HomeError: this home has never seen it.

    """
    return read_announcement(read_json(home.table(f"{identifier}.announcement")))


def _complete(session: Session, contract: str, manifest: Manifest, part: Path) -> None:
    before = _before(session, manifest)
    if before is None:
        _fetch(session, contract, manifest, part)
    else:
        part.touch()
        put_together(session, contract, manifest, before, part)


def _before(session: Session, manifest: Manifest) -> Path | None:
    """Return the hint of the newest build before this one that is here, if any is."""
    while manifest.build > 1:
        noted = session.home.table(f"{b64encode(manifest.id())}.before")
        if not noted.exists():
            return None
        earlier = load_manifest(session, read_file(noted).decode())[1]
        if build_fault(earlier, manifest):
            return None
        manifest = earlier
        path = session.home.table(table_name(manifest))
        if path.exists():
            return path
    return None


def _fetch(session: Session, contract: str, manifest: Manifest, part: Path) -> None:
    stub = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)
    total = manifest.rows * manifest.row_bytes
    with part.open("ab") as file:
        done = file.tell()
        if done >= total:
            file.truncate(total)
            return
        request = lookup_pb2.FetchTableRequest(
            contract=f"contracts/{contract}",
            epoch=manifest.epoch,
            offset=done,
            manifest=manifest.id(),
        )
        for answer in session.channel.stream(stub.FetchTable, request, FETCH_SECONDS):
            file.write(answer.chunk)
            done += len(answer.chunk)
            if done > total:
                break
            session.progress(f"fetching the {_noun(manifest)}", done, total)
        file.flush()
        os.fsync(file.fileno())


def _check(part: Path, manifest: Manifest, progress: Progress) -> None:
    suite = suite_of(manifest.suite)
    total = manifest.rows * manifest.row_bytes
    if part.stat().st_size != total:
        raise _mismatch("size", _noun(manifest))
    digest = hashlib.sha256() if suite.id == "intl" else None
    tree = Frontier(suite.hash)
    done = 0

    def watched() -> Iterator[bytes]:
        nonlocal done
        size = manifest.row_bytes
        for chunk in _chunks(part, _READ_BYTES // size * size):
            if digest is not None:
                digest.update(chunk)
            for start in range(0, len(chunk), size):
                tree.append(leaf_hash(chunk[start : start + size], suite.hash))
            done += len(chunk)
            progress(f"checking the {_noun(manifest)}", done, total)
            yield chunk

    if manifest.protocol == HIDDEN_TABLE:
        rows = sum(len(chunk) for chunk in watched()) // manifest.row_bytes
    else:
        rows = check_order(manifest.parameters(), watched())
    whole = suite.digest(part.read_bytes()) if digest is None else digest.digest()
    for what, found, expected in (
        ("rows", rows, manifest.rows),
        ("digest", whole, manifest.digest),
        ("root", tree.root(), manifest.root),
    ):
        if found != expected:
            raise _mismatch(what, _noun(manifest))


def _keep_failed(
    session: Session,
    contract: str,
    manifest: Manifest,
    part: Path,
    error: AnswerInvalidError | MalformedMessageError,
) -> None:
    """Keep what is wrong with a table, and its hash: it may be too long to be kept itself."""
    identifier = b64encode(manifest.id())
    token, _ = load_manifest(session, identifier)
    with part.open("rb") as file:
        # The suite's own hash takes all at once; the name only has to be the same for the same.
        digest = hashlib.file_digest(file, "sha256").digest()
    value: dict[str, Json] = {
        "v": 1,
        "type": "table",
        "contract": contract,
        "manifest": token,
        "reason": error.reason,
        "clause": error.clause,
        "bytes": part.stat().st_size,
        "sha256": b64encode(digest),
    }
    write_json(session.home.evidence(f"table-{identifier[:16]}.json"), value)


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(size):
            yield chunk


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time fetch a table; its threads wait on the same lock."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _noun(manifest: Manifest) -> str:
    return "table's hint" if manifest.protocol == HIDDEN_TABLE else "encrypted table"


def _mismatch(what: str, noun: str) -> AnswerInvalidError:
    return AnswerInvalidError(
        f"the {noun} is not the one of the signed manifest: its {what} differs",
        clause=f"manifest.{what}",
        remedy="try again; if it persists, show the manifest to the operator",
    )


def _unwritable(path: Path, error: OSError) -> HomeError:
    return HomeError(
        f"cannot use {path}: {error.strerror}",
        clause="home",
        remedy="free space or correct the folder's permissions, then run it again",
    )
