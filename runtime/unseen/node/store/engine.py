"""Opening the state: SQLite with write-ahead log, every commit on disk before it counts."""

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from unseen.node.errors import StateLockedError

_MIGRATIONS = Path(__file__).parent / "migrations"
# The newest of the migrations: `v0001_first.py` is 0001.
VERSION = max(path.name for path in (_MIGRATIONS / "versions").glob("v*.py"))[1:5]
NO_TRANSACTION = {"unseen_no_transaction": True}  # of a connection: every read for itself
_BUSY_MS = 5000


def open_engine(path: Path) -> Engine:
    """Return an engine on the SQLite file at `path`, migrated to the present schema."""
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"check_same_thread": False}, hide_parameters=True
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    _migrate(engine)
    return engine


def lock_state(home: Path) -> int:
    """Take the exclusive lock of a node home; held until the returned descriptor is closed.

    Raises:
        StateLockedError: another process serves from this home.

    """
    handle = os.open(home / "state.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StateLockedError(
            "another node process is using this home",
            clause="node.home",
            remedy="stop that process, or give this one another --home",
        ) from None
    return handle


def _begin(connection: Connection) -> None:
    if not NO_TRANSACTION.items() <= connection.get_execution_options().items():
        connection.exec_driver_sql("BEGIN")


def _configure(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling starts no transaction before a SELECT; turned off,
    # BEGIN is ours alone (SQLAlchemy's documented recipe).
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # a destroyed key is overwritten, not only unlinked
        f"busy_timeout={_BUSY_MS}",
        "wal_autocheckpoint=4000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        if _version(connection) == VERSION:
            return
        # Imported here: it takes half of a node's start, and most starts migrate nothing.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
