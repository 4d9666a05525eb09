"""Tramèr, Zhang, Juels, Reiter and Ristenpart, USENIX Security 2016, section 4: what scores teach.

Encryption hides weights from nobody who may ask often enough: scores are equations in them. These
are the sentences for a leakage statement. They bound what is taught by honest use and by packing;
what a key owner learns who makes a bad public key, they do not.
"""

from dataclasses import dataclass

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models.model import Model


@dataclass(frozen=True, slots=True)
class Lesson:
    """Something that scores teach: `what` is a stable key, the rest is for people.

    `each` is how many bits one ciphertext teaches at most, `most` how many all of them; both are
    nothing where no number bounds it.
    """

    what: str
    text: str
    text_zh: str
    bound: str
    bound_zh: str
    each: int | None = None
    most: int | None = None


def what_scores_teach(
    model: Model, *, scores: int, coefficients: int, bits: int, ciphertexts: int
) -> tuple[Lesson, ...]:
    """Return what a buyer learns of a model that it scores with.

    A contract has `ciphertexts`, each with at most `scores` rows in `coefficients` numbers, of
    which each teaches `bits`: log2 of the last modulus over the flood, rounded up.

    Raises:
        InputInvalidError: a number is not a whole one above zero.

    """
    given = (scores, coefficients, bits, ciphertexts)
    if not all(type(number) is int and number > 0 for number in given):
        raise InputInvalidError("whole numbers above zero", clause="score.bits")
    each = coefficients * bits
    return (_use(model, scores * ciphertexts), _packing(each, each * ciphertexts))


def _use(model: Model, scores: int) -> Lesson:
    if model.is_line:
        needed = model.width + 1
        known = scores >= needed
        text = (
            f"A weighted sum of {model.width} columns is known after {needed} scores of rows in "
            "general position, to the precision of a score: whoever has so many can score alone."
        )
        text_zh = (
            f"{model.width} 列的加权和，取得 {needed} 个一般位置样本的评分后即可解出"
            "（精确到评分的精度）：此后无需再询问即可自行评分。"
        )
        bound = f"{scores:,} scores are allowed: " + ("all of it" if known else "not all of it")
        bound_zh = f"合约允许 {scores:,} 个评分：" + (
            "足以解出全部权重" if known else "不足以解出全部权重"
        )
    else:
        text = (
            f"A network of {model.parameters} secret numbers is fitted by its scores: no number of "
            "scores is known below which another network as good cannot be trained on them."
        )
        text_zh = (
            f"含 {model.parameters} 个保密参数的网络可由其评分反推拟合：无法给出一个评分数量，"
            "保证低于该数量时训练不出效果相当的模型。"
        )
        bound, bound_zh = f"{scores:,} scores are allowed", f"合约允许 {scores:,} 个评分"
    return Lesson("model-by-scores", text, text_zh, bound, bound_zh)


def _packing(each: int, most: int) -> Lesson:
    return Lesson(
        "model-by-packing",
        "The node cannot see what is encrypted: in place of rows a buyer may send numbers that "
        "pack many weights into one score. What comes back is then bounded by its size alone, "
        "modulus over flood, and by how many ciphertexts are paid for.",
        "节点看不到密文内容：买方可用精心构造的数值代替真实样本，使一个评分携带多个权重。"
        "此时返回的信息量仅受结果大小（模数与淹没噪声之比）和付费密文数量限制。",
        f"{each:,} bits a ciphertext, {most:,} in all",
        f"每个密文至多 {each:,} 比特，合计至多 {most:,} 比特",
        each,
        most,
    )
