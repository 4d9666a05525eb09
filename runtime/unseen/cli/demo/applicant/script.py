"""The plot: who takes part, who applies, what they write in the form, and what comes of it.

A bank asks a register of residents whether what an applicant wrote agrees, and the register does
not learn who applied. The people were generated (FEBRL, `examples/data/README.md`); the parties
are made up.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unseen.cli.demo.stage import DATA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unseen.protocols.lookup.canonical import Form

TABLE_FILE: Final = DATA / "febrl_register.parquet"
APPLICANTS_FILE: Final = DATA / "febrl_applicants.parquet"

BUYER_MODULE: Final = "unseen.cli.demo.applicant.buyer"
NODE: Final = "register"
BUYER: Final = "bank"
HUB: Final = "hub"
REGULATOR: Final = "supervisor"
TABLE: Final = "residents"
LABEL: Final = ("personal", "3")
SUBJECT: Final = ("given_name", "surname", "date_of_birth", "soc_sec_id")
ID: Final = ("soc_sec_id",)
FORMS: "Final[Mapping[str, Form]]" = {
    "given_name": "name",
    "surname": "name",
    "date_of_birth": "date",
    "soc_sec_id": "id",
}
PRODUCT: Final = "identity-check"
TITLE: Final = "Do an applicant's name, birth and number agree"
OUTPUT: Final = "match"
SCENARIO: Final = "credit-check"
ORDER: Final = "order-2026-0417"
NOTICE: Final = (
    "The bank may ask the register whether your name, date of birth and number agree, to decide on"
    " credit. 银行可向登记机构核验您的姓名、出生日期和证件号是否一致, 用于授信。"
)
WAY: Final = "lwe_pir"
CURRENCY: Final = "CNY"
DATA_FEE: Final = 800_000  # millionths of the currency, for one unit
SERVICE_FEE: Final = 200_000
UNITS: Final = 8
DAYS: Final = 1
PEOPLE: Final = 4_750  # rows of the register with nothing missing in the subject's columns
CONSENTING: Final = 1_000  # of them, the first ones
LATENCY: Final = 15  # seconds within which a withdrawal reaches the hidden table


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who applies: number in both tables of FEBRL, the form as filled in, the answer."""

    person: int
    form: tuple[str, str, str, str]
    answer: str

    @property
    def name(self) -> str:
        """Both names."""
        return " ".join(self.form[:2])

    @property
    def written(self) -> str:
        """The form in one line."""
        return f"{self.name}, {self.form[2]}, {self.form[3]}"


APPLICANTS: Final = (
    Applicant(1000, ("VICTORIA", "Zbierski", "1972/05/03", "126 7612"), "consistent"),
    Applicant(1526, ("Dominic", "Elwan", "1989-08-25", "699 5897"), "inconsistent"),
    Applicant(1013, ("Gillian", "Pighin", "1999-05-01", "648 9507"), "no_usable_result"),
    Applicant(3836, ("Erin", "Campbell", "1979-04-08", "575 0866"), "no_usable_result"),
)
WITHDRAWS: Final = APPLICANTS[0]
WRONG: Final = APPLICANTS[1]
HELD: Final = "19890815"  # when the second was born, as the register has it; the bank never learns
NEXT: Final = Applicant(1045, ("Harrison", "Hoang", "1936-02-25", "107 6510"), "consistent")
# Whose birthday a clerk would like to know: name and number are on a list.
GUESSED: Final = ("Holly", "Matthews", "564 2441")
GUESSES: Final = tuple(f"1972-10-{day:02}" for day in range(1, 32))

# What takes its time, and how many seconds on two idle cores: only the bar goes by it.
STEPS: Final = {
    "making": 3.0,
    "starting": 2.2,
    "registering": 1.0,
    "consenting": 2.0,
    "agreeing": 0.3,
    "asking": 3.0,
    "searching": 0.2,
    "guessing": 0.2,
    "opening_one": 1.0,
    "withdrawing": 4.0,
    "settling": 0.1,
    "stopping": 0.7,
    "verifying": 1.5,
}
