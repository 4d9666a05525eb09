"""Zhu, Liu and Han, NeurIPS 2019 (leakage from gradients): what a training lets either side learn.

These are the sentences for a leakage statement. They hold for a buyer that keeps to the protocol;
the last one says what it could do otherwise.
"""

from fractions import Fraction

from unseen.protocols.dp import epsilon_of
from unseen.protocols.he.models.disclosure import Lesson
from unseen.protocols.he.training.chain import Chain

_PARTS = 1000


def what_training_teaches(chain: Chain, delta: Fraction) -> tuple[Lesson, ...]:
    """Return what both sides learn, of a whole training.

    Raises:
        InputInvalidError: delta is not in (0, 1).

    """
    return (_gradients(chain, delta), _counts(chain), _trust())


def _gradients(chain: Chain, delta: Fraction) -> Lesson:
    task = chain.task
    rho = chain.rho * task.iterations
    epsilon = -(-epsilon_of(rho, delta) * _PARTS // 1)  # rounded up
    figures = f"rho {float(rho):.6g}, epsilon {int(epsilon) / _PARTS:.3f}"
    whose = "the provider's values of a row" if task.vertical else "a row"
    whose_zh = "数据方某一行的取值" if task.vertical else "任意一行"
    return Lesson(
        "gradients",
        f"The buyer learns {task.iterations} gradients of {task.width} numbers, sums over at least "
        f"{task.least_rows:,} rows, each with exact Gaussian noise for {whose} that comes or goes.",
        f"买方获知 {task.iterations} 次梯度，每次 {task.width} 个数，"
        f"均为至少 {task.least_rows:,} 行之和，并带有针对{whose_zh}增减的精确高斯噪声。",
        f"{figures} at delta {float(delta):.3g}",
        f"{figures}（delta {float(delta):.3g}）",
    )


def _counts(chain: Chain) -> Lesson:
    task = chain.task
    more, more_zh = "", ""
    if task.vertical:
        more = f", nor labels and {task.own_columns} columns of the buyer's"
        more_zh = f"、标签及买方的 {task.own_columns} 列"
    return Lesson(
        "counts",
        f"The provider does not learn weights{more}: it learns how many there are, and how often "
        "the buyer goes on.",
        f"数据方不获知权重{more_zh}：仅获知其数量以及买方继续的次数。",
        f"{task.iterations} iterations at most",
        f"至多 {task.iterations} 次迭代",
    )


def _trust() -> Lesson:
    return Lesson(
        "semi-honest",
        "That keys, encryptions and the bound on scores are what they should be is the buyer's "
        "word. A buyer that breaks it may read rows.",
        "密钥、加密方式及评分上界是否合规仅凭买方声明；违反声明的买方可能读出原始行。",
        "for buyers that keep to the protocol (semi-honest) alone",
        "仅适用于遵守协议的买方（半诚实）",
    )
