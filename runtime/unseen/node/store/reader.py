"""One kept connection for short reads on the event loop: taking one anew costs more than a read.

It opens no transaction, so each read sees what was committed last. Not for other threads, nor for
what has to be read together.
"""

from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from unseen.evidence import canonical
from unseen.node.store.engine import NO_TRANSACTION
from unseen.node.store.schema import leaves


class Reader:
    """Reads single rows of what is committed."""

    def __init__(self, engine: Engine) -> None:
        """Connect at the first read."""
        self._engine = engine
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection; a new one if the last was lost."""
        if self._connection is None or self._connection.invalidated:
            self.close()
            self._connection = self._engine.connect().execution_options(**NO_TRANSACTION)
        return self._connection

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def newest_time(engine: Engine) -> datetime | None:
    """Return the time of the newest leaf, if there is one."""
    with engine.connect() as connection:
        newest = select(func.max(leaves.c.leaf_index)).scalar_subquery()
        body = connection.execute(
            select(leaves.c.body).where(leaves.c.leaf_index == newest)
        ).scalar_one_or_none()
    if body is None:
        return None
    leaf = canonical.decode(body)
    return canonical.parse_time(str(leaf["time"])) if isinstance(leaf, dict) else None
