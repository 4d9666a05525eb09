"""Rules for aggregates: how many stand behind a number, how much of it one of them is, its digits.

Source: Handbook on Statistical Disclosure Control for Outputs (SDAP, 2019), rules of thumb; the
defaults stand in `Limits`. A suppressed cell (null) passes every rule over cells.

What was computed from noisy numbers alone (`private`) is judged by its size: no rule that looks at
who is behind a cell, or at which cells are null, may depend on the true rows.

Assumes that contributors, largest contributions and degrees of freedom were counted by the node.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from unseen.evidence.contracts.cells import Cell, CellValue, Choice, Number
from unseen.evidence.contracts.typed import Value
from unseen.node.release.facts import AggregateFacts, CellFacts, MaskedFacts, OpaqueFacts
from unseen.node.release.opaque import freedom_of, stated
from unseen.node.release.rules import Case, Outcome, Rule

_WHOLE = 10_000
_ONLY = frozenset({"aggregate"})


class Shown(NamedTuple):
    """A cell that is neither a key nor suppressed."""

    cell: Cell
    value: CellValue
    facts: CellFacts


def _open_cells(value: Value) -> Iterator[tuple[int, Cell, CellValue]]:
    """Yield the column, cell and value of everything that is no key, row by row."""
    for at, row in enumerate(value.rows):
        for column, (cell, found) in enumerate(zip(value.shape.cells_at(at), row, strict=True)):
            if not isinstance(cell, Choice):
                yield column, cell, found


def _shown(case: Case) -> Iterator[Shown]:
    """Yield what is shown, as far as facts go: a rule of its own refuses where they end early."""
    if case.value is None:
        return
    if isinstance(case.facts, OpaqueFacts):
        for cell, value, contributors in stated(case.value, case.facts):
            if value is not None:
                yield Shown(cell, value, CellFacts(contributors=contributors))
    elif isinstance(case.facts, AggregateFacts):
        cells = _open_cells(case.value)
        for (_, cell, value), behind in zip(cells, case.facts.cells, strict=False):
            if value is not None:
                yield Shown(cell, value, behind)


def _without_facts(case: Case) -> bool:
    if case.value is None and isinstance(case.facts, MaskedFacts):
        return False
    if case.value is None and isinstance(case.facts, AggregateFacts):  # its receiver can read it
        return not (case.facts.private and case.facts.measured and not case.facts.cells)
    if case.value is not None and isinstance(case.facts, OpaqueFacts):
        return False
    if case.value is None or not isinstance(case.facts, AggregateFacts):
        return True
    if case.facts.private:
        return bool(case.facts.cells) or not case.facts.measured
    return len(case.facts.cells) != sum(1 for _ in _open_cells(case.value))


def _stated(case: Case) -> bool:
    return case.facts is not None and not case.facts.measured


def _small(case: Case) -> bool:
    return any(0 < shown.facts.contributors < case.limits.group for shown in _shown(case))


def _few(case: Case) -> bool:
    return isinstance(case.facts, MaskedFacts) and case.facts.people < case.limits.group


def _bare(case: Case) -> bool:
    facts = case.facts
    return isinstance(facts, MaskedFacts) and not (facts.private or facts.led)


def _zero(case: Case) -> bool:
    return any(
        shown.facts.contributors <= 0 or (_is(shown.cell, "count") and shown.value == 0)
        for shown in _shown(case)
    )


def _complement(case: Case) -> bool:
    if not isinstance(case.facts, AggregateFacts) or case.facts.population is None:
        return False
    most = case.facts.population - case.limits.group
    return any(shown.facts.contributors > most for shown in _shown(case))


def _dominated(case: Case) -> bool:
    return any(
        facts.dominated
        or _WHOLE * (facts.largest + facts.second) > case.limits.dominance * facts.total
        for _, _, facts in _shown(case)
    )


def _guessable(case: Case) -> bool:
    return any(
        _WHOLE * (facts.total - facts.largest - facts.second) < case.limits.p_ratio * facts.largest
        for _, _, facts in _shown(case)
    )


def _unrounded(case: Case) -> bool:
    return any(
        _is(shown.cell, "count") and int(shown.value or 0) % case.limits.rounding
        for shown in _shown(case)
    )


def _precise(case: Case) -> bool:
    return any(
        type(shown.value) is int and _digits(shown.value) > case.limits.digits
        for shown in _shown(case)
    )


def _alone(case: Case) -> bool:
    if case.value is None or _private(case):
        return False
    hidden = Counter(column for column, _, value in _open_cells(case.value) if value is None)
    return len(case.value.rows) > 1 and 1 in hidden.values()


def _unfree(case: Case) -> bool:
    facts = case.facts
    freedom = facts.freedom if isinstance(facts, AggregateFacts) else None
    if isinstance(facts, OpaqueFacts):
        freedom = freedom_of(case.value)
    return freedom is not None and freedom < case.limits.freedom


def _long(case: Case) -> bool:
    return case.value is not None and len(case.value.rows) > case.limits.rows


def _wide(case: Case) -> bool:
    if case.value is None:
        return False
    return sum(map(len, case.value.rows)) > case.limits.cells


def _private(case: Case) -> bool:
    return isinstance(case.facts, AggregateFacts) and case.facts.private


def _is(cell: Cell, use: str) -> bool:
    return isinstance(cell, Number) and cell.use == use


def _digits(value: int) -> int:
    """Return how many significant digits an integer has, in whatever unit."""
    return len(str(abs(value)).rstrip("0"))


AGGREGATE = (
    Rule(
        id="joint.group",
        types=frozenset({"aggregate", "model"}),
        outcome=Outcome.REFUSE,
        text="fewer people stand behind this node's part of a joint sum than the smallest group",
        text_zh="本节点在联合求和中的主体数少于最小分组数",
        fires=_few,
    ),
    Rule(
        id="joint.bare",
        types=frozenset({"aggregate", "model"}),
        outcome=Outcome.REFUSE,
        text="this node's part of a joint sum has no noise, and the buyer receives the sum",
        text_zh="本节点在联合求和中未加噪声，而总和由购买方接收",
        fires=_bare,
    ),
    Rule(
        id="facts.missing",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="it is not known how many subjects stand behind each cell",
        text_zh="无法得知每个单元格由多少主体构成",
        fires=_without_facts,
    ),
    Rule(
        id="facts.stated",
        types=frozenset({"aggregate", "model"}),
        outcome=Outcome.REVIEW,
        text="who stands behind it is stated by the buyer's code, and was not counted by the node",
        text_zh="贡献者数量由购买方代码自报，并非节点统计",
        fires=_stated,
    ),
    Rule(
        id="cells.group",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="a cell has fewer contributors than the smallest group allowed",
        text_zh="单元格贡献者少于最小分组数",
        fires=_small,
    ),
    Rule(
        id="cells.zero",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="a cell shows that nobody is in it; suppress it",
        text_zh="单元格显示无人，须隐去",
        fires=_zero,
    ),
    Rule(
        id="cells.complement",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="so few are outside of a cell that it says something about them",
        text_zh="单元格之外的主体过少",
        fires=_complement,
    ),
    Rule(
        id="cells.dominance",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="two contributors make up more of a cell than is allowed",
        text_zh="单元格中两个最大贡献者占比过高",
        fires=_dominated,
    ),
    Rule(
        id="cells.p_ratio",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="the second largest contributor of a cell could work out the largest too closely",
        text_zh="单元格第二大贡献者可较准确推算最大贡献者",
        fires=_guessable,
    ),
    Rule(
        id="cells.rounding",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="a count is not rounded as counts have to be",
        text_zh="计数未按要求取整",
        fires=_unrounded,
    ),
    Rule(
        id="cells.digits",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="a number has more significant digits than allowed",
        text_zh="数值有效位数过多",
        fires=_precise,
    ),
    Rule(
        id="cells.alone",
        types=_ONLY,
        outcome=Outcome.REVIEW,
        text="one cell of a column alone is suppressed: a total known elsewhere would give it back",
        text_zh="某列仅隐去一个单元格，若另知合计即可还原",
        fires=_alone,
    ),
    Rule(
        id="fit.freedom",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="a fitted estimate has too few residual degrees of freedom",
        text_zh="拟合结果剩余自由度不足",
        fires=_unfree,
    ),
    Rule(
        id="table.rows",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="it has more rows than a release may have",
        text_zh="行数超出限制",
        fires=_long,
    ),
    Rule(
        id="table.cells",
        types=_ONLY,
        outcome=Outcome.REFUSE,
        text="it has more cells than a release may have",
        text_zh="单元格数超出限制",
        fires=_wide,
    ),
)
