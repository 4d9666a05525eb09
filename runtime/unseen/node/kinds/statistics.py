"""Executing a question about many: known already, or counted, gated, and charged with its privacy.

Whether a question with noise is refused depends on question, contract and ledger alone. The exact
table is one for a table of rows, whoever asks: what it was made from is pinned with its first
charge, so that no second one can be held against it.
"""

import logging
from collections.abc import Sequence

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.contracts.joint import PROTOCOL as SECAGG
from unseen.evidence.contracts.privacy import tables_of
from unseen.evidence.contracts.statistics import Question, check_question, menu_of
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import suite_of
from unseen.node.catalog.catalogue import Product, Table
from unseen.node.consent.register import tree_of
from unseen.node.consent.tree import newest_root
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError, JointRefusedError, TableError
from unseen.node.identity.parties import Caller
from unseen.node.metering.metered import SignedRequest, run_metered
from unseen.node.metering.paying import Answer, Work
from unseen.node.privacy.answers import look
from unseen.node.privacy.spend import Pin, Spend, answer_key
from unseen.node.statistics.evaluate import evaluate

_logger = logging.getLogger("unseen.node.statistics")


async def ask(node: Node, caller: Caller, signed: SignedRequest) -> Answer:
    """Answer one request; its one part is the canonical JSON of the question.

    The answer's one part is the canonical JSON of the rows, in the shape that menu and question
    declare.
    """

    async def work(contract: Contract, _request: Request) -> Work:
        _check_alone(contract)
        question = Question.decode(signed.parts[0])
        check_question(menu_of(contract.terms.parameters), question)
        found = await _known(node, contract, question)
        if found is not None:
            return found
        # One question of a party waits among all: whoever asks much waits for itself.
        async with node.turns[caller.party]:
            found = await _known(node, contract, question)  # the one before may have been the same
            return found or await _counted(node, contract, question)

    return await run_metered(node, caller, "statistics", signed, 1, work)


def _check_alone(contract: Contract) -> None:
    """Refuse to answer for one node what its contract lets be asked of several together.

    Before anything is counted: whether the exact table can be shown is a bit of the rows.
    """
    if contract.plan.protocol == SECAGG:
        raise JointRefusedError(
            "the contract is over several nodes, and no node's own numbers leave under it",
            clause="joint",
            remedy="ask all of them: unseen statistics joint ask",
        )


async def _known(node: Node, contract: Contract, question: Question) -> Work | None:
    """Return the answer given before, over the same rows; or None, if one may be computed."""
    product = node.catalogue.product(contract.terms.product)
    tables, root = tables_behind(node, product), await _root(node, contract)
    known = look(node, contract, _spend(contract, product, tables, question, root))
    if known is None:
        return None
    return Work(
        known.parts,
        known.snapshot,
        consent_root=root,  # by which these very rows were chosen: it is in the key
        question=question,
        privacy=known.spend,
    )


async def _counted(node: Node, contract: Contract, question: Question) -> Work:
    """Return a new answer, and what it costs."""
    product = node.catalogue.product(contract.terms.product)
    tables = tables_behind(node, product)
    try:
        done = await evaluate(node, contract, product, tables[0], question)
    except TableError as error:  # the buyer is refused, but only the operator can mend it
        _logger.warning("table %s: %s", tables[0].name, error.reason)
        raise
    return Work(
        done.parts,
        done.snapshot,
        facts=done.facts,
        consent_root=done.consent_root,
        question=question,
        privacy=_spend(contract, product, tables, question, done.consent_root),
    )


def tables_behind(node: Node, product: Product) -> tuple[Table, ...]:
    """Return the tables that a product reads: its own, and a joined one."""
    names = (product.table, product.joined)
    return tuple(node.catalogue.table(name) for name in names if name)


async def _root(node: Node, contract: Contract) -> bytes:
    """Return the root by which rows would be chosen now, empty where nobody has to consent."""
    if contract.terms.consent is None:
        return b""
    await tree_of(node)
    return newest_root(node.reader.connection).root


def _spend(
    contract: Contract, product: Product, tables: Sequence[Table], question: Question, root: bytes
) -> Spend:
    """Return what the answer over these rows costs, and what it is kept and pinned by.

    The exact table is kept by what it is pinned by: it is computed once, since consents run out
    under one root, and a second computation over fewer rows could be taken from the first.
    """
    rows = rows_of(contract, tables, root)
    if not question.exact:
        return Spend(rho=question.cost, answer=answer_key(contract, question.encode(), *rows))
    digest = partition_digest(contract, product, rows)
    return Spend(rho=question.cost, answer=digest, pins=pins_of(contract, tables, digest))


def rows_of(contract: Contract, tables: Sequence[Table], root: bytes) -> list[bytes]:
    """Return digests of what has chosen the rows of an answer: snapshots, consents, their use."""
    rows = [b64decode(table.snapshot.commitment) for table in tables]
    return [*rows, root, _consented(contract)] if root else rows


def _consented(contract: Contract) -> bytes:
    """Return what people consent to: rows that serve one buyer need not serve another one."""
    terms = contract.terms
    if terms.consent is None:
        raise InternalError("rows chosen by consent, under a contract that asks for none")
    used: list[Json] = [terms.buyer, terms.consent.scenario, terms.product]
    return canonical.encode(used)


def pins_of(contract: Contract, tables: Sequence[Table], digest: bytes) -> tuple[Pin, ...]:
    """Return what the exact table shows, for each table that it is about.

    Everything that decides on a number or on its suppression is in the digest: two tables that
    differ in any of it, shown side by side, could be taken from each other.
    """
    charged = tables_of(contract.terms)
    return tuple(
        Pin(table=table.name, partition=digest, version=table.snapshot.version)
        for table in tables
        if table.name in charged
    )


def partition_digest(contract: Contract, product: Product, rows: Sequence[bytes]) -> bytes:
    """Return the digest of an exact table, 32 bytes: its entries and all that is behind them."""
    exact, offered = menu_of(contract.terms.parameters).partition, product.definition
    if exact is None or offered is None:
        raise InternalError("an exact table that no menu fixes")
    names = (*exact.by, *exact.where, *exact.measures)
    body: dict[str, Json] = {
        "type": "partition",
        "table": product.table,
        "partition": exact.to_json(),
        "entries": [offered.entry_text(name) for name in names],
        "person": list(offered.person),
        "join": offered.join.to_json() if offered.join else None,
        "group": contract.plan.group,
        "rows": [b64encode(part) for part in rows],
    }
    return suite_of(contract.terms.suite).digest(canonical.encode(body))
