"""One question over a real node: from the SDK's signature to a checked receipt, on this machine.

A new question is counted, gets its noise and is charged with its privacy; beside it stands the
same over the same connection where the node has the answer already, which is everything but the
counting. Each is asked after the other, as one person asks.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from unseen.bench import world as worlds
from unseen.bench.registry import Case, Group, Parameters
from unseen.client import Client, Statistics
from unseen.evidence.contracts.statistics import Dimension, Measure, Menu, Question
from unseen.evidence.contracts.statistics.definition import Definition, Origin

DELTA, EPSILON = "0.000001", "100"
UNITS = 1_000_000
_GROUPS = 8
_MODEL = "operator trusted with rows and noise; TLS 1.3 against the network"
_OFFERED = Definition(
    menu=Menu(
        dimensions=(
            Dimension(
                name="range",
                text="Range of the amount",
                edges=tuple(range(0, 100_001, 100_000 // _GROUPS)),
            ),
        ),
        measures=(Measure(name="amount", text="Amount", unit="", decimals=0, low=0, high=100_000),),
        delta=DELTA,
    ),
    columns=(Origin(name="range", column="amount"), Origin(name="amount", column="amount")),
)


class Asker:
    """Asks the mean by range, each time at a cost of its own or at one that is known."""

    def __init__(self, answers: Statistics, count: int) -> None:
        """Ask `count` questions a lap."""
        self._answers = answers
        self._count = count
        self._new = 0
        self._took: dict[str, list[float]] = {"new": [], "known": []}
        self._known = _question(0)
        answers.ask(self._known)

    def new(self) -> None:
        """Ask what nobody has asked."""
        for _ in range(self._count):
            self._new += 1
            self._timed("new", _question(self._new))

    def known(self) -> None:
        """Ask what the node has answered."""
        for _ in range(self._count):
            self._timed("known", self._known)

    def note(self, which: str) -> str:
        """Return the middle of all durations, warm-ups too."""
        return f"p50 {median(self._took[which]) * 1000:.1f} ms a question"

    def _timed(self, which: str, question: Question) -> None:
        before = perf_counter()
        self._answers.ask(question, again=True)
        self._took[which].append(perf_counter() - before)


def _question(number: int) -> Question:
    """Return a question that costs a rho of its own: a little more than the one before."""
    rho = f"0.00001{number:04d}".rstrip("0")
    return Question(what="mean", of="amount", by=("range",), rho=rho)


def groups(stack: ExitStack, folder: Path, parameters: Parameters) -> Iterator[Group]:
    """Serve a node under `folder`, agree on a contract, and ask."""
    rows, count = parameters["asked_rows"], parameters["asked"]
    agreed: list[Asker] = []
    served = stack.enter_context(worlds.serving(folder, workers=1))

    def agree() -> None:
        answers = stack.enter_context(_answers(folder, served[1], rows))
        agreed.append(Asker(answers, count))

    yield [
        Case(name="statistics/node/agree", phase="set-up", units=rows, work=agree, once=True),
    ]
    (asker,) = agreed
    pids = [served[0].pid]
    yield [
        Case(
            name="statistics/node/new",
            phase="online",
            units=count,
            work=asker.new,
            limit="statistics/node/known",
            note=lambda: asker.note("new"),
            threat_model=_MODEL,
            processes=lambda: pids,
        ),
        Case(
            name="statistics/node/known",
            phase="online",
            units=count,
            work=asker.known,
            note=lambda: asker.note("known"),
            threat_model=_MODEL,
            processes=lambda: pids,
        ),
    ]


@contextmanager
def _answers(folder: Path, home: Path, rows: int) -> Iterator[Statistics]:
    source = folder / "amounts.csv"
    made = (f"{number},{number * 2654435761 % 100_000}\n" for number in range(rows))
    source.write_text("id,amount\n" + "".join(made))
    with ExitStack() as clients:
        operator = clients.enter_context(Client(home))
        operator.register_table("asked", str(source), subject=["id"], labels={"*": ("public", "1")})
        operator.set_privacy_budget("asked", epsilon=EPSILON, delta=DELTA)
        operator.register_product(
            "asked", table="asked", kind="statistics", title="Asked", predicates=_OFFERED
        )
        buyer = clients.enter_context(Client.join(operator.invite("asker"), folder / "asker"))
        contract = buyer.request_contract(
            "asked",
            outputs=["range", "amount"],
            scenario="bench",
            units=UNITS,
            group=10,
            budget=EPSILON,
        )
        operator.approve(contract.id)
        yield buyer.statistics(buyer.sign(contract.id).id)
