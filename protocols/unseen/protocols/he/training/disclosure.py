"""Zhu, Liu and Han, NeurIPS 2019 (leakage from gradients): what a training lets either side learn.

These are lines of a leakage statement; words in braces are filled in from the training. They hold
for a buyer that keeps to the protocol; the last one says what it could do otherwise.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Final

from unseen.protocols.dp import epsilon_of
from unseen.protocols.he.lessons import Lesson, counted
from unseen.protocols.he.training.chain import Chain
from unseen.protocols.he.training.task import Task

_PARTS: Final = 1000
GRADIENTS: Final = Lesson(
    "gradients",
    "{gradients} of {width} numbers, and the model that they lead to: sums over at least"
    " {least} rows, each with exact Gaussian noise for {whose} that comes or goes",
    "{iterations} 次梯度（每次 {width} 个数）及由此得到的模型：均为至少 {least} 行之和，"
    "并带有针对{whose_zh}增减的精确高斯噪声",
    "rho {rho}, epsilon {epsilon} at delta {delta}, over all iterations",
    "全部迭代合计 rho {rho}、ε {epsilon}（δ {delta}）",
)
COUNTS: Final = Lesson(
    "counts",
    "how many weights{more} there are, and how often the buyer goes on; not what they are",
    "权重{more_zh}的数量，以及购买方继续的次数；不获知其取值",
    "{times} at most",
    "至多 {iterations} 次迭代",
)
TRUST: Final = Lesson(
    "semi-honest",
    "rows, if it breaks its word: that keys, encryptions and the bound on scores are what they"
    " should be, nobody else can check",
    "若违反声明，可能读出原始行：密钥、加密方式及评分上界是否合规，他人无从检查",
    "for buyers that keep to the protocol (semi-honest) alone",
    "仅适用于遵守协议的购买方（半诚实）",
)


def what_training_teaches(chain: Chain, delta: Fraction) -> tuple[Lesson, ...]:
    """Return what the buyer learns, what the provider does, and on whose word, of a whole training.

    Raises:
        InputInvalidError: delta is not in (0, 1).

    """
    words = _words(chain, delta)
    names = ("text", "text_zh", "bound", "bound_zh")
    return tuple(
        replace(lesson, **{name: getattr(lesson, name).format(**words) for name in names})
        for lesson in (GRADIENTS, COUNTS, TRUST)
    )


def _words(chain: Chain, delta: Fraction) -> dict[str, str]:
    task = chain.task
    rho = chain.rho * task.iterations
    epsilon = -(-epsilon_of(rho, delta) * _PARTS // 1)  # rounded up
    own, own_zh = _own(task)
    return {
        "iterations": str(task.iterations),
        "gradients": counted(task.iterations, "gradient"),
        "times": counted(task.iterations, "iteration"),
        "width": str(task.width),
        "least": f"{task.least_rows:,}",
        "whose": "the provider's values of a row" if task.vertical else "a row",
        "whose_zh": "数据方某一行的取值" if task.vertical else "任意一行",
        "rho": f"{float(rho):.6g}",
        "epsilon": f"{int(epsilon) / _PARTS:.3f}",
        "delta": f"{float(delta):.3g}",
        "more": own,
        "more_zh": own_zh,
    }


def _own(task: Task) -> tuple[str, str]:
    """Return what the provider counts beside weights, in English and Chinese."""
    if not task.vertical:
        return "", ""
    if not task.own_columns:
        return " and labels", "和标签"
    own = task.own_columns
    return f", labels and columns of the buyer's ({own})", f"、标签及购买方各列（共 {own} 列）"
