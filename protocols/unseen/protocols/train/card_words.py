"""Mitchell et al., "Model cards for model reporting", 2019: a card in words, English and Chinese.

Everything comes out of the card. Names of columns and parties are those of the task, escaped, since
whoever wrote them need not have meant well.
"""

from fractions import Fraction
from math import ceil
from typing import Final

from unseen.protocols.train.attack import LEAST
from unseen.protocols.train.card import Card
from unseen.protocols.train.spec import Feature

_FAMILY: Final = {
    "linear": ("Linear regression", "线性回归"),
    "logistic": ("Logistic regression", "逻辑回归"),
    "poisson": ("Poisson regression", "泊松回归"),
    "boosting": ("Boosted trees", "梯度提升树"),
}
_WORDS: Final = {
    "title": ("Model card", "模型卡"),
    "purpose": ("For", "用途"),
    "unfit": ("Not for", "不适用于"),
    "data": ("Made of", "数据来源"),
    "party": ("party", "参与方"),
    "contract": ("contract", "合约"),
    "commitment": ("commitment to the rows", "数据承诺"),
    "columns": ("What it sees", "输入"),
    "label": ("What it predicts", "预测目标"),
    "privacy": ("Privacy", "隐私"),
    "bare": (
        "Trained without noise: nothing bounds what it says about a person.",
        "训练未加噪声：模型所含个人信息量没有上界。",
    ),
    "people": ("rows a person, at most", "每人行数上限"),
    "honest": ("parties whose noise is counted on", "计入噪声的参与方数"),
    "metrics": ("On rows that were held out", "留出数据上的表现"),
    "none": ("Not measured.", "未评估。"),
    "attack": ("Membership inference", "成员推断攻击"),
    "bound": (
        "How far any test may tell who was in, whatever it does, by what the model has cost:",
        "无论采用何种检验，判断某人是否在训练数据之中的优势，均不超过隐私开销所给的上界：",
    ),
    "advantage": (
        "advantage at most {0}, area under the curve at most {1}",
        "优势不超过 {0}，曲线下面积不超过 {1}",
    ),
    "by_epsilon": (
        "by epsilon and delta (Kairouz, Oh and Viswanath 2015, theorem 2.1)",
        "依据 epsilon 与 delta（Kairouz、Oh、Viswanath 2015，定理 2.1）",
    ),
    "by_rho": (
        "by rho (Bun and Steinke 2016, and the inequalities that Canonne 2022 compares)",
        "依据 rho（Bun、Steinke 2016，及 Canonne 2022 所比较的不等式）",
    ),
    "endorsed": (
        "These parties let it out, past their own attack on it. What that found stays with them.",
        "下列参与方已对模型实施攻击测试并准予出域；攻击结果由各方自行留存，不对外提供。",
    ),
    "refused": (
        "A party refuses an area that is above the bar with 99 % confidence.",
        "攻击曲线下面积以 99 % 置信度超过门限的，不予放行。",
    ),
    "few": (
        "It measures none with fewer than {0} rows that were fitted on, or {1} held out.",
        "参与拟合的数据不足 {0} 行或留出数据不足 {1} 行时不作测量。",
    ),
    "waiting": (
        "No party has let it out yet: it has not been released.",
        "尚无参与方准予出域：模型未经交付。",
    ),
    "bar": ("bar", "门限"),
    "receipt": ("receipt", "回执"),
    "leaf": ("leaf of its log", "存证日志序号"),
    "attack_words": (
        "Area under the attack's curve, 0.50 where it finds nothing, and its 95 % interval.",
        "攻击的曲线下面积及其 95 % 区间；0.50 表示一无所获。",
    ),
    "calibration": ("predicted, observed, rows", "预测、实际、行数"),
}
METRICS: Final = {
    "auc": ("area under the curve", "曲线下面积"),
    "spread": ("of it by noise, one sigma", "其中噪声引起的标准差"),
    "loss": ("logistic loss", "对数损失"),
    "error": ("squared error, in units of the clamp", "平方误差（以限幅为单位）"),
    "explained": ("share of variance explained", "解释方差比例"),
    "rows": ("rows", "行数"),
}


