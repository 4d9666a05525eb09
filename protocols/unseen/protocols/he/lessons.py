"""Tramèr, Zhang, Juels, Reiter and Ristenpart, USENIX Security 2016, section 4: what scores teach.

Encryption hides weights from nobody who may ask often enough: scores are equations in them. These
are the sentences for a leakage statement. They bound what is taught by honest use and by packing;
what a key owner learns who makes a bad public key, they do not.

A weighted sum of d columns has d + 1 numbers. A network whose units are polynomials is a polynomial
itself, of the degree D of its layers multiplied: it has at most as many numbers as there are
products of up to D of d columns, (d + D over D), and as many scores in general position give them
by linear algebra. Who has them scores alone, whatever weights the network had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, prod
from typing import Final

from unseen.protocols.errors import InputInvalidError

PACKING: Final = (
    "the node cannot see what is encrypted: in place of rows a buyer may send numbers that pack"
    " many weights into one score"
)
PACKING_ZH: Final = "节点看不到密文内容：购买方可用精心构造的数值代替数据行，使一个评分携带多个权重"


@dataclass(frozen=True, slots=True)
class Lesson:
    """Something that is taught: `what` is a stable key, the rest is for people.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a buyer is shown under a contract, all of it public.

    There are `ciphertexts`, each with at most `scores` rows in `coefficients` numbers, of which
    each teaches `bits`: log2 of the last modulus over the flood, rounded up.
    """

    scores: int
    coefficients: int
    bits: int
    ciphertexts: int

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            InputInvalidError: a number is not a whole one above zero.

        """
        given = (self.scores, self.coefficients, self.bits, self.ciphertexts)
        if not all(type(number) is int and number > 0 for number in given):
            raise InputInvalidError("whole numbers above zero", clause="score.bits")


def counted(number: int, noun: str) -> str:
    """Return so many of an English noun whose plural ends in s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def scores_needed(columns: int, layers: Sequence[tuple[int, int]]) -> int:
    """Return after how many scores in general position a model is known, at most.

    `layers` are (units, degree) of each; a weighted sum is one of (1, 1).
    """
    degree = prod(degree for _, degree in layers)
    return comb(columns + degree, degree)


def what_scores_teach(
    columns: int, layers: Sequence[tuple[int, int]], shown: Shown
) -> tuple[Lesson, Lesson]:
    """Return what a buyer learns of a model that it scores with: by scores, and by packing."""
    return (_use(columns, layers, shown), _packing(shown))


def _use(columns: int, layers: Sequence[tuple[int, int]], shown: Shown) -> Lesson:
    needed = scores_needed(columns, layers)
    allowed = shown.scores * shown.ciphertexts
    text = f"a weighted sum of {counted(columns, 'column')} is known after {needed:,} scores"
    text_zh = f"{columns:,} 列的加权和取得 {needed:,} 个评分后即可解出"
    if len(layers) > 1:
        degree = prod(degree for _, degree in layers)
        text = (
            f"this network of {counted(columns, 'column')} is a polynomial of degree {degree},"
            f" known after {needed:,} scores at most"
        )
        text_zh = f"此 {columns:,} 列的网络是 {degree} 次多项式，至多 {needed:,} 个评分后即可解出"
    enough = allowed >= needed
    return Lesson(
        "model-by-scores",
        text,
        text_zh,
        f"{shown.scores:,} scores a ciphertext, {allowed:,} in all: "
        + ("enough for all of it" if enough else "not enough for all of it"),
        f"每个密文 {shown.scores:,} 个评分，合计 {allowed:,} 个："
        + ("足以解出全部" if enough else "不足以解出全部"),
    )


def _packing(shown: Shown) -> Lesson:
    each = shown.coefficients * shown.bits
    most = each * shown.ciphertexts
    return Lesson(
        "model-by-packing",
        PACKING,
        PACKING_ZH,
        f"{counted(shown.bits, 'bit')} for each of {shown.coefficients:,} numbers, what the modulus"
        f" leaves above the flood; {each:,} bits a ciphertext, {most:,} in all",
        f"{shown.coefficients:,} 个数值每个至多 {shown.bits:,} 比特，即模数高出淹没噪声的部分；"
        f"每个密文至多 {each:,} 比特，合计至多 {most:,} 比特",
        each,
        most,
    )
