"""The insurer's process. Run as `python -m unseen.cli.demo.hospitals.buyer HOME`; see `desk`.

It has a home at each hospital, relays what the nodes say to each other, and holds no table.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.desk import Steps, report, take_steps
from unseen.cli.demo.hospitals import script
from unseen.cli.statistic_views import joint_json
from unseen.cli.views import contract_json
from unseen.client import Client
from unseen.client.errors import AnswerInvalidError, WireError
from unseen.client.joint import statistics, training
from unseen.client.joint.seats import Seat
from unseen.client.joint.statistics import JointStatistics
from unseen.client.joint.training import JointTraining
from unseen.client.wording import cost_of, make_question
from unseen.evidence.contracts.joint import Joint
from unseen.evidence.contracts.training.clause import names_of
from unseen.protocols.train import Model

if TYPE_CHECKING:
    from unseen.protocols.secagg import Arrival
    from unseen.protocols.secagg.parameters import Round

TOLD_COORDINATES = 2
TRAINING, SHARES, GONE = script.REPORTS


class WatchedSeat(Seat):
    """A seat that says when a round is under way, and keeps what its node sent masked."""

    def __init__(self, seat: Seat) -> None:
        """Take the place of `seat`."""
        vars(self).update(vars(seat))
        self.seen: list[str] = []

    def shares(self, parameters: "Round", roster: Sequence[bytes], seconds: float) -> bytes:
        """Hand over all announcements; says so before, and where the node cannot be reached."""
        report(f"{SHARES} {self.name}")
        try:
            return super().shares(parameters, roster, seconds)
        except WireError:
            report(f"{GONE} {self.name}")
            raise

    def masked(self, parameters: "Round", deliveries: Sequence[bytes], seconds: float) -> "Arrival":
        """Return the node's masked vector, and keep the beginning of it in hexadecimal."""
        arrival = super().masked(parameters, deliveries, seconds)
        self.seen = [f"{int(word):016x}" for word in arrival.words[:TOLD_COORDINATES]]
        return arrival


class Desk:
    """The insurer's desk: a client at each hospital."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        """Work in `home`; clients are closed with the stack."""
        self._home, self._stack = home, stack
        self._clients: dict[str, Client] = {}
        self.steps: Steps = {
            "join": self._join,
            "request": self._request,
            "sign": self._sign,
            "ask": self._ask,
            "fit": self._fit,
            "release": self._release,
        }

    def _join(self, hospital: str, invitation: str) -> Any:
        joined = Client.join(invitation.encode(), self._home / hospital)
        client = self._clients[hospital] = self._stack.enter_context(joined)
        node = client.profile.node
        return {"node": node.name, "address": node.address}

    def _request(self, hospital: str, purpose: str) -> Any:
        client, clause = self._clients[hospital], self._clause(purpose)
        spec = None
        outputs: tuple[str, ...] = script.OUTPUTS
        if purpose == script.MODEL:
            menu = training.offered(client.products(), script.PRODUCTS[purpose])
            spec = training.make_training(script.TRAINING.encode(), menu, clause)
            outputs = names_of(spec)
        found = client.request_contract(
            script.PRODUCTS[purpose],
            outputs=outputs,
            scenario=script.SCENARIO,
            units=script.UNITS[purpose],
            days=script.DAYS,
            group=script.GROUP,
            budget=script.BUDGETS[purpose],
            joint=clause,
            train=spec,
        )
        return contract_json(found)

    def _clause(self, purpose: str) -> Joint:
        """Return the clause that contracts at all hospitals are asked for with."""
        clients = list(self._clients.values())
        places = [client.profile.node.place for client in clients]
        name = script.PRODUCTS[purpose]
        if purpose == script.MODEL:
            menu = training.offered(clients[0].products(), name)
            return training.make_clause(places, script.TRAINING.encode(), menu)
        (offered,) = (each for each in clients[0].products() if each.name == name)
        if offered.menu is None:
            raise AnswerInvalidError(f"{name} has no menu", clause="product.menu")
        chosen = offered.menu.only(script.OUTPUTS)
        return statistics.make_clause(places, chosen, clients[0].profile.suite)

    def _sign(self, hospital: str, contract: str) -> Any:
        return contract_json(self._clients[hospital].sign(contract))

    def _seats(self, contracts: Mapping[str, str]) -> list[WatchedSeat]:
        return [WatchedSeat(self._clients[name].seat(one)) for name, one in contracts.items()]

    def _ask(self, contracts: dict[str, str], epsilon: str) -> Any:
        seats = self._seats(contracts)
        answers = JointStatistics(seats, progress=_where)
        cost = cost_of(answers.menu, epsilon, None)
        question = make_question(answers.menu, "mean", "visits", by="coinsurance", cost=cost)
        start = time.perf_counter()
        found = answers.ask(question)
        seconds = time.perf_counter() - start
        seen = {seat.name: seat.seen for seat in seats}
        return {"answer": joint_json(found), "seen": seen, "seconds": seconds}

    def _fit(self, contracts: dict[str, str], output: str) -> Any:
        found = JointTraining(self._seats(contracts), progress=_where).fit()
        folder = Path(output)
        folder.mkdir(mode=0o700)
        for name, data in found.files(script.PURPOSE).items():
            (folder / name).write_bytes(data)
        metrics = found.metrics
        return {
            "model": str(folder / "model.json"),
            "files": sorted(path.name for path in folder.iterdir()),
            "auc": metrics.auc if metrics else None,
            "spread": metrics.spread if metrics else None,
            "cost": found.cost,
            "units": found.units,
        }

    def _release(self, contracts: dict[str, str], model: str) -> Any:
        read = Model.decode(Path(model).read_bytes())
        found = JointTraining(self._seats(contracts)).release(read)
        receipts = {name: str(path) for name, path in found.receipts.items()}
        return {"receipts": receipts, "held": list(found.held)}


def _where(what: str, done: int, total: int) -> None:
    """Say how far a training is."""
    if what == TRAINING:
        report(f"{what} {done}/{total}")


def main() -> None:
    """Take steps until the input ends."""
    with ExitStack() as stack:
        take_steps(Desk(Path(sys.argv[1]), stack).steps)


if __name__ == "__main__":
    main()
