"""Training under encryption: columns of the menu, and noise that hides one person in one row.

What a gradient costs and hides follows from the clause alone. What could never be trained under it
is refused here, before anything is spent.
"""

from collections.abc import Iterator
from typing import Any, Final

from unseen.evidence.contracts.encrypted import KIND, PARAMETER, Encrypted
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.contracts.training.encrypted_agreed import check_menu
from unseen.evidence.errors import ContractInvalidError, EvidenceError
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.limits import limits_of
from unseen.node.contracts.clauses.outputs import chosen
from unseen.node.errors import KindRefusedError
from unseen.protocols.errors import InputInvalidError, UnseenError
from unseen.protocols.he.engine import is_installed

_AT: Final = f"parameters.{PARAMETER}"
_FILE: Final = "unseen contract request PRODUCT --train FILE"
_SHOW: Final = "unseen product show PRODUCT"


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[UnseenError]:
    if not ask.encrypted:
        return
    if offer.product.kind != KIND:
        yield KindRefusedError(
            f"this product is of kind {offer.product.kind}: nothing is trained on it",
            clause=PARAMETER,
            remedy="ask for a product of the kind train",
        )
        return
    if ask.train or ask.joint:
        yield _refused("joint", "a training is joint or under encryption", f"choose one: {_FILE}")
    if ask.template:
        yield KindRefusedError(
            "a template does not say that the buyer is taken at its word, and its signatures come"
            " by themselves",
            clause="template",
            remedy="ask without a template: then every signer reads what the buyer could do",
        )
    if not is_installed():
        yield KindRefusedError(
            "this node has no library for homomorphic encryption",
            clause="protocol",
            remedy="its operator installs it: pip install 'unseen[node,he]'",
        )
    try:
        clause = Encrypted.decode(ask.encrypted)
    except InputInvalidError as error:
        yield error
        return
    except EvidenceError as error:
        at, remedy = error.clause or _AT, error.remedy or f"write it anew: {_FILE}"
        yield ContractInvalidError(str(error), clause=at, remedy=remedy)
        return
    definition = offer.product.definition
    if definition is not None:  # as every product of the kind has
        yield from _against_offer(clause, ask, offer, definition)
        yield from _against_limits(clause, ask, offer, reading)
        yield from _against_budget(clause, limits_of(ask, reading.ruling)[1], definition.menu)


def _against_offer(
    clause: Encrypted, ask: Ask, offer: Offer, definition: Definition
) -> Iterator[UnseenError]:
    if {each.name for each in chosen(ask, offer)} != {*clause.names}:
        remedy = f"ask for: {','.join(clause.names)}"
        yield _refused("outputs", "outputs are other columns than the training names", remedy)
        return
    if any(definition.behind(name).table for name in clause.names):
        yield _refused(
            f"{_AT}.features",
            "a training reads one table, and none beside it",
            "name columns of the product's own table",
        )
        return
    if definition.menu.rows_per_person != 1:
        yield _refused(
            "menu.rows_per_person",
            "the noise hides one row of a person, and this product lets a person have"
            f" {definition.menu.rows_per_person:,}",
            "ask the operator for a product with rows_per_person = 1, of a table of a row a person",
        )
        return
    try:
        check_menu(clause, definition.only(clause.names))
    except ContractInvalidError as error:
        remedy = f"write the file anew, with the columns as they are: {_SHOW}"
        yield ContractInvalidError(str(error), clause=error.clause, remedy=remedy)
    if clause.vertical and not offer.product.subject(offer.table):
        yield _refused(
            f"{_AT}.vertical",
            "rows of this table are named by no subject, so that none can be matched",
            "ask for a product of a table with subject columns",
        )


def _against_limits(
    clause: Encrypted, ask: Ask, offer: Offer, reading: Reading
) -> Iterator[UnseenError]:
    rows, group = offer.table.snapshot.rows, limits_of(ask, reading.ruling)[0]
    if ask.quota.units != clause.iterations:
        yield _refused(
            "quota.units",
            f"a unit is an iteration, and the noise was chosen for {clause.iterations:,} of them",
            f"ask for {clause.iterations} units; an iteration that was lost is fetched again",
        )
    if not clause.vertical and not clause.least_rows <= rows <= clause.most_rows:
        field = "least_rows" if rows < clause.least_rows else "most_rows"
        yield _refused(
            f"{_AT}.{field}",
            f"the table has {rows:,} rows, and the training is over {clause.least_rows:,} to"
            f" {clause.most_rows:,}",
            f"write another {field} into the file",
        )
    if clause.least_rows < group:
        yield _refused(
            f"{_AT}.least_rows",
            f"gradients over {clause.least_rows:,} rows are below the smallest group, {group:,}",
            f"write least_rows = {group} or more into the file",
        )


def _against_budget(clause: Encrypted, budget: str, menu: Menu) -> Iterator[UnseenError]:
    if not budget:
        why = "every gradient costs privacy, and the contract would have no budget"
        yield _refused("budget", why, f"say one: {_FILE} --budget EPSILON")
        return
    try:
        fits = clause.within(budget, menu.delta)
    except EvidenceError:
        return  # the clause over limits says so
    if not fits:
        yield _refused(
            "budget",
            f"the training costs more than an epsilon of {budget}",
            "ask for a larger budget, or train with more noise: a smaller epsilon",
        )


def _refused(clause: str, why: str, remedy: str) -> ContractInvalidError:
    return ContractInvalidError(f"contract: {why}", clause=clause, remedy=remedy)


def _terms(ask: Ask, _offer: Offer, _reading: Reading) -> dict[str, Any]:
    if not ask.encrypted:
        return {}
    return {"parameters": {PARAMETER: Encrypted.decode(ask.encrypted).to_json()}}


ENCRYPTED = Clause(PARAMETER, _check, _terms)
