"""What the compiler asks of a job kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.homomorphic import HIGHEST
from unseen.evidence.contracts.intersection import COUNT, ITEMS, KIND, MAX_ITEMS, PROTOCOLS, SUM
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.evidence.contracts.plan import Plan, ReleaseType
from unseen.evidence.contracts.scoring import KIND as SCORE
from unseen.evidence.contracts.scoring import MAX_RESPONSES
from unseen.evidence.contracts.scoring import PROTOCOL as CKKS
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.releases.manifest import HIDDEN_TABLE as LWE_PIR
from unseen.evidence.releases.manifest import PROTOCOL as OPRF_TABLE
from unseen.node.kinds import (
    encrypted_plan,
    intersect_plan,
    lookup_plan,
    score_plan,
    statistics_plan,
    train_plan,
    verify_plan,
)
from unseen.protocols.lookup.labels import label_bytes_for
from unseen.protocols.oprf.suite import MAX_BATCH


def _nothing(_plan: Plan, _quota: Quota) -> Mapping[str, Amount]:
    return {}


@dataclass(frozen=True, slots=True)
class Way:
    """A protocol by which a kind's questions are answered, and what it lets learn."""

    protocol: str
    ciphertext_leaves: bool = False
    statements: tuple[Statement, ...] = ()
    amounts: Callable[[Plan, Quota], Mapping[str, Amount]] = _nothing


@dataclass(frozen=True, slots=True)
class Kind:
    """The fixed side of a job kind; `label_bytes` is 0 where no encrypted table exists.

    `by_menu` gives the lines of the leakage statement where they follow from the contract's menu.
    Of several `ways` the compiler takes one for each contract (`contracts/clauses/ways.py`).
    """

    ways: tuple[Way, ...]
    threat_model: str
    threat_model_zh: str
    retention: str
    retention_zh: str
    labelled: bool
    release: ReleaseType
    units_per_run: int
    holds_under: str  # the strongest of the evidence's `THREAT_MODELS` that it holds under
    hidden: bool  # whether the node cannot tell its questions apart
    by_menu: Callable[[Plan, Menu, Quota], tuple[Statement, ...]] | None = None
    highest: str = ""  # level of what it reads, whatever rules say; empty where rules alone say it

    @property
    def ciphertext_leaves(self) -> bool:
        """Whether none of its ways keeps ciphertext of the rows within the domain."""
        return all(way.ciphertext_leaves for way in self.ways)

    def way(self, protocol: str) -> Way:
        """Return the way of this protocol; the kind has to have one."""
        return {way.protocol: way for way in self.ways}[protocol]

    def stated(self, plan: Plan, menu: Menu | None, quota: Quota) -> tuple[Statement, ...]:
        """Return the lines of the leakage statement, with the numbers of one contract."""
        if self.by_menu is not None and menu is not None:
            return self.by_menu(plan, menu, quota)
        way = self.way(plan.protocol)
        amounts = way.amounts(plan, quota)
        return tuple(replace(line, amount=amounts[line.what]) for line in way.statements)

    def label_bytes(self, outputs: int) -> int:
        """Return the bytes of a row's label for this many outputs."""
        return label_bytes_for(outputs) if self.labelled else 0


_INTERSECT = Kind(
    ways=(Way(PROTOCOLS[ITEMS], ciphertext_leaves=True),),
    threat_model=intersect_plan.THREAT_MODEL,
    threat_model_zh=intersect_plan.THREAT_MODEL_ZH,
    retention=intersect_plan.RETENTION,
    retention_zh=intersect_plan.RETENTION_ZH,
    labelled=False,
    release="verdicts",
    units_per_run=MAX_ITEMS,
    holds_under="semi-honest",
    hidden=True,
)
_COUNTED = replace(
    _INTERSECT,
    ways=(Way(PROTOCOLS[COUNT], ciphertext_leaves=True),),
    threat_model=intersect_plan.COUNT_THREAT_MODEL,
    threat_model_zh=intersect_plan.COUNT_THREAT_MODEL_ZH,
    release="aggregate",
)
_BY_OUTPUT = {
    COUNT: _COUNTED,
    SUM: replace(_COUNTED, ways=(Way(PROTOCOLS[SUM], ciphertext_leaves=True),)),
}

