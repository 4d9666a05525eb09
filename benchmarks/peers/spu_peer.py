"""SecretFlow's PSI (spu 0.9), a process for each party, beside the bench `psi`.

`spu.psi.psi_execute` as it is called from Python: a CSV file in, a CSV file out, over its own link
on loopback. Reading, checking and writing are in it, since there is no other way to call it; what
the system's `sort` takes, which it starts, is in the seconds on the wall and not in those of CPU.
The files lie in a folder of their own, and are written before the first order.
"""

import multiprocessing
import os
import socket
import tempfile
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from spu import libspu, psi

from answering import Answer, given, serve
from counting_relay import Relay
from sets import made

KEY = "item"
RECEIVER, SENDER = 0, 1
_PATIENCE = 60.0  # seconds
PROTOCOLS = {
    "rr22": (psi.PsiProtocol.PROTOCOL_RR22, psi.EllipticCurveType.CURVE_FOURQ),
    "kkrt": (psi.PsiProtocol.PROTOCOL_KKRT, psi.EllipticCurveType.CURVE_FOURQ),
    "fourq": (psi.PsiProtocol.PROTOCOL_ECDH, psi.EllipticCurveType.CURVE_FOURQ),
}


def written(folder: Path, party: int, items: list[str]) -> None:
    """Write a party's set."""
    (folder / f"{party}.csv").write_text("\n".join([KEY, *items]) + "\n", encoding="utf-8")


def execute(folder: Path, party: int, protocol: str, ports: list[int], both: Barrier) -> int:
    """Take a party's part in one run, and return how many items are in both.

    Both parties call this at the same time; `ports` are where this one listens and finds the other.
    They wait for each other between connecting and running: running connects once more, and a
    greeting that comes before the other party is through with the first is lost.
    """
    described = libspu.link.Desc()
    for rank, port in enumerate(ports):
        described.add_party(str(rank), f"127.0.0.1:{port}")
    link = libspu.link.create_brpc(described, party)
    both.wait(_PATIENCE)
    kind, curve = PROTOCOLS[protocol]
    config = psi.PsiExecuteConfig(
        protocol_conf=psi.PsiProtocolConfig(
            protocol=kind, receiver_rank=RECEIVER, ecdh_params=psi.EcdhParams(curve=curve)
        ),
        input_params=psi.InputParams(
            path=str(folder / f"{party}.csv"), selected_keys=[KEY], keys_unique=True
        ),
        output_params=psi.OutputParams(path=str(folder / f"{party}.out.csv")),
    )
    report = psi.psi_execute(config, link)
    link.stop_link()
    return int(report.intersection_count)


def other(folder: Path, connection: Connection, both: Barrier) -> None:
    """Be the sender, for as many runs as are asked for."""
    quiet(1)
    while True:
        protocol, ports = connection.recv()
        connection.send(execute(folder, SENDER, protocol, ports, both))


class Receiver:
    """The party that learns what is in both, and asks the other one to take part."""

    def __init__(self, folder: Path, connection: Connection, both: Barrier) -> None:
        """Take the folder with both files, and the way to the sender."""
        self._folder, self._sender, self._both_are_there = folder, connection, both

    def run(self, protocol: str) -> Answer:
        """Run once."""
        ports = free_ports()
        return {"found": self._both(protocol, ports, ports)}

    def count(self, protocol: str) -> Answer:
        """Run once more, slower, and count what goes over loopback."""
        here, there = free_ports()
        to_us, to_sender = Relay(here), Relay(there)
        found = self._both(protocol, [here, to_sender.port], [to_us.port, there])
        for relay in (to_us, to_sender):
            relay.close()
        up, down = to_sender.forth + to_us.back, to_us.forth + to_sender.back
        return {"found": found, "up": up, "down": down}

    def _both(self, protocol: str, ours: list[int], theirs: list[int]) -> int:
        before = traces()
        self._sender.send((protocol, theirs))
        found = execute(self._folder, RECEIVER, protocol, ours, self._both_are_there)
        self._sender.recv()
        for left in traces() - before:  # it leaves one of every run behind
            left.unlink(missing_ok=True)
        return found


def traces() -> set[Path]:
    """Return the traces of runs that lie in the temporary folder."""
    return set(Path(tempfile.gettempdir()).glob("psi_*.trace"))


def free_ports() -> list[int]:
    """Return two ports of loopback that nobody listens at now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


def quiet(*outputs: int) -> None:
    """Send what the library logs nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in outputs:
        os.dup2(nowhere, output)


def main() -> None:
    """Answer each line: `run PROTOCOL`, `count PROTOCOL`, or `pids`."""
    asked = given()
    quiet(2)
    with tempfile.TemporaryDirectory(prefix="unseen-spu-") as name:
        folder = Path(name)
        for party, items in enumerate(made(asked["n"], asked["common"])):
            written(folder, party, items)
        mine, theirs = multiprocessing.Pipe()
        both = multiprocessing.Barrier(2)
        sender = multiprocessing.Process(target=other, args=(folder, theirs, both), daemon=True)
        sender.start()
        receiver = Receiver(folder, mine, both)
        serve(
            {
                "run": receiver.run,
                "count": receiver.count,
                "pids": lambda _: {"pids": [os.getpid(), sender.pid]},
            }
        )


if __name__ == "__main__":
    main()
