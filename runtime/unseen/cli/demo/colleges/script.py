"""The plot: who takes part, what is asked, and how it must come out.

A lender checks institutions in an education register without the register's operator learning
which ones. Table and figures are real (`examples/data/README.md`); the parties are made up.
"""

from dataclasses import dataclass
from typing import Final

from unseen.cli.demo.stage import DATA

TABLE_FILE: Final = DATA / "college_scorecard_2014.parquet"

BUYER_MODULE: Final = "unseen.cli.demo.colleges.buyer"
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
    """An institution the lender asks about, and the one answer each question must get.

    `figures` are what the table says: median earnings, and how many work; None where both are
    withheld.
    """

    unitid: int
    answer: str
    figures: tuple[int, int] | None


PLOTS: Final = (
    Plot(166683, "yes", (104_700, 995)),
    Plot(100690, "no", (39_600, 170)),
    Plot(101453, "no_usable_result", None),
)
ONE_TOO_MANY: Final = 110635
# What takes its time, and how many seconds on two idle cores: only the bar goes by it.
STEPS: Final = {
    "making": 2.7,
    "starting": 2.2,
    "registering": 0.7,
    "joining": 0.1,
    "agreeing": 0.1,
    "asking": 1.6,
    "searching": 0.1,
    "settling": 0.05,
    "refusing": 0.05,
    "stopping": 0.7,
    "verifying": 1.5,
}
# A figure of the first institution that only its answers may stem from.
FIGURE: Final = 104_700
