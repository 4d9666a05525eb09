"""Mitchell et al., "Model cards for model reporting", 2019, section 4: what goes with a model.

What it was made of, under which contracts, what it cost, how good it is, what bounds and tests of
membership say and what it must not be used for: canonical JSON to be hashed, and the same in words
for people. A card says what its maker says; contracts, commitments and endorsements in it can be
checked against logs and receipts, metrics and an attack of one's own cannot.

Of a node that endorsed the model the card holds the bar and the request, and no figure: what its
attack found was computed from its rows without noise, and stays there.
"""

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from unseen.protocols import dp
from unseen.protocols.dp import membership
from unseen.protocols.dp.zcdp import UNIT
from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.train import coding
from unseen.protocols.train.attack import WHOLE, Membership
from unseen.protocols.train.coding import Json, decimal
from unseen.protocols.train.evaluation import Metrics
from unseen.protocols.train.model import Model
from unseen.protocols.train.spec import Spec

FORMAT: Final = "unseen/train/card/2"
_ROUND: Final = 100  # an attack is passed on in hundredths: it was computed without noise
_PARTS: Final = 1000  # metrics are passed on in thousandths


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A party: its name, its contract's id, and the commitment to the rows it used; "" for none."""

    party: str
    contract: str = ""
    commitment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A party's report of membership inference, in hundredths."""

    party: str
    auc: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsement:
    """A party that let the model out: `bar` is its gate's, in ten-thousandths of an area.

    `request` (32 hexadecimal digits) and `leaf`, the place in the party's log, name the receipt.
    """

    party: str
    request: str
    leaf: int
    bar: int


@dataclass(frozen=True, slots=True)
class Bound:
    """What no test of membership exceeds: its advantage, and the area under its curve."""

    advantage: Fraction
    area: Fraction


@dataclass(frozen=True, kw_only=True)
class Card:
    """What goes with a model. `metrics` are whole numbers, in thousandths but for `rows`.

    `cost` is zCDP in units of 10^-12, 0 for a model without noise; `delta` is the one at which
    epsilon is stated. `unfit` says what the model is not for, in English and Chinese.
    """

    spec: Spec
    model: str
    sources: tuple[Source, ...]
    cost: int
    delta: str
    metrics: tuple[tuple[str, int], ...]
    calibration: tuple[tuple[int, int, int], ...]
    attacks: tuple[Attack, ...]
    endorsed: tuple[Endorsement, ...]
    purpose: str
    purpose_zh: str
    unfit: tuple[tuple[str, str], ...]

    @property
    def bounds(self) -> tuple[Bound, Bound] | None:
        """Return what bounds any test of membership: epsilon at `delta`, and rho.

        None for a model without noise. For one person's rows, as far as they are bounded.
        """
        if (epsilon := self.epsilon) is None:
            return None
        delta = decimal(self.delta, "card.delta")
        found = (
            membership.advantage_by_epsilon(epsilon, delta),
            membership.advantage_by_rho(self.cost * UNIT),
        )
        by_epsilon, by_rho = (Bound(each, membership.area_within(each)) for each in found)
        return by_epsilon, by_rho

    @property
    def epsilon(self) -> Fraction | None:
        """Return the epsilon of the training at `delta`; None for a model without noise."""
        if not self.cost:
            return None
        return dp.epsilon_of(self.cost * UNIT, decimal(self.delta, "card.delta"))

    def to_json(self) -> Json:
        """Return it as JSON."""
        return {
            "format": FORMAT,
            "task": self.spec.to_json(),
            "model": self.model,
            "sources": coding.to_json(self.sources),
            "cost": self.cost,
            "delta": self.delta,
            "metrics": dict(self.metrics),
            "calibration": coding.to_json(self.calibration),
            "attacks": coding.to_json(self.attacks),
            "endorsed": coding.to_json(self.endorsed),
            "purpose": self.purpose,
            "purpose_zh": self.purpose_zh,
            "unfit": coding.to_json(self.unfit),
        }

    def encode(self) -> bytes:
        """Return its canonical bytes."""
        return coding.encode(self.to_json())

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes, in hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()

    @classmethod
    def decode(cls, data: bytes) -> "Card":
        """Return the card whose canonical bytes are `data`.

        Raises:
            MalformedMessageError: it is none. InputInvalidError: its task is out of range.

        """
        value = coding.decode(data)
        names = ("format", *(name for name in cls.__dataclass_fields__ if name != "spec"))
        fields = dict(coding.record(value, "task", *names))
        if fields.pop("format") != FORMAT:
            raise MalformedMessageError("another format of card")
        try:
            found = _read(fields)
        except (AttributeError, TypeError, ValueError):
            raise MalformedMessageError("not a model card") from None
        if found.encode() != data:
            raise MalformedMessageError("not a model card")
        return found


