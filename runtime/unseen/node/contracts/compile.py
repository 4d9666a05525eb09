"""From what a buyer asks to terms, plan and leakage statement. Pure: no store, no clock, no chance.

Everything a job may later do stands in the plan; execution reads the plan and never the ask. What
cannot be compiled is refused with every clause that stands against it, not only the first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from unseen.evidence.canonical import Json, b64decode
from unseen.evidence.contracts.contract import Quota, Terms, signers
from unseen.evidence.contracts.encrypted import Encrypted, encrypted_of
from unseen.evidence.contracts.intersection import Intersection, intersection_of
from unseen.evidence.contracts.joint import PROTOCOL, Joint, joint_of
from unseen.evidence.contracts.leakage import Leakage, Statement
from unseen.evidence.contracts.plan import Output, Plan, ReadLabel, ReleaseSpec, RowsRule
from unseen.evidence.contracts.scoring import Scoring, scoring_of
from unseen.evidence.contracts.statistics import Menu, menu_of
from unseen.evidence.contracts.statistics.bounds import largest_bits
from unseen.evidence.contracts.training.clause import bits_of, training_of
from unseen.evidence.suite import Suite
from unseen.node.catalog.catalogue import Predicate
from unseen.node.catalog.menus import known_columns, labels_of
from unseen.node.contracts.clauses import CLAUSES
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.joint import check_task, statements, threat_model
from unseen.node.contracts.clauses.outputs import chosen, kind_asked
from unseen.node.contracts.clauses.ways import way_of
from unseen.node.kinds import encrypted_plan, intersect_plan, match_plan, score_plan
from unseen.node.kinds.kind import KINDS
from unseen.node.kinds.statistics_plan import kept_of, led
from unseen.protocols.errors import UnseenError
from unseen.protocols.lookup.match import EVALUATIONS

if TYPE_CHECKING:
    from unseen.protocols.train import Spec


@dataclass(frozen=True, slots=True)
class Compiled:
    """Terms to be signed, and the plan and leakage statement whose hashes they hold."""

    terms: Terms
    plan: Plan
    leakage: Leakage


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no contract: one error for each clause."""

    errors: tuple[UnseenError, ...]


def compile_contract(ask: Ask, offer: Offer) -> Compiled | Refusal:
    """Return the contract that `ask` leads to under `offer`, or why there is none."""
    reading = reading_of(ask, offer)
    if errors := against(ask, offer, CLAUSES):
        return Refusal(errors)
    try:
        agreed: dict[str, Any] = {}
        for clause in CLAUSES:
            found = clause.terms(ask, offer, reading)
            said = {**agreed.get("parameters", {}), **found.get("parameters", {})}
            agreed |= found | ({"parameters": said} if said else {})
        plan, leakage = _plan(ask, offer, reading, agreed)
        terms = _terms(ask, offer, plan, leakage, agreed)
    except UnseenError as error:
        return Refusal((_helped(error),))
    return Compiled(terms, plan, leakage)


def _helped(error: UnseenError) -> UnseenError:
    """Return what the pure formats refuse, who know no commands, with clause and remedy."""
    clause = error.clause or "contract"
    remedy = error.remedy or f"correct what {clause} says and ask again"
    return type(error)(str(error), clause=clause, remedy=remedy)


def against(ask: Ask, offer: Offer, clauses: Iterable[Clause]) -> tuple[UnseenError, ...]:
    """Return what stands against `ask`, by each of `clauses` in order."""
    reading = reading_of(ask, offer)
    return tuple(error for clause in clauses for error in clause.check(ask, offer, reading))


def reading_of(ask: Ask, offer: Offer) -> Reading:
    """Return what the asked outputs read, and what the labels of it allow and demand."""
    columns = _columns_read(offer, chosen(ask, offer))
    labels = tuple(labels_of(columns, offer.table, offer.joined))
    return Reading(columns, labels, offer.rules.ruling(labels))


def _columns_read(offer: Offer, chosen: Sequence[Predicate]) -> tuple[str, ...]:
    read = {column for predicate in chosen for column in predicate.columns}
    known = known_columns(offer.table, offer.joined)
    return tuple(dict.fromkeys(column for column in known if column in read))


