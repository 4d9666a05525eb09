"""A buyer with one home: the steps that stories over one node share; see `desk`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unseen.cli.demo.desk import Steps, take_steps
from unseen.cli.views import contract_json, usage_json, verdict_json
from unseen.client import Client, HomeError
from unseen.client.subjects import Subject


class Desk:
    """The desk of a buyer: one client, opened when it joins."""

    def __init__(self, home: Path) -> None:
        """Work in `home`, which is made by `join`."""
        self._home = home
        self._client: Client | None = None
        self.steps: Steps = {
            "join": self._join,
            "request": self._request,
            "sign": self._sign,
            "lookup": self._lookup,
            "usage": self._usage,
            "settle": self._settle,
        }

    @property
    def client(self) -> Client:
        """The client; there is one once the buyer has joined."""
        if self._client is None:
            raise HomeError("the buyer has not joined", clause="home", remedy="join first")
        return self._client

    def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            self._client.close()

    def _join(self, invitation: str) -> Any:
        self._client = Client.join(invitation.encode(), self._home)
        profile = self._client.profile
        return {"party": profile.party, "address": profile.node.address}

    def _request(self, **wish: Any) -> Any:
        return contract_json(self.client.request_contract(**wish))

    def _sign(self, contract: str) -> Any:
        return contract_json(self.client.sign(contract))

    def _lookup(self, contract: str, subject: Subject) -> Any:
        start = time.perf_counter()
        verdict = self.client.lookup(contract, subject)
        return {"verdict": verdict_json(verdict), "seconds": time.perf_counter() - start}

    def _usage(self, contract: str) -> Any:
        return usage_json(self.client.usage(contract))

    def _settle(self, contract: str) -> Any:
        return self.client.settle(contract).decode()


def work(desk: Callable[[Path], Desk]) -> None:
    """Take steps at a desk, whose home is this process's argument, until the input ends."""
    at = desk(Path(sys.argv[1]))
    try:
        take_steps(at.steps)
    finally:
        at.close()
