"""The story that both examples tell: a question and a model over tables that nobody puts together.

Everything is done by the SDK, as each side would do it on a machine of its own. What is computed of
all rows in one place (`pooled.py`) is for comparison, and the output says so.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from consortium import BUYER, Member, agreed, audit, bars, export, receipts, say, serving
from fitted import compare, fit, let_out
from pooled import Pooled
from unseen.cli.progress import board
from unseen.client.joint.statistics import JointStatistic, JointStatistics, make_clause
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.contracts.statistics.definition_file import parse_definition

HERE = Path(__file__).resolve().parent
CUT = HERE.parent / "data/cut_into_parties.py"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What differs from story to story."""

    title: str
    cut: str  # what cut_into_parties.py calls it
    subject: tuple[str, ...]
    menu: str
    training: str
    of: str  # the mean of this measure
    by: str  # by this dimension
    asked: str  # the epsilon of that question
    model: str  # the epsilon of the model: what its file says
    budget: str  # of each table, for everybody and for ever
    purpose: tuple[str, str]


def tell(plan: Plan) -> None:
    """Tell a story, in the folder that the command line names or in a new one."""
    given = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix=f"unseen-{plan.cut}-")
    folder = Path(given).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    say(f"{plan.title}, under {folder}")
    definition = parse_definition((HERE / plan.menu).read_bytes())
    tables = _cut(plan.cut, folder / "tables")
    pooled = Pooled(tables.values(), definition, plan.subject)
    with serving(folder, tables) as members:
        _offer(plan, definition, members)
        _ask(plan, definition, members, pooled)
        training = fit(plan.model, (HERE / plan.training).read_bytes(), definition, members)
        compare(plan.title, training, pooled, folder / "training.svg")
        let_out(training, members, plan.purpose, folder / "model")
        logs = {member.name: export(member, folder) for member in members}
    say("All nodes are stopped. What is left is checked with files alone.")
    _check(members, logs)
    print(f"\nEverything is in {folder}")


def _cut(what: str, folder: Path) -> dict[str, Path]:
    """Cut the table into what each party holds; return the files by the names of their nodes."""
    subprocess.run([sys.executable, str(CUT), what, str(folder)], check=True, capture_output=True)
    return {file.stem.replace("_", "-"): file for file in sorted(folder.glob("*.parquet"))}


def _offer(plan: Plan, definition: Definition, members: Sequence[Member]) -> None:
    say(f"Each operator offers the same menu, and an epsilon of {plan.budget} for ever.")
    with bars("registering tables", len(members)) as move:
        for member in members:
            member.offer(definition, plan.subject, plan.budget)
            move()
    for member in members:
        (table,) = member.operator.tables()
        print(f"  {member.name:10}  {table.rows:6,} rows, at {member.buyer.profile.node.address}")
    print(f"  {BUYER:10}       0 rows, and a home at each; delta is {definition.menu.delta}")


def _ask(plan: Plan, definition: Definition, members: Sequence[Member], pooled: Pooled) -> None:
    say(f"One question to all: mean {plan.of} by {plan.by}, for an epsilon of {plan.asked}.")
    outputs = definition.menu.in_order([plan.by, plan.of])
    suite = members[0].buyer.profile.suite
    clause = make_clause([member.place for member in members], definition.menu.only(outputs), suite)
    seats = agreed(members, lambda one: one.agree(outputs, clause, plan.asked))
    with board() as shown:
        answers = JointStatistics(seats, progress=shown.report)
        found = answers.ask_for("mean", plan.of, by=plan.by, epsilon=plan.asked)
    print(f"  of {', '.join(found.nodes)}; true: computed here from all tables, for comparison")
    _compare(found, pooled.means(plan.of, plan.by), plan.by)


def _compare(found: JointStatistic, true: dict[str, float], by: str) -> None:
    for row in found.to_dicts():
        label, mean, noise = str(row[by]), row["mean"], row["mean_noise"]
        if mean is None or noise is None:
            print(f"  {label}: too few to show")
            continue
        off = abs(float(mean) - true[label])
        print(
            f"  mean {float(mean):8.2f} ± {float(noise):6.2f}   true {true[label]:8.2f}"
            f"   off by {off:6.2f}   {label}"
        )


def _check(members: Sequence[Member], logs: dict[str, Path]) -> None:
    found = receipts(members)
    for member in members:
        spent = sum(Fraction(receipt.privacy) for receipt in found[member.name])
        wrong = audit(member, logs[member.name])
        print(
            f"  {member.name:10}  {len(found[member.name])} receipts valid, a rho of"
            f" {float(spent):.6f} in all; log: {'; '.join(wrong) or 'nothing is wrong'}"
        )
