"""From what a buyer asks to terms, plan and leakage statement. Pure: no store, no clock, no chance.

Everything a job may later do stands in the plan; execution reads the plan and never the ask. What
cannot be compiled is refused with every clause that stands against it, not only the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from unseen.evidence.canonical import b64decode
from unseen.evidence.contract import Period, Quota, Terms
from unseen.evidence.plan import Leakage, Output, Plan
from unseen.evidence.suite import Suite
from unseen.node.catalog.catalogue import Predicate, Product, Table
from unseen.node.catalog.labels import check_labels, max_units
from unseen.node.errors import LabelRefusedError, OutputUnknownError
from unseen.node.kinds.kind import KINDS
from unseen.protocols.errors import UnseenError


@dataclass(frozen=True, slots=True)
class Ask:
    """What a buyer asks for. `outputs` empty means all that the product offers."""

    scenario: str
    outputs: tuple[str, ...]
    quota: Quota
    period: Period
    openings: bool
    nonce: bytes  # 16 bytes, so that the same ask twice makes two contracts


@dataclass(frozen=True, slots=True)
class Signers:
    """The key names of the three that a contract binds."""

    suite: Suite
    operator: str
    node: str
    buyer: str


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


def compile_contract(
    ask: Ask, product: Product, table: Table, signers: Signers, granted: int = 0
) -> Compiled | Refusal:
    """Return the contract that `ask` leads to, or why there is none.

    `granted` is what the buyer's other contracts over this table have used or may still use.
    """
    chosen, errors = _choose(ask.outputs, product)
    columns = _columns_read(table, chosen)
    try:
        check_labels(product.kind, table.labels(columns))
    except LabelRefusedError as error:
        errors.append(error)
    most = max_units(product.kind, table.labels(columns), table.snapshot.rows)
    if ask.quota.units + granted > most:
        errors.append(
            LabelRefusedError(
                f"a buyer may ask at most {most} units over this table; {granted} are granted",
                clause="quota.units",
                remedy=f"ask for at most {max(most - granted, 0)} units",
            )
        )
    if errors:
        return Refusal(tuple(errors))
    try:
        plan, leakage = _plan(product, table, chosen, columns, signers.suite)
        terms = _terms(ask, product, signers, plan, leakage)
    except UnseenError as error:
        return Refusal((error,))
    return Compiled(terms, plan, leakage)


def _choose(outputs: Sequence[str], product: Product) -> tuple[list[Predicate], list[UnseenError]]:
    offered = {predicate.name: predicate for predicate in product.predicates}
    wanted = outputs or tuple(offered)
    errors: list[UnseenError] = [
        OutputUnknownError(
            f"product {product.name!r} does not offer {name!r}",
            clause=f"outputs.{name}",
            remedy=f"choose among: {', '.join(sorted(offered))}",
        )
        for name in wanted
        if name not in offered
    ]
    return [offered[name] for name in wanted if name in offered], errors


def _columns_read(table: Table, chosen: Sequence[Predicate]) -> tuple[str, ...]:
    read = {column for predicate in chosen for column in predicate.columns}
    return tuple(column.name for column in table.columns if column.name in read)


def _plan(
    product: Product,
    table: Table,
    chosen: Sequence[Predicate],
    columns: tuple[str, ...],
    suite: Suite,
) -> tuple[Plan, Leakage]:
    kind = KINDS[product.kind]
    outputs = tuple(
        Output(
            name=predicate.name,
            text=predicate.text,
            expression_digest=suite.digest(predicate.expression.encode()),
        )
        for predicate in chosen
    )
    plan = Plan(
        suite=suite.id,
        kind=product.kind,
        protocol=kind.protocol,
        table=table.name,
        subject_columns=table.subject,
        columns_read=columns,
        outputs=outputs,
        # Each answer is one of three: yes, no, no usable result.
        bits_per_unit=2 * len(outputs),
        label_bytes=kind.label_bytes(len(outputs)),
        threat_model=kind.threat_model,
        retention=kind.retention,
    )
    leakage = Leakage(
        suite=suite.id,
        statements=kind.statements,
        ciphertext_leaves=kind.ciphertext_leaves,
    )
    return plan, leakage


def _terms(ask: Ask, product: Product, signers: Signers, plan: Plan, leakage: Leakage) -> Terms:
    return Terms(
        suite=signers.suite.id,
        operator=signers.operator,
        node=signers.node,
        buyer=signers.buyer,
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
        plan=plan.digest(signers.suite),
        leakage=leakage.digest(signers.suite),
        threat_model=plan.threat_model,
        openings=ask.openings,
        nonce=ask.nonce,
    )
