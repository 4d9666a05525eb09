"""Train two models on a hospital's rows under contracts, and show the hospital neither of them.

Makes a hospital's node and the clients of an institute and an insurer, all on this machine, and
tells the story by the SDK. The institute trains a secret model (NHEFS), the insurer one over its
own labels and columns and the hospital's (RAND health), aligned by an intersection. Run it from the
repository's folder:

    .venv/bin/python examples/11_encrypted_training/models.py [FOLDER]
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unseen.bench.drawing import BOTTOM, Panel, dot, frame, line, path, sheet, text
from unseen.client import Client
from unseen.client.catalog import Prices
from unseen.client.queries.fitted import Fitted
from unseen.evidence import trust
from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.contracts.intersection import ITEMS, Offered
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.training.encrypted_file import parse_encrypted
from unseen.evidence.verify import verify_receipt
from unseen.protocols.he.training import clear
from unseen.protocols.he.training.descent import Descent
from unseen.protocols.he.training.rows import kept
from unseen.protocols.train.attack import area
from unseen.protocols.train.rows import seen_of
from unseen.streams.feature_rows import numbers

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from serving import make_node, own_folder, say, serving  # noqa: E402 - as it lies beside us

DATA = HERE.parent / "data"
PRICES = Prices("EUR", 50_000, 10_000)
RATE = 2.0  # of steps: chosen on these tables, for both
ENDS_AFTER = 5  # iterations, when the institute's machine goes down
MOST = 40  # iterations of either training
COLOURS = ("#1f5fa8", "#b4531a")
WIDTH, HEIGHT = 560, 350

Reals = NDArray[np.float64]
Curves = tuple[list[float], list[float]]


class DownError(Exception):
    """The institute's machine goes down."""


def cut(table: pa.Table, count: int) -> tuple[pa.Table, pa.Table]:
    """Return a table without some of its rows, and those: which ones, chance has said once."""
    order = np.random.default_rng(0).permutation(len(table))
    return table.take(np.sort(order[count:])), table.take(np.sort(order[:count]))