KINDS: dict[str, Kind] = {
    KIND: _INTERSECT,
    "lookup": Kind(
        ways=(
            Way(
                OPRF_TABLE,
                ciphertext_leaves=True,
                statements=lookup_plan.STATEMENTS,
                amounts=lookup_plan.amounts,
            ),
            Way(
                LWE_PIR,
                statements=lookup_plan.HIDDEN_STATEMENTS,
                amounts=lookup_plan.hidden_amounts,
            ),
        ),
        threat_model=lookup_plan.THREAT_MODEL,
        threat_model_zh=lookup_plan.THREAT_MODEL_ZH,
        retention=lookup_plan.RETENTION,
        retention_zh=lookup_plan.RETENTION_ZH,
        labelled=True,
        release="verdicts",
        units_per_run=MAX_BATCH,
        holds_under="malicious-buyer",
        hidden=True,
    ),
    "verify": Kind(
        ways=(Way("clear", statements=verify_plan.STATEMENTS, amounts=verify_plan.amounts),),
        threat_model=verify_plan.THREAT_MODEL,
        threat_model_zh=verify_plan.THREAT_MODEL_ZH,
        retention=verify_plan.RETENTION,
        retention_zh=verify_plan.RETENTION_ZH,
        labelled=False,
        release="verdicts",
        units_per_run=1,
        holds_under="malicious-buyer",
        hidden=False,
    ),
    SCORE: Kind(
        ways=(Way(CKKS),),
        threat_model=score_plan.THREAT_MODEL,
        threat_model_zh=score_plan.THREAT_MODEL_ZH,
        retention=score_plan.RETENTION,
        retention_zh=score_plan.RETENTION_ZH,
        labelled=False,
        release="verdicts",
        units_per_run=MAX_RESPONSES,
        holds_under="semi-honest",
        hidden=False,
        highest=HIGHEST,
    ),
    "statistics": Kind(
        ways=(Way("dp_statistics"),),
        threat_model=statistics_plan.THREAT_MODEL,
        threat_model_zh=statistics_plan.THREAT_MODEL_ZH,
        retention=statistics_plan.RETENTION,
        retention_zh=statistics_plan.RETENTION_ZH,
        labelled=False,
        release="aggregate",
        units_per_run=1,
        holds_under="malicious-buyer",
        hidden=False,
        by_menu=statistics_plan.stated,
    ),
    "train": Kind(
        ways=(Way("secagg"),),
        threat_model=train_plan.THREAT_MODEL,
        threat_model_zh=train_plan.THREAT_MODEL_ZH,
        retention=train_plan.RETENTION,
        retention_zh=train_plan.RETENTION_ZH,
        labelled=False,
        release="aggregate",
        units_per_run=1,
        holds_under="malicious-buyer",
        hidden=False,
        by_menu=train_plan.stated,
    ),
}

_BY_PROTOCOL = {
    ("train", CKKS): Kind(
        ways=(Way(CKKS),),
        threat_model=encrypted_plan.THREAT_MODEL,
        threat_model_zh=encrypted_plan.THREAT_MODEL_ZH,
        retention=encrypted_plan.RETENTION,
        retention_zh=encrypted_plan.RETENTION_ZH,
        labelled=False,
        release="aggregate",
        units_per_run=1,
        holds_under="semi-honest",
        hidden=False,
        highest=HIGHEST,
    )
}


def kind_of(name: str, outputs: Sequence[str], protocol: str = "") -> Kind:
    """Return the fixed side of a contract of the kind `name` over `outputs`.

    Where a kind is answered in ways that have nothing in common, `protocol` says by which.
    """
    if name == KIND and len(outputs) == 1:
        return _BY_OUTPUT.get(outputs[0], KINDS[name])
    return _BY_PROTOCOL.get((name, protocol), KINDS[name])
