"""Train two models on a hospital's rows under contracts, and show the hospital neither of them.

Makes a hospital's node and the clients of an institute and an insurer, all on this machine, and
tells the story by the SDK. The institute trains a secret model (NHEFS), the insurer one over its
own labels and columns and the hospital's (RAND health), aligned by an intersection. Run it from the
repository's folder:

    .venv/bin/python examples/11_encrypted_training/models.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

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
    for line in buyer.sign(contract).leakage.statements:
        print(f"  {line.party}: {line.text} ({line.bound})")
    return contract, wanted


def areas(
    found: Fitted, wanted: Encrypted, rows: pa.Table, held: pa.Table, label: str
) -> tuple[float, float]:
    """Return the area under the curve over rows held out: of a model, and of one in the clear.

    That one takes the same steps, with the sigmoid itself and without noise. Only who has all rows
    can know it, and nobody here has.
    """
    features = (*wanted.features, *wanted.own)
    task, columns = wanted.task(), {one.name: rows[one.name].to_pylist() for one in features}
    parts = [np.ones((len(rows), 1)), seen_of(wanted.features, numbers(wanted.features, columns))]
    values = kept(np.concatenate(parts, axis=1), task.columns, task.norm)
    if wanted.own:
        own = seen_of(wanted.own, numbers(wanted.own, columns))
        own = kept(own, task.own_columns, task.own_norm)
        values = np.concatenate([values, own], axis=1)
    labels = np.array(rows[label].to_pylist(), float)
    weights = clear.trained(values, labels, Descent(task, RATE), clear.sigmoid)
    tested = numbers(features, {one.name: held[one.name].to_pylist() for one in features})
    seen = np.concatenate([np.ones((len(held), 1)), seen_of(features, tested)], axis=1)
    yes = np.array(held[label].to_pylist(), bool)
    return _area(seen @ found.weights, yes), _area(seen @ weights, yes)


def _area(scores: NDArray[np.float64], yes: NDArray[np.bool_]) -> float:
    return float(area(scores[yes], scores[~yes]))


def tell_secret(operator: Client, folder: Path) -> None:
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

    def goes_down(what: str, done: int, _total: int) -> None:
        if (what, done) == ("iterations", ENDS_AFTER):
            raise DownError

    say(f"It trains; after {ENDS_AFTER} iterations its machine goes down.")
    with Client(folder / "institute", progress=goes_down) as ended:
        try:
            ended.fit(contract, rate=RATE)
        except DownError:
            print(ended.fitting(contract))
    with Client(folder / "institute") as institute:
        say("It goes on where it was: nothing is paid twice.")
        found = institute.fit(contract)
        print(found)
        print(f"  done before: {found.resumed}")
        labelled = rows.append_column("died", rows["death"])
        tested = held.append_column("died", held["death"])
        encrypted, plain = areas(found, wanted, labelled, tested, "died")
        print(f"  area under the curve, held out: {encrypted:.3f}; in the clear {plain:.3f}")
        for path in found.save(folder / "secret-model"):
            print(f"  written: {path.relative_to(folder)}")
        print(institute.usage(contract))


def tell_vertical(operator: Client, folder: Path) -> None:
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
        found = insurer.fit(contract, rows, aligned_by=members, rate=RATE)
        print(found)
        encrypted, plain = areas(found, wanted, there, held, "visited")
        print(f"  area under the curve, held out: {encrypted:.3f}; in the clear {plain:.3f}")
        found.save(folder / "joint-model")


def main() -> None:
    """Tell the story in a folder, which is made if it is not there."""
    folder = own_folder("training")
    say(f"A hospital, an institute and an insurer, under {folder}")
    node = make_node(folder / "node", "hospital")
    with serving(node), Client(node / "operator") as operator:
        tell_secret(operator, folder)
        tell_vertical(operator, folder)
        say("What the hospital saw: jobs over so many columns, charges, and its ledgers.")
        for about in sorted(
            {job.about for job in operator.jobs(limit=None) if job.kind == "train"}
        ):
            print(f"  {about}")
        for name in ("clinic", "practice"):
            print(operator.privacy_ledgers(name)[0])
    say("The node is stopped. Every receipt says what was paid for.")
    for buyer in ("institute", "insurer"):
        keys = trust.parse((folder / buyer / "parties.json").read_bytes())
        paths = sorted((folder / buyer / "receipts").glob("*.receipt"))
        facts = [verify_receipt(path.read_text().strip(), keys) for path in paths]
        kinds = sorted({one.kind for one in facts})
        print(f"  {buyer}: {len(facts)} receipts, of {' and '.join(kinds)}")


if __name__ == "__main__":
    main()