def smokers() -> tuple[pa.Table, pa.Table]:
    """Return the people of NHEFS whose cholesterol is known, and a fifth of them held out."""
    table = pq.read_table(DATA / "nhefs.parquet")
    table = table.filter(pc.is_valid(table["cholesterol"]))
    return cut(table, len(table) // 5)


def insured() -> tuple[pa.Table, pa.Table]:
    """Return the first year of people in RAND health, and a fifth of them held out."""
    table = pq.read_table(DATA / "rand_health.parquet")
    table = table.filter(pc.and_(pc.equal(table["year"], 1), pc.is_valid(table["educdec"])))
    return cut(table, len(table) // 5)


def offer(operator: Client, name: str, table: Path, subject: str) -> None:
    """Register a table, offer its columns for training, and say what that may cost, for ever."""
    definition = parse_definition((HERE / f"{name}_menu.toml").read_bytes())
    operator.register_table(name, str(table), subject=[subject], labels={"*": ("public", "1")})
    operator.register_product(
        name,
        table=name,
        kind="train",
        title=f"What is known of people at the {name}",
        predicates=definition,
        prices=PRICES,
    )
    operator.set_privacy_budget(name, epsilon="5", delta=definition.menu.delta)


def agree(operator: Client, buyer: Client, product: str, file: str) -> tuple[str, Encrypted]:
    """Have a contract signed over the training of a file; return its id, and what is trained."""
    definition = parse_definition((HERE / f"{product}_menu.toml").read_bytes())
    wanted = parse_encrypted((HERE / file).read_bytes(), definition.menu)
    contract = buyer.request_contract(
        product,
        outputs=wanted.names,
        scenario="research",
        units=wanted.iterations,
        days=1,
        budget="4.01",
        train=wanted,
    ).id
    operator.approve(contract)
    for each in buyer.sign(contract).leakage.statements:
        print(f"  {each.party}: {each.text} ({each.bound})")
    return contract, wanted


class Judge:
    """How good weights are, over rows held out; beside the same steps in the clear.

    Those are taken with the sigmoid itself and without noise. Only who has all rows can take them,
    and nobody here has.
    """

    def __init__(self, wanted: Encrypted, rows: pa.Table, held: pa.Table, label: str) -> None:
        """Take what is trained, and the rows of both parties."""
        self._wanted = wanted
        self._seen, self._yes = self._values(held), np.array(held[label].to_pylist(), bool)
        task = wanted.task()
        theirs, own = np.split(self._values(rows), [task.columns], axis=1)
        parts = [kept(theirs, task.columns, task.norm)]
        if wanted.own:
            parts.append(kept(own, task.own_columns, task.own_norm))
        values, labels = np.concatenate(parts, axis=1), np.array(rows[label].to_pylist(), float)
        descent = Descent(task, RATE)
        self.clear = [self.area(descent.weights)]
        for _ in range(task.iterations):
            descent.step(clear.gradient(values, labels, descent.asked, task, clear.sigmoid))
            self.clear.append(self.area(descent.weights))

    def area(self, weights: Reals) -> float:
        """Return the area under the curve."""
        scores = self._seen @ weights
        return float(area(scores[self._yes], scores[~self._yes]))

    def _values(self, rows: pa.Table) -> Reals:
        features = (*self._wanted.features, *self._wanted.own)
        columns = {one.name: rows[one.name].to_pylist() for one in features}
        seen = seen_of(features, numbers(features, columns))
        return np.concatenate([np.ones((len(rows), 1)), seen], axis=1)


class Watched:
    """Hears of iterations, and keeps how good the weights were after each."""

    def __init__(self, contract: str, judge: Judge, ends: int = -1) -> None:
        """Take what is trained, and after how many iterations the machine goes down."""
        self.areas: list[float] = []
        self.client: Client | None = None
        self._contract, self._judge, self._ends = contract, judge, ends

    def __call__(self, what: str, done: int, _total: int) -> None:
        """Hear of a step."""
        if what != "iterations" or self.client is None:
            return
        weights = self.client.fitting(self._contract).weights
        if weights is not None and done == len(self.areas):
            self.areas.append(self._judge.area(weights))
        if done == self._ends:
            self._ends = -1
            raise DownError


def picture(found: dict[str, tuple[list[float], list[float]]]) -> str:
    """Return an SVG of areas by iteration, under encryption with noise; dashed in the clear."""
    panel = Panel(60, 530, 0.5, 0.9)
    lines = frame(panel, "Area under the curve", [0.5, 0.6, 0.7, 0.8, 0.9], 1)
    for number, (name, (encrypted, plain)) in enumerate(found.items()):
        colour = COLOURS[number]
        lines.append(path(_points(panel, encrypted), colour))
        steps = pairwise(_points(panel, plain))
        lines += [line(first, second, colour, dashed=True) for first, second in steps]
        lines.append(dot((panel.left + 200 * number + 5, HEIGHT - 12), colour))
        lines.append(text(panel.left + 200 * number + 16, HEIGHT - 8, name))
    for count in range(0, MOST + 1, 10):
        lines.append(text(panel.x(count / MOST), BOTTOM + 18, f"{count}", "middle"))
    lines.append(text(panel.x(0.5), BOTTOM + 36, "iterations; dashed: in the clear", "middle"))
    return sheet(WIDTH, HEIGHT, lines)


def _points(panel: Panel, areas: list[float]) -> list[tuple[float, float]]:
    return [(panel.x(count / MOST), panel.y(one)) for count, one in enumerate(areas)]


def tell_area(found: Fitted, judge: Judge) -> None:
    """Print how good a model is, beside the one in the clear."""
    encrypted, plain = judge.area(found.weights), judge.clear[-1]
    print(f"  area under the curve, held out: {encrypted:.3f}; in the clear {plain:.3f}")


def tell_secret(operator: Client, folder: Path) -> Curves:
    """An institute trains a model that the hospital does not see."""
    rows, held = smokers()
    pq.write_table(rows, folder / "clinic.parquet")
    say(f"The hospital offers columns of {len(rows):,} people of its clinic for training.")
    offer(operator, "clinic", folder / "clinic.parquet", "seqn")
    institute = Client.join(operator.invite("institute"), folder / "institute")
    operator.parties()  # the hospital pins the buyer's key, to sign contracts with it
    with institute:
        say("The institute asks for a contract, and reads what it leaks before it signs.")
        contract, wanted = agree(operator, institute, "clinic", "secret.toml")

    labelled = rows.append_column("died", rows["death"])
    judge = Judge(wanted, labelled, held.append_column("died", held["death"]), "died")
    watched = Watched(contract, judge, ENDS_AFTER)
    say(f"It trains; after {ENDS_AFTER} iterations its machine goes down.")
    with Client(folder / "institute", progress=watched) as ended:
        watched.client = ended
        try:
            ended.fit(contract, rate=RATE)
        except DownError:
            print(ended.fitting(contract))
    with Client(folder / "institute", progress=watched) as institute:
        watched.client = institute
        say("It goes on where it was: nothing is paid twice.")
        found = institute.fit(contract)
        print(found)
        print(f"  done before: {found.resumed}")
        tell_area(found, judge)
        for file in found.save(folder / "secret-model"):
            print(f"  written: {file.relative_to(folder)}")
        print(institute.usage(contract))
    return watched.areas, judge.clear


def tell_vertical(operator: Client, folder: Path) -> Curves:
    """An insurer has labels and plans, the hospital has what people are like."""
    table, held = insured()
    table = table.append_column("visited", pc.cast(pc.greater(table["mdvis"], 0), pa.int64()))
    held = held.append_column("visited", pc.cast(pc.greater(held["mdvis"], 0), pa.int64()))
    there, strangers = cut(table, 300)
    pq.write_table(there.drop_columns(["mdvis", "visited"]), folder / "practice.parquet")
    say(f"The hospital offers columns of {len(there):,} people of its practice, too.")
    offer(operator, "practice", folder / "practice.parquet", "zper")
    operator.register_product(
        "members",
        table="practice",
        kind="intersect",
        title="Which of your people are patients",
        predicates=Offered(outputs=(ITEMS,), most=10_000),
        prices=PRICES,
    )
    insurer = Client.join(operator.invite("insurer"), folder / "insurer")
    operator.parties()
    with insurer:
        say("The insurer asks for two contracts: to find the people in common, and to train.")
        members = insurer.request_contract(
            "members", outputs=[ITEMS], scenario="research", units=len(table), days=1
        ).id
        operator.approve(members)
        insurer.sign(members)
        contract, wanted = agree(operator, insurer, "practice", "vertical.toml")

        own = ["zper", "visited", *(one.name for one in wanted.own)]
        say(f"It has {len(table):,} people, of whom {len(strangers)} are strangers there.")
        rows = {name: table[name].to_pylist() for name in own}
    judge = Judge(wanted, there, held, "visited")
    watched = Watched(contract, judge)
    with Client(folder / "insurer", progress=watched) as insurer:
        watched.client = insurer
        found = insurer.fit(contract, rows, aligned_by=members, rate=RATE)
        print(found)
        tell_area(found, judge)
        found.save(folder / "joint-model")
    return watched.areas, judge.clear


def main() -> None:
    """Tell the story in a folder, which is made if it is not there."""
    folder = own_folder("training")
    say(f"A hospital, an institute and an insurer, under {folder}")
    node = make_node(folder / "node", "hospital")
    with serving(node), Client(node / "operator") as operator:
        found = {"NHEFS, a secret model": tell_secret(operator, folder)}
        found["RAND health, vertical"] = tell_vertical(operator, folder)
        say("What the hospital saw: jobs over so many columns, charges, and its ledgers.")
        for about in sorted(
            {job.about for job in operator.jobs(limit=None) if job.kind == "train"}
        ):
            print(f"  {about}")
        for name in ("clinic", "practice"):
            print(operator.privacy_ledgers(name)[0])
    (folder / "areas.svg").write_text(picture(found), encoding="utf-8")
    say("The node is stopped. Every receipt says what was paid for.")
    for buyer in ("institute", "insurer"):
        keys = trust.parse((folder / buyer / "parties.json").read_bytes())
        paths = sorted((folder / buyer / "receipts").glob("*.receipt"))
        facts = [verify_receipt(each.read_text().strip(), keys) for each in paths]
        kinds = sorted({one.kind for one in facts})
        print(f"  {buyer}: {len(facts)} receipts, of {' and '.join(kinds)}")


if __name__ == "__main__":
    main()
