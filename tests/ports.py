"""Ports of the loopback for the nodes of the tests: none is given twice in a run.

A port is chosen long before its node listens, and stays the node's while it is stopped. So each
worker of pytest-xdist has ports of its own, all below those that the system gives to clients.
"""

import os
import random
import secrets
import socket
from contextlib import suppress

LOWEST, HIGHEST = 20_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nothing listens on and that no other test was given."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = list(range(LOWEST + worker, HIGHEST, count))
    random.Random(secrets.token_bytes(8)).shuffle(ports)
    for port in ports:
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise OSError("no free port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