def _plan(ask: Ask, offer: Offer, reading: Reading, agreed: dict[str, Any]) -> tuple[Plan, Leakage]:
    product, suite = offer.product, offer.signers.suite
    kind, way = kind_asked(ask, offer), way_of(ask, offer, reading).way
    outputs = tuple(_output(predicate, suite) for predicate in chosen(ask, offer))
    joint = joint_of(agreed.get("parameters", {}))
    kept = kind.retention, kind.retention_zh
    holds = (kind.threat_model, kind.threat_model_zh) if joint is None else threat_model(joint)
    menu = menu_of(agreed["parameters"]) if product.definition else None
    spec = training_of(agreed.get("parameters", {}))
    clause = _counted(agreed.get("parameters", {}))
    if joint is not None and menu is not None and spec is None:
        check_task(joint, menu, suite)
        kept = kept_of(joint)
    bits, per_run = _bits(ask, offer, menu, spec, clause)
    plan = Plan(
        suite=suite.id,
        kind=product.kind,
        protocol=way.protocol if joint is None else PROTOCOL,
        table=offer.table.name,
        subject_columns=product.subject(offer.table),
        columns_read=reading.columns,
        outputs=outputs,
        bits_per_unit=bits,
        label_bytes=kind.label_bytes(len(outputs)),
        threat_model=holds[0],
        retention=kept[0],
        threat_model_zh=holds[1],
        retention_zh=kept[1],
        rows=RowsRule(
            consent="consent" in agreed,
            labels=tuple(
                ReadLabel(column=column, category=label.category, level=label.level)
                for column, label in reading.labels
            ),
        ),
        group=agreed.get("group", 0),
        budget=agreed.get("budget", ""),
        release=ReleaseSpec(
            type=kind.release,
            bits_per_run=per_run,
            bits_in_all=bits * ask.quota.units,
            shape=clause.shape if isinstance(clause, Intersection) else None,
        ),
        match=product.match,
    )
    leakage = Leakage(
        suite=suite.id,
        statements=(
            *_stated(plan, menu, joint, clause, ask.quota),
            *(line for clause in CLAUSES for line in clause.statements(offer, reading)),
            *(() if joint is None else statements(joint)),
        ),
        ciphertext_leaves=way.ciphertext_leaves,
    )
    return plan, leakage


_Counted: TypeAlias = Intersection | Scoring | Encrypted


def _counted(parameters: Mapping[str, Json]) -> _Counted | None:
    """Return the clause that says by itself what a unit of the contract releases, if one does."""
    return intersection_of(parameters) or scoring_of(parameters) or encrypted_of(parameters)


def _bits(
    ask: Ask,
    offer: Offer,
    menu: Menu | None,
    spec: "Spec | None",
    clause: _Counted | None,
) -> tuple[int, int]:
    """Return how many bits a unit releases at most, and a run."""
    if clause is not None:
        return clause.bits_per_unit, clause.bits_per_run(ask.quota.units)
    kind = kind_asked(ask, offer)
    each = EVALUATIONS if offer.product.match and kind.hidden else 1
    # Each verdict is one of three: yes, no, no usable result. A buyer may ask about two subjects
    # where a match takes two evaluations.
    bits = 2 * len(chosen(ask, offer)) * each
    if menu is not None:
        bits = largest_bits(menu) if spec is None else bits_of(spec)
    return bits, bits * min(kind.units_per_run // each, ask.quota.units)


def _stated(
    plan: Plan,
    menu: Menu | None,
    joint: Joint | None,
    clause: _Counted | None,
    quota: Quota,
) -> tuple[Statement, ...]:
    """Return the lines of the kind: in a round with a lead only the exact table is asked for."""
    if isinstance(clause, Intersection):
        return intersect_plan.stated(plan, clause, quota)
    if isinstance(clause, Encrypted) and menu is not None:
        return encrypted_plan.stated(plan, clause, menu)
    if isinstance(clause, Scoring):
        return score_plan.stated(plan, clause, quota)
    if joint is not None and joint.lead and menu is not None:
        return led(plan, menu, quota)
    lines = KINDS[plan.kind].stated(plan, menu, quota)
    return match_plan.stated(lines, plan) if plan.match else lines


def _output(predicate: Predicate, suite: Suite) -> Output:
    return Output(
        name=predicate.name,
        text=predicate.text,
        expression_digest=suite.digest(predicate.expression.encode()),
    )


def _terms(ask: Ask, offer: Offer, plan: Plan, leakage: Leakage, agreed: dict[str, Any]) -> Terms:
    product, parties = offer.product, offer.signers
    return Terms(
        suite=parties.suite.id,
        operator=parties.operator,
        node=parties.node,
        buyer=parties.buyer,
        product=product.name,
        product_digest=b64decode(product.digest),
        table=product.table,
        scenario=ask.scenario,
        kind=product.kind,
        protocol=plan.protocol,
        outputs=tuple(output.name for output in plan.outputs),
        quota=ask.quota,
        period=ask.period,
        prices=product.prices,
        plan=plan.digest(parties.suite),
        leakage=leakage.digest(parties.suite),
        threat_model=plan.threat_model,
        openings=ask.openings,
        nonce=ask.nonce,
        approvals=signers(holder="holder" in agreed, approver="approver" in agreed),
        **agreed,
    )