UNFIT: Final = (
    (
        "to decide alone about a person: somebody who can explain and correct it has to",
        "不得单独据以对个人作出决定，须由能够说明和纠正的人员复核",
    ),
    (
        "to find out who was among the training rows, or what they held",
        "不得用于推断何人在训练数据之中及其内容",
    ),
    (
        "for people, places or times that differ from those of the training rows",
        "不适用于与训练数据所涉人群、地域、时期不同的情形",
    ),
    (
        "as a finding of causes: weights with noise say what goes together, roughly",
        "不得作为因果结论；含噪参数仅大致反映相关性",
    ),
)
"""What no model of this kind is for."""


def card_of(
    model: Model,
    sources: tuple[Source, ...],
    *,
    cost: int,
    delta: str,
    metrics: Metrics | None,
    attacks: tuple[tuple[str, Membership], ...],
    purpose: tuple[str, str],
) -> Card:
    """Return the card of a model; figures are rounded as they are passed on.

    `attacks` are somebody's own, who may pass them on; nodes that endorse a model pass on none and
    stand in `endorsed` once they have.

    Raises:
        InputInvalidError: `delta` is not a decimal in (0, 1).

    """
    if not 0 < decimal(delta, "card.delta") < 1:
        raise InputInvalidError("delta is between 0 and 1", clause="card.delta")
    return Card(
        spec=model.spec,
        model=hashlib.sha256(model.encode()).hexdigest(),
        sources=sources,
        cost=cost,
        delta=delta,
        metrics=_figures(metrics),
        calibration=tuple(
            (round(_PARTS * mean), round(_PARTS * share), round(rows))
            for mean, share, rows in (metrics.calibration if metrics else ())
        ),
        attacks=tuple(_attack(party, found) for party, found in attacks),
        endorsed=(),
        purpose=purpose[0],
        purpose_zh=purpose[1],
        unfit=UNFIT,
    )


def _figures(metrics: Metrics | None) -> tuple[tuple[str, int], ...]:
    if metrics is None:
        return ()
    names = ("auc", "error", "explained", "loss", "spread")
    found = [(name, getattr(metrics, name)) for name in names]
    parts = [(name, round(_PARTS * value)) for name, value in found if value is not None]
    return tuple(sorted([*parts, ("rows", round(metrics.rows))]))


def _attack(party: str, found: Membership) -> Attack:
    step = WHOLE // _ROUND
    return Attack(
        party=party,
        auc=round(found.auc / step),
        low=found.low // step,
        high=-(-found.high // step),
    )


def _read(fields: dict[str, Json]) -> Card:
    texts = [fields[name] for name in ("model", "delta", "purpose", "purpose_zh")]
    if not all(type(text) is str for text in texts) or type(fields["cost"]) is not int:
        raise MalformedMessageError("not a model card")
    if not 0 < decimal(fields["delta"], "card.delta") < 1 or fields["cost"] < 0:
        raise MalformedMessageError("not a model card")
    if not re.fullmatch("[0-9a-f]{64}", fields["model"]):
        raise MalformedMessageError("not a model card")
    unfit = tuple((str(one), str(other)) for one, other in fields["unfit"])
    rows = tuple(tuple(coding.whole_numbers(item, 3)) for item in fields["calibration"])
    return Card(
        spec=Spec.from_json(fields["task"]),
        model=fields["model"],
        sources=tuple(coding.from_json(Source, item) for item in fields["sources"]),
        cost=fields["cost"],
        delta=fields["delta"],
        metrics=tuple(sorted((str(k), int(v)) for k, v in fields["metrics"].items())),
        calibration=tuple((a, b, c) for a, b, c in rows),
        attacks=tuple(coding.from_json(Attack, item) for item in fields["attacks"]),
        endorsed=tuple(_endorsement(item) for item in fields["endorsed"]),
        purpose=fields["purpose"],
        purpose_zh=fields["purpose_zh"],
        unfit=unfit,
    )


def _endorsement(value: Json) -> Endorsement:
    found = coding.from_json(Endorsement, value)
    fits = found.leaf >= 0 and WHOLE // 2 <= found.bar <= WHOLE
    if not fits or not re.fullmatch("[0-9a-f]{32}", found.request):
        raise MalformedMessageError("not a model card")
    return found
