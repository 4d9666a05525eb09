"""One SQLite file behind many threads: writes of all threads share a commit.

A write that must survive a power cut waits for it; the first thread to arrive commits for
everybody who has queued by then (group commit), so 32 threads cost one sync and not 32. A write
that may be lost (it can be fetched again) rides along with the next commit.

Rows may be written again after a failed commit, so every statement must be idempotent.
"""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unseen.client.errors import HomeError

VERSION = 2
_BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE head (
    origin TEXT NOT NULL,         -- the log
    note TEXT NOT NULL,           -- a verified checkpoint, not yet proven to lead to a larger one
    PRIMARY KEY (origin, note)
) STRICT, WITHOUT ROWID;
CREATE TABLE epoch (
    contract TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,       -- the latest that the node has shown
    manifest TEXT NOT NULL        -- digest of its manifest
) STRICT;
CREATE TABLE request (
    id TEXT PRIMARY KEY,
    contract TEXT NOT NULL,
    kind TEXT NOT NULL,
    units INTEGER NOT NULL,
    manifest TEXT NOT NULL,       -- digest of the manifest, empty for kinds without one
    created TEXT NOT NULL,
    state TEXT NOT NULL,          -- sent, answered, refused, void or lost
    wire BLOB NOT NULL,           -- sealed: the exact message that was sent
    secret BLOB NOT NULL,         -- sealed: subjects and blinds
    reply BLOB                    -- sealed: the message that came back
) STRICT;
CREATE INDEX request_contract ON request (contract, state);
CREATE TABLE label (
    manifest TEXT NOT NULL,       -- digest of the manifest it was opened under
    subject BLOB NOT NULL,        -- keyed hash
    label BLOB NOT NULL,          -- sealed
    PRIMARY KEY (manifest, subject)
) STRICT, WITHOUT ROWID;
"""

# Later than the others, which stay as they are: a home gets it when it is next opened.
_ANSWERS = """
CREATE TABLE IF NOT EXISTS answer (
    request TEXT PRIMARY KEY,
    kept BLOB NOT NULL            -- sealed: what opens a hidden table's answers to the request
) STRICT
"""


class Database:
    """The state database of one home. Thread-safe; other processes may have it open too."""

    def __init__(self, path: Path) -> None:
        """Open the database at `path`, and make it if there is none.

        Raises:
            HomeError: it cannot be opened, or another version of this program wrote it.

        """
        self._path = path
        self._queue = threading.Lock()
        self._pending: list[tuple[str, Sequence[Any]]] = []
        self._queued = 0
        self._commit = threading.Lock()
        self._committed = 0
        self._synced = 0
        self._mode = ""
        self._reading = threading.Lock()
        try:
            self._writer = self._connect()
            self._reader = self._connect()
        except sqlite3.Error as error:
            raise self._error(error) from None

    def write(self, statement: str, values: Sequence[Any], *, wait: bool = False) -> None:
        """Queue an idempotent `statement`; with `wait`, return when no power cut can undo it.

        Raises:
            HomeError: the database cannot be written.

        """
        with self._queue:
            self._pending.append((statement, values))
            self._queued += 1
            ticket = self._queued
        if wait:
            self._flush(ticket, sync=True)

    def flush(self) -> None:
        """Hand all queued writes to the operating system, so that a killed process keeps them."""
        self._flush(self._queued, sync=False)

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query; sees what was flushed."""
        try:
            with self._reading:
                return self._reader.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._error(error) from None

    def close(self) -> None:
        """Write what is queued and close. Closing twice does nothing."""
        try:
            self.flush()
        except sqlite3.ProgrammingError:
            return
        finally:
            self._writer.close()
            self._reader.close()

    def _flush(self, ticket: int, *, sync: bool) -> None:
        with self._commit:
            if (self._synced if sync else self._committed) >= ticket:
                return  # somebody else's commit took it along
            with self._queue:
                batch, self._pending = self._pending, []
                last = self._queued
            try:
                self._write(batch, sync=sync)
            except sqlite3.Error as error:
                with self._queue:
                    self._pending = batch + self._pending
                raise self._error(error) from None
            self._committed = last
            if sync:
                self._synced = last

    def _write(self, batch: list[tuple[str, Sequence[Any]]], *, sync: bool) -> None:
        mode = "FULL" if sync else "NORMAL"
        if mode != self._mode:
            self._writer.execute(f"PRAGMA synchronous = {mode}")
            self._mode = mode
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in batch:
                self._writer.execute(statement, values)
            if not batch:
                # Queued before, handed to the system unsynced: one more record syncs them all.
                self._writer.execute(f"PRAGMA user_version = {VERSION}")
            self._writer.execute("COMMIT")
        except sqlite3.Error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _connect(self) -> sqlite3.Connection:
        # One connection is used by many threads, each under a lock of this class.
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        self._path.chmod(0o600)
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        if version in (0, VERSION):
            connection.execute(_ANSWERS)
        connection.execute("COMMIT")
        if version not in (0, VERSION):
            connection.close()
            raise HomeError(
                f"{self._path} was written by another version of this program",
                clause="home",
                remedy="use the version that wrote it, or join again into a new home",
            )
        return connection

    def _error(self, error: sqlite3.Error) -> HomeError:
        return HomeError(
            f"cannot use {self._path}: {error}",
            clause="home",
            remedy="free space, or end the program that holds the file, then run it again",
        )
