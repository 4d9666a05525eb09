"""What a buyer asks for in a contract: as callers say it, and as the terms have to say it too."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from unseen.client.errors import AnswerInvalidError
from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import Encrypted, encrypted_of
from unseen.evidence.contracts.joint import Joint, joint_of
from unseen.evidence.contracts.training.clause import training_of
from unseen.v1 import contract_pb2

if TYPE_CHECKING:
    from unseen.protocols.train import Spec

DAYS = 30
"""How long a contract holds unless told."""


class Clauses(TypedDict, total=False):
    """What a contract may say beside product, outputs, scenario and units: keywords of callers.

    It begins now and lasts `days` (30); within a minute it allows `per_minute` units, all of them
    if that is left out. `openings` agrees to open hidden queries on a lawful order. `template`
    names one whose limits the contract keeps: then it needs no signature of the template's
    signers. `order` is the number of an order at a data exchange, `region` where the answers are
    used, `group` and `budget` bound aggregates, `declarations` are sentences that you sign with
    it. `joint` is the clause by which this node's numbers are added up with those of other nodes:
    ask each of them with the same one. `train` is the training that those sums are for, of a
    product of kind `train` (`client.joint.training.make_training`), or, without `joint`, one under
    encryption at this node (`training.encrypted_file.parse_encrypted`). `way` is the protocol by
    which hidden questions reach their row, `oprf_table` or `lwe_pir`; without it the node takes
    what labels and size allow.
    """

    days: int
    per_minute: int | None
    openings: bool
    template: str
    order: str
    region: str
    group: int
    budget: str
    declarations: Sequence[str]
    joint: Joint | None
    train: "Spec | Encrypted | None"
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a buyer asks for; the terms that come back must say the same."""

    product: str
    scenario: str
    outputs: tuple[str, ...]
    units: int
    per_minute: int
    start: dt.datetime
    end: dt.datetime
    openings: bool = False
    template: str = ""
    order: str = ""
    region: str = ""
    group: int = 0
    budget: str = ""
    declarations: tuple[str, ...] = ()
    joint: Joint | None = None
    train: "Spec | Encrypted | None" = None
    way: str = ""

    @classmethod
    def of(
        cls,
        product: str,
        *,
        outputs: Sequence[str],
        scenario: str,
        units: int,
        **clauses: Unpack[Clauses],
    ) -> Self:
        """Return the wish for a contract that begins now, with whole seconds in UTC."""
        said: dict[str, Any] = dict(clauses)
        start = dt.datetime.now(dt.UTC).replace(microsecond=0)
        per_minute = said.pop("per_minute", None)
        return cls(
            product=product,
            scenario=scenario,
            outputs=tuple(outputs),
            units=units,
            per_minute=units if per_minute is None else per_minute,
            start=start,
            end=start + dt.timedelta(days=said.pop("days", DAYS)),
            declarations=tuple(said.pop("declarations", ())),
            **said,
        )

    def message(self) -> contract_pb2.RequestContractRequest:
        """Return the wish as the node is asked."""
        said = b"" if self.train is None else self.train.encode()
        encrypted = isinstance(self.train, Encrypted)
        request = contract_pb2.RequestContractRequest(
            product=f"products/{self.product}",
            scenario=self.scenario,
            outputs=self.outputs,
            units=self.units,
            units_per_minute=self.per_minute,
            until=format_time(self.end),
            openings=self.openings,
            template=self.template,
            exchange_order=self.order,
            region=self.region,
            group=self.group,
            budget=self.budget,
            declarations=self.declarations,
            joint=b"" if self.joint is None else self.joint.encode(),
            train=b"" if encrypted else said,
            encrypted=said if encrypted else b"",
            way=self.way,
        )
        setattr(request, "from", format_time(self.start))  # a word of Python's
        return request

    def check(self, terms: Terms) -> None:
        """Refuse terms that say anything else.

        Raises:
            AnswerInvalidError: they do; `clause` names the first difference.

        """
        clauses: tuple[tuple[str, object, object], ...] = (
            ("product", terms.product, self.product),
            ("scenario", terms.scenario, self.scenario),
            ("outputs", terms.outputs, self.outputs),
            ("quota.units", terms.quota.units, self.units),
            ("quota.per_minute", terms.quota.per_minute, self.per_minute),
            ("period.until", terms.period.until, self.end),
            ("openings", terms.openings, self.openings),
            ("template", bool(terms.template), bool(self.template)),
            ("order", terms.order, self.order),
            ("region", terms.region, self.region),
            ("group", terms.group if self.group else 0, self.group),
            ("budget", terms.budget if self.budget else "", self.budget),
            ("declarations", terms.declarations, self.declarations),
            ("joint", joint_of(terms.parameters), self.joint),
            ("train", _training(terms), self.train),
            ("way", terms.protocol if self.way else "", self.way),
        )
        for clause, found, wished in clauses:
            if found != wished:
                raise AnswerInvalidError(
                    f"the node proposed another {clause} than was asked for",
                    clause=clause,
                    remedy="do not sign it; ask the operator",
                )


def _training(terms: Terms) -> "Spec | Encrypted | None":
    """Return the training that terms are over, joint or under encryption."""
    return encrypted_of(terms.parameters) or training_of(terms.parameters)
