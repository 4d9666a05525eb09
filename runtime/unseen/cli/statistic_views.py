"""The JSON form of answers and menus of statistics; stable, documented names."""

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unseen.client.joint.statistics import JointStatistic
    from unseen.client.menu_card import BudgetCard, MenuCard
    from unseen.client.statistic import Statistic


def statistic_json(found: "Statistic") -> dict[str, object]:
    """Return an answer; numbers in the measure's unit, `null` where one is suppressed."""
    rows = [{name: _number(value) for name, value in row.items()} for row in found.to_dicts()]
    return {
        "contract": found.contract,
        "question": found.question.to_json(),
        "rows": rows,
        "privacy": found.privacy,
        "delta": found.menu.delta,
        "answered_at": found.answered_at,
        "cached": found.cached,
        "request": found.request_id,
        "receipt": str(found.receipt_path),
    }


def joint_json(found: "JointStatistic") -> dict[str, object]:
    """Return an answer over several nodes: what `statistic_json` says, and whose it is."""
    return statistic_json(found) | {
        "nodes": list(found.nodes),
        "gone": list(found.gone),
        "honest": found.honest,
        "lead": found.lead,
        "receipts": {name: str(path) for name, path in found.receipts.items()},
    }


def menu_json(card: "MenuCard", left: "BudgetCard") -> dict[str, object]:
    """Return a menu as it is signed, what each question costs and means, and what is left."""
    questions = [
        {
            "what": question.what,
            "of": question.of,
            "rho": question.rho,
            "deviation": deviation,
            "unit": unit,
        }
        for question, unit, deviation in card.questions()
    ]
    return {
        "contract": card.contract,
        "menu": card.menu.to_json(),
        "group": card.group,
        "epsilon": float(card.epsilon),
        "questions": questions,
        "budget": {
            "epsilon": left.epsilon,
            "delta": left.delta,
            "units": left.most,
            "spent": left.spent,
            "left": left.left,
        },
    }


def _number(value: str | float | Decimal | None) -> str | float | None:
    """Return a value for JSON, which has no decimals of its own."""
    return float(value) if isinstance(value, Decimal) else value
