"""Executing a verification in the clear: the contract's predicates on one subject."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode
from unseen.evidence.contracts.plan import columns_to_json
from unseen.evidence.oversight.clear import hits
from unseen.evidence.releases.request import Request
from unseen.node.catalog.catalogue import Table
from unseen.node.consent.charging import Asked
from unseen.node.consent.register import tree_of
from unseen.node.consent.serving import permit
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import PredicateFailsError, TableError
from unseen.node.identity.parties import Caller
from unseen.node.metering.metered import SignedRequest, run_metered
from unseen.node.metering.paying import Answer, Work
from unseen.node.privacy.subjects import count_subject
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn, parse_value

_logger = logging.getLogger("unseen.node.verify")
YES, NO, NO_USABLE_RESULT = "yes", "no", "no_usable_result"
_PREDICATES, _MATCH = "verify_subject", "match_subject"
_WORDS = {True: YES, False: NO, None: NO_USABLE_RESULT}


async def verify(node: Node, caller: Caller, signed: SignedRequest) -> Answer:
    """Answer one request; its one part is the canonical JSON list of the subject's values.

    The answer's one part is the canonical JSON list of verdicts, in the order of the outputs.
    """

    async def work(contract: Contract, _request: Request) -> Work:
        table = node.catalogue.table(contract.terms.table)
        values = _subject(contract.plan.subject_columns, signed.parts[0])
        await count_subject(node, contract, table, values)
        name, task = _task(node, contract, table, values)
        try:
            if contract.terms.consent is not None:
                return await _with_consent(node, contract, table, name, task)
            (answers,) = await node.executor.run(name, [task])
        except TableError as error:  # the buyer is refused, but only the operator can mend it
            _logger.warning("table %s: %s", table.name, error.reason)
            raise
        return _work(table, answers)

    return await run_metered(node, caller, "verify", signed, 1, work)


async def _with_consent(
    node: Node, contract: Contract, table: Table, name: str, task: bytes
) -> Work:
    """Ask as ever, and answer only if the subject consents: who does not looks absent.

    An answer that says nothing rests on no consent and uses none up: who is absent and consents for
    one use would else be told apart by the root that follows in the log. Of the rows of a match the
    first whose subject consents answers: those of others are as if they were not there.
    """
    tree = await tree_of(node)
    parts = await node.executor.run(name, [task, tree.key.scalar])
    if name == _MATCH:
        found, answers, failure = None, b"", list[bytes]()
        for place, said in zip(parts[::2], parts[1::2], strict=True):
            found, answers = permit(node, contract, place), said
            if found is not None:
                break
    else:
        place, answers, *failure = parts
        found = permit(node, contract, place)
    if found is not None and failure:
        message, clause, remedy = (part.decode() for part in failure)
        raise PredicateFailsError(message, clause=clause, remedy=remedy)
    nothing = canonical.encode([None] * len(contract.terms.outputs))
    if found is None or answers == nothing:
        found, answers = None, nothing
    work = _work(table, answers)
    return replace(work, consent=Asked(tree, found, _work(table, nothing).reply))


def _work(table: Table, answers: bytes) -> Work:
    found: Any = canonical.decode(answers)
    verdict = canonical.encode([_WORDS[answer] for answer in found])
    return Work((verdict,), b64decode(table.snapshot.commitment), hits(found))


def _subject(columns: Sequence[SubjectColumn], part: bytes) -> list[str | int]:
    """Return the subject that is asked about, in the forms of the columns."""
    values: Any = canonical.decode(part)
    if not isinstance(values, list) or len(values) != len(columns):
        raise SubjectInvalidError(
            f"a subject of this table has {len(columns)} values", clause="subject"
        )
    found: list[str | int] = []
    for column, value in zip(columns, values, strict=True):
        expected = int if column.type == "integer" else str
        if type(value) is not expected:
            raise SubjectInvalidError(
                f"column {column.name!r} takes a value of type {column.type}", clause="subject"
            )
        formed = column.type == "date" or column.form != "exact"
        # A date that is none, and a value without the column's form, is refused here.
        found.append(str(parse_value(column, str(value))) if formed else value)
    return found


def _task(
    node: Node, contract: Contract, table: Table, values: list[str | int]
) -> tuple[str, bytes]:
    """Return the task that answers, and what it is told."""
    product, plan = node.catalogue.product(contract.terms.product), contract.plan
    expressions = {predicate.name: predicate.expression for predicate in product.predicates}
    ask: dict[str, Json] = {
        "source": table.source,
        "fingerprint": table.snapshot.fingerprint.to_json(),
        "subject": columns_to_json(plan.subject_columns),
        "values": list(values),
        "spool": str(node.spool_path("points")),
    }
    if plan.match:
        return _MATCH, canonical.encode(ask | {"match": list(plan.match)})
    asked: list[Json] = [[name, expressions[name]] for name in contract.terms.outputs]
    return _PREDICATES, canonical.encode(ask | {"predicates": asked})
