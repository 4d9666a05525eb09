"""Rules for what code of the buyer's wrote: what it says of itself may refuse it, and no more.

Source: SACRO's and OpenSAFELY's practice for outputs of researchers' code: checks by machine assist
a person, and never replace one. The node knows what the code was given and what shape its outputs
have. How many people stand behind a number, and how much of it one of them is, it does not: so no
rule on contributors or dominance is trusted, `facts.stated` sends all of it to a person, and the
bits bound what it can say whatever a person overlooks.

Not protected: numbers of an honest look. Code may state a count of 500 for a mean of one row.
"""

from collections.abc import Iterator

from unseen.evidence.contracts.cells import Cell, CellValue, Choice, Number
from unseen.evidence.contracts.typed import Regression, Value
from unseen.node.release.facts import OpaqueFacts
from unseen.node.release.rules import Case, Outcome, Rule

_BOTH = frozenset({"aggregate", "model"})
_THOUSANDTH = 1_000  # how far four digits and fives may round a count up


def stated(value: Value, facts: OpaqueFacts) -> Iterator[tuple[Cell, CellValue, int]]:
    """Yield every cell that is no key with its value and how many are said to stand behind it.

    That is the smallest count of its row; without one, all whom the code was given.
    """
    for at, row in enumerate(value.rows):
        cells = list(zip(value.shape.cells_at(at), row, strict=True))
        counts = [one for cell, one in cells if _counts(cell) and type(one) is int]
        behind = min(counts, default=facts.people)
        for cell, one in cells:
            if not isinstance(cell, Choice):
                yield cell, one, behind


def freedom_of(value: Value | None) -> int | None:
    """Return the residual degrees of freedom that a regression report states; None of others."""
    shape = value.shape if value else None
    if value is None or not isinstance(shape, Regression):
        return None
    rows = value.rows[-1][0]
    return rows - len(shape.terms) if type(rows) is int else 0


def _counts(cell: Cell) -> bool:
    return isinstance(cell, Number) and cell.use == "count"


def _few(case: Case) -> bool:
    return isinstance(case.facts, OpaqueFacts) and case.facts.people < case.limits.group


def _claims(case: Case) -> bool:
    facts = case.facts
    if not isinstance(facts, OpaqueFacts) or case.value is None:
        return False
    most = facts.rows + facts.rows // _THOUSANDTH + case.limits.rounding
    return any(
        _counts(cell) and type(one) is int and one > most
        for cell, one, _ in stated(case.value, facts)
    )


def _precise(case: Case) -> bool:
    if not isinstance(case.facts, OpaqueFacts) or case.value is None:
        return False
    shape = case.value.shape
    cells = {cell for row in range(len(case.value.rows)) for cell in shape.cells_at(row)}
    return any(
        isinstance(cell, Number) and not 1 <= cell.digits <= case.limits.digits for cell in cells
    )


OPAQUE = (
    Rule(
        id="opaque.few",
        types=_BOTH,
        outcome=Outcome.REFUSE,
        text="the buyer's code was given fewer people than the smallest group",
        text_zh="提供给购买方代码的主体数少于最小分组数",
        fires=_few,
    ),
    Rule(
        id="opaque.claim",
        types=_BOTH,
        outcome=Outcome.REFUSE,
        text="the buyer's code states more rows than it was given",
        text_zh="购买方代码自报的行数超过提供给它的行数",
        fires=_claims,
    ),
    Rule(
        id="opaque.digits",
        types=_BOTH,
        outcome=Outcome.REFUSE,
        text="a number of the buyer's code is declared with more digits than allowed",
        text_zh="购买方代码的数值所声明的有效位数过多",
        fires=_precise,
    ),
)
