"""The plot: who takes part, what is asked, and how it must come out.

A lender checks institutions in an education register without the register's operator learning
which ones. Table and figures are real (`examples/data/README.md`); the parties are made up.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unseen.cli.failures import UsageError
from unseen.evidence.errors import EvidenceError

ROOT: Final = Path(__file__).resolve().parents[4]
TABLE_FILE: Final = ROOT / "examples" / "data" / "college_scorecard_2014.parquet"
DEFAULT_HOME: Final = ROOT / ".unseen" / "demo"

NODE: Final = "register"
BUYER: Final = "lender"
TABLE: Final = "colleges"
ROWS: Final = 6_434
SUBJECT: Final = "unitid"
PRODUCT: Final = "college-check"
TITLE: Final = "Check an institution of higher education"
SCENARIO: Final = "credit-check"
# Name, question, DuckDB expression.
QUESTIONS: Final = (
    ("earnings_40k", "median earnings at least 40,000", "earnings_med >= 40000"),
    ("working_200", "at least 200 graduates working", "count_working >= 200"),
)
CURRENCY: Final = "USD"
DATA_FEE: Final = 50_000  # millionths of the currency, for one unit
SERVICE_FEE: Final = 10_000
UNITS: Final = 3
DAYS: Final = 1


@dataclass(frozen=True, slots=True)
class Plot:
    """An institution the lender asks about, and the one answer each question must get."""

    unitid: int
    answer: str
    because: str


PLOTS: Final = (
    Plot(166683, "yes", "has 104,700 and 995"),
    Plot(100690, "no", "has 39,600 and 170"),
    Plot(101453, "no_usable_result", "is listed, with both figures withheld"),
)
ONE_TOO_MANY: Final = 110635
# What takes its time, and how many seconds on two idle cores: only the bar goes by it.
STEPS: Final = {
    "making the operator's node": 2.7,
    "starting the node": 2.2,
    "registering the table": 0.7,
    "the buyer joins": 0.1,
    "agreeing on a contract": 0.1,
    "encrypting the table for this contract, and asking": 1.6,
    "looking through the node's files": 0.1,
    "settling": 0.05,
    "asking once too often": 0.05,
    "stopping the node": 0.7,
    "verifying a receipt, and a tampered one": 1.5,
}
# A figure of the first institution that only its answers may stem from.
FIGURE: Final = 104_700


class StepFailedError(EvidenceError):
    """A step of the demo did not come out as it is told."""

    reason = "DEMO_FAILED"


def check(holds: bool, what: str) -> None:
    """Go on only if `what` is true.

    Raises:
        StepFailedError: it is not.

    """
    if not holds:
        raise StepFailedError(
            f"not as it should be: {what}",
            clause="demo",
            remedy="look at node.log and buyer.log in the demo's folder, and report it",
        )


def table_file() -> Path:
    """Return the demo's table.

    Raises:
        UsageError: this installation is not a clone of the repository.

    """
    if not TABLE_FILE.is_file():
        raise UsageError(
            "the demo's table is not part of this installation",
            clause="demo",
            remedy="clone the repository and run ./unseen demo in it",
        )
    return TABLE_FILE
