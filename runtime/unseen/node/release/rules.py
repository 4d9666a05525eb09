"""The gate's rules: each a name, words for people and a pure function over one release.

A rule fires or not; what fires sends the release to a person or refuses it. Every rule that fires
is named in the log. Thresholds are the `Limits`; a plan can make them stricter, never looser.
The statistical ones follow the Handbook on Statistical Disclosure Control for Outputs (SDAP,
2019) and the ACRO tools: k contributors, (n,k) dominance, p-ratio, zeros, degrees of freedom.

They judge one release alone. What two releases give away by their difference is not seen here,
and what a buyer's code states about its own numbers no rule can check.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

from unseen.evidence.contracts.training.clause import ATTACK_BAR
from unseen.evidence.contracts.typed import Value
from unseen.node.release.facts import Facts


class Mode(Enum):
    """What the operator does with a type of release."""

    PASS = "pass"  # the rules decide  # noqa: S105 - no password
    REVIEW = "review"  # a person signs every one
    OFF = "off"  # none leaves


class Outcome(IntEnum):
    """What becomes of a release; the gravest of its rules decides."""

    PASS = 0
    REVIEW = 1
    REFUSE = 2

    @property
    def word(self) -> str:
        """Return the outcome as it stands in the log."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The thresholds. Shares are in ten-thousandths."""

    group: int = 10  # contributors to a cell
    freedom: int = 10  # residual degrees of freedom
    dominance: int = 9_000  # of a cell's total, by its two largest contributors
    p_ratio: int = 1_000  # of the largest contribution, that all but the two largest must reach
    rounding: int = 5  # counts are multiples of it
    digits: int = 4  # significant ones
    rows: int = 1_000
    cells: int = 10_000
    parameters: int = 2_000  # of a model, for its rows
    attack: int = ATTACK_BAR  # what the area of a membership inference is at least

    def with_group(self, group: int) -> "Limits":
        """Return the limits of a plan whose contract asks for groups of at least `group`."""
        return replace(self, group=group) if group > self.group else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One release before the gate.

    `value` is None for a cryptographic message, which only its receiver can read. `bits` is what
    the release says at most, `used` what the contract's releases have said before.
    """

    type: str
    mode: Mode
    bits: int
    bits_per_run: int
    bits_in_all: int
    used: int
    value: Value | None = field(default=None, repr=False)
    facts: Facts | None = field(default=None, repr=False)
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`fires` says whether a release breaks the rule; `outcome` is what then becomes of it."""

    id: str
    types: frozenset[str]
    outcome: Outcome
    text: str
    text_zh: str
    fires: Callable[[Case], bool]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules say of one release: the gravest outcome, and every rule that fired."""

    outcome: Outcome
    rules: tuple[str, ...]


EVERY = frozenset({"verdicts", "aggregate", "model"})


def _off(case: Case) -> bool:
    return case.mode is Mode.OFF


def _person(case: Case) -> bool:
    return case.mode is Mode.REVIEW and case.value is not None


def _unreadable(case: Case) -> bool:
    return case.mode is Mode.REVIEW and case.value is None


def _too_much(case: Case) -> bool:
    return case.bits > case.bits_per_run


def _exhausted(case: Case) -> bool:
    return case.used + case.bits > case.bits_in_all


GENERAL = (
    Rule(
        id="type.off",
        types=EVERY,
        outcome=Outcome.REFUSE,
        text="the operator lets no release of this type out",
        text_zh="运营方已关闭此类交付物的出域",
        fires=_off,
    ),
    Rule(
        id="type.review",
        types=EVERY,
        outcome=Outcome.REVIEW,
        text="releases of this type are held until a person has seen them",
        text_zh="此类交付物须经人工审核后方可出域",
        fires=_person,
    ),
    Rule(
        id="type.unreadable",
        types=EVERY,
        outcome=Outcome.REFUSE,
        text="a person has to see it, and only the buyer could read it",
        text_zh="须经人工审核，但内容只有购买方能解读",
        fires=_unreadable,
    ),
    Rule(
        id="bits.run",
        types=EVERY,
        outcome=Outcome.REFUSE,
        text="it says more bits than the plan grants one run",
        text_zh="超出计划允许单次交付的比特数",
        fires=_too_much,
    ),
    Rule(
        id="bits.contract",
        types=EVERY,
        outcome=Outcome.REFUSE,
        text="with it, the contract's releases say more bits than the plan grants them in all",
        text_zh="超出计划允许合约累计交付的比特数",
        fires=_exhausted,
    ),
)

# Outcomes that no rule's function finds: the gate itself, or its queue, comes to them.
MALFORMED = "gate.malformed"
FAULT = "gate.fault"
EXPIRED = "review.expired"
REFUSED = "review.refused"
CONSENT_ENDED = "review.consent_ended"
WORDS: dict[str, tuple[str, str]] = {
    MALFORMED: (
        "it is not of the declared type, or not in canonical form",
        "不符合声明的类型，或不是规范编码",
    ),
    FAULT: ("a step of the gate failed", "审核环节发生故障"),
    EXPIRED: ("nobody decided in time", "逾期无人审核"),
    REFUSED: ("a person refused it", "人工审核不通过"),
    CONSENT_ENDED: ("the subject's consent has ended meanwhile", "数据主体的授权已终止"),
}