def to_markdown(card: Card, *, chinese: bool = False) -> str:
    """Return the card as a Markdown page, in English or in Chinese."""
    at = int(chinese)

    def word(name: str) -> str:
        return _WORDS[name][at]

    lines = [f"# {word('title')}: {_FAMILY[card.spec.family][at]}", "", f"`{card.model}`", ""]
    lines += [f"**{word('purpose')}** {_plain((card.purpose, card.purpose_zh)[at])}", ""]
    lines += [f"**{word('unfit')}**", "", *(f"- {_plain(one[at])}" for one in card.unfit), ""]
    lines += [f"## {word('data')}", ""]
    lines += _table(
        [word("party"), word("contract"), word("commitment")],
        [[one.party, one.contract, one.commitment] for one in card.sources],
    )
    lines += [f"## {word('columns')}", "", *(f"- {_column(one)}" for one in card.spec.features), ""]
    lines += [f"**{word('label')}** {_column(card.spec.label)}", ""]
    lines += [f"## {word('privacy')}", "", *_privacy(card, at), ""]
    lines += [f"## {word('metrics')}", "", *_metrics(card, at), ""]
    lines += [f"## {word('attack')}", "", *_membership(card, at)]
    return "\n".join(lines).rstrip() + "\n"


def _membership(card: Card, at: int) -> list[str]:
    found: list[str] = []
    if (bounds := card.bounds) is not None:
        found += [_WORDS["bound"][at], ""]
        for name, bound in zip(("by_rho", "by_epsilon"), reversed(bounds), strict=True):
            text = _WORDS["advantage"][at].format(_above(bound.advantage), _above(bound.area))
            found.append(f"- {text}{'；' if at else '; '}{_WORDS[name][at]}")
        found.append("")
    if card.endorsed:
        heads = [_WORDS[name][at] for name in ("party", "bar", "receipt", "leaf")]
        rows = [
            [one.party, f"{one.bar / 10_000:.2f}", one.request, f"{one.leaf}"]
            for one in card.endorsed
        ]
        words = [_WORDS["endorsed"][at], _WORDS["refused"][at]]
        words.append(_WORDS["few"][at].format(LEAST, 2 * LEAST))
        found += [("" if at else " ").join(words), "", *_table(heads, rows)]
    elif card.bounds is not None:
        found += [_WORDS["waiting"][at], ""]
    if card.attacks:
        found += [_WORDS["attack_words"][at], ""]
    found += [
        f"- {_plain(one.party)}: {one.auc / 100:.2f} ({one.low / 100:.2f} - {one.high / 100:.2f})"
        for one in card.attacks
    ]
    return found or [_WORDS["none"][at]]


def _above(value: Fraction) -> str:
    """Return a bound in thousandths, rounded up."""
    return f"{ceil(1000 * value) / 1000:.3f}"


def _privacy(card: Card, at: int) -> list[str]:
    epsilon = card.epsilon
    if epsilon is None:
        return [_WORDS["bare"][at]]
    privacy = card.spec.privacy
    return [
        f"- epsilon {float(epsilon):.3f}, delta {card.delta} (rho {card.cost / 10**12:.6f}, zCDP)",
        f"- {_WORDS['people'][at]}: {privacy.rows_per_person}",
        f"- {_WORDS['honest'][at]}: {privacy.honest} / {privacy.parties}",
    ]


def _metrics(card: Card, at: int) -> list[str]:
    if not card.metrics:
        return [_WORDS["none"][at]]
    found = []
    for name, value in card.metrics:
        text = f"{value:,}" if name == "rows" else f"{value / 1000:.3f}"
        found.append(f"- {METRICS[name][at] if name in METRICS else _plain(name)}: {text}")
    if card.calibration:
        found += ["", f"{_WORDS['calibration'][at]}:", ""]
        found += [f"- {a / 1000:.3f}, {b / 1000:.3f}, {c:,}" for a, b, c in card.calibration]
    return found


def _column(feature: Feature) -> str:
    if feature.values:
        return f"{_plain(feature.name)}: {', '.join(map(_plain, feature.values))}"
    low, high = (f"{edge / 10**feature.decimals:g}" for edge in (feature.low, feature.high))
    return f"{_plain(feature.name)}: {low} - {high}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def _plain(text: str) -> str:
    """Return text that Markdown takes for text: on one line, without marks or tags."""
    spaced = " ".join(text.split())
    return "".join(f"\\{mark}" if mark in r"\`*_[]<>|#" else mark for mark in spaced)
