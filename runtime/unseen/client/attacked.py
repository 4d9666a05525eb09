"""What a node found when it attacked a model that it holds, as its operator reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from unseen.client.cards import Row
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.training.clause import total_of, training_of
from unseen.protocols.dp.membership import advantage_by_rho, area_within, by_chance
from unseen.protocols.dp.zcdp import UNIT
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json
    from unseen.v1 import review_pb2

_WHOLE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A membership inference against a model, by the node's own rows; figures in ten-thousandths.

    `area` is that under its curve, 5,000 where it finds nothing, `low` to `high` its 95 % interval;
    `least` is what it is at least with 99 % confidence, which is refused above `bar`. Without rows
    enough nothing is `measured`. `bound` is the largest area that the contract's noise leaves to
    any attack, where this machine can tell.
    """

    measured: bool
    area: int
    low: int
    high: int
    least: int
    bar: int
    advantage: int
    members: int
    others: int
    bound: int | None = None

    def rows(self) -> Iterator[Row]:
        """Yield what an operator reads, in English and Chinese."""
        sizes = f"{self.members:,} rows that were fitted on, {self.others:,} held out"
        sizes_zh = f"参与拟合 {self.members:,} 行，留出 {self.others:,} 行"
        if not self.measured:
            yield "attack", f"not measured, too few rows: {sizes}（数据过少，未作测量：{sizes_zh}）"
        else:
            area = f"{_part(self.area)} ({_part(self.low)} - {_part(self.high)})"
            words = "0.500 finds nothing（成员推断攻击的曲线下面积，0.500 表示一无所获）"
            yield "attack", f"area {area}, {words}"
            least, bar = _part(self.least), _part(self.bar)
            words = f"at least {least} with 99 % confidence, refused above {bar}"
            yield "bar", f"{words}（以 99 % 置信度不低于 {least}，超过 {bar} 不予放行）"
            chance = _part(_WHOLE * by_chance(self.members, self.others))
            words = f"by chance alone about {chance}（优势；纯属偶然时约为 {chance}）"
            yield "advantage", f"{_part(self.advantage)}, {words}"
            yield "attacked with", f"{sizes}（{sizes_zh}）"
        if self.bound is not None:
            most = _part(self.bound)
            words = f"（依噪声，针对任一人的任何攻击，面积不超过 {most}）"
            yield "noise allows", f"area {most} at most, to any attack on one person{words}"

    def to_json(self) -> "dict[str, Json]":
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def attack_of(message: "review_pb2.Attack", terms: Terms) -> Attack:
    """Return what a node says that it found, beside what the contract's noise allows."""
    return Attack(
        measured=message.measured,
        area=message.area,
        low=message.low,
        high=message.high,
        least=message.least,
        bar=message.bar,
        advantage=message.advantage,
        members=message.members,
        others=message.others,
        bound=_bound(terms),
    )


def _bound(terms: Terms) -> int | None:
    """Return the largest area under a contract's training; None where none can be told."""
    try:
        spec = training_of(terms.parameters)
    except UnseenError:  # no library for vectors here
        return None
    if spec is None:
        return None
    return ceil(_WHOLE * area_within(advantage_by_rho(total_of(spec) * UNIT)))


def _part(value: float) -> str:
    return f"{value / _WHOLE:.3f}"
