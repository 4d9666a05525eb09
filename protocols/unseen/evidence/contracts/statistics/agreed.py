"""What a contract over statistics agrees on, and that its parts say the same. Pure.

Menu, outputs, plan and bits all follow from the menu that stands in the terms; who reads a contract
need not believe that they do.
"""

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.joint import PROTOCOL as SECAGG
from unseen.evidence.contracts.joint import joint_of
from unseen.evidence.contracts.plan import BY_QUESTION, Plan
from unseen.evidence.contracts.statistics.bounds import largest_bits
from unseen.evidence.contracts.statistics.jointly import task_of
from unseen.evidence.contracts.statistics.menu import PARAMETER, menu_of
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.suite import suite_of

_CHECK = Checker(ContractInvalidError, "contract")


def check_agreed(terms: Terms, plan: Plan) -> None:
    """Return if the menu of `terms` is what outputs and `plan` say, and there is one if needed.

    Raises:
        ContractInvalidError: a menu is missing, malformed, or there where nobody asks by one; or
            outputs, shape, bits, protocol or joint clause are not those that follow from it.

    """
    if terms.kind not in BY_QUESTION:
        if PARAMETER in terms.parameters:
            _CHECK.fail("parameters.menu", f"stands in a contract of kind {terms.kind}")
        return
    menu = menu_of(terms.parameters)
    if sorted(menu.names) != sorted(terms.outputs):
        _CHECK.fail("parameters.menu", "offers other things than the outputs name")
    if menu.texts != {output.name: output.text for output in plan.outputs}:
        _CHECK.fail("plan.outputs", "are not the entries of the menu")
    if not plan.by_question or plan.bits_per_unit != largest_bits(menu):
        _CHECK.fail("plan.bits_per_unit", "is not what the largest answer of the menu has")
    joint = joint_of(terms.parameters)
    if (joint is None) == (plan.protocol == SECAGG):
        _CHECK.fail("plan.protocol", "is not that of the contract's clauses")
    if joint is not None and joint.task != task_of(menu, suite_of(terms.suite)):
        _CHECK.fail("parameters.joint.task", "is another menu than the contract's")
    if not {*menu.joined} <= {column.partition(".")[0] for column in plan.columns_read}:
        _CHECK.fail("parameters.menu.joined", "names a table that the plan does not read")


def tables_of(terms: Terms) -> tuple[str, ...]:
    """Return the tables that a contract reads: its own, and those that its menu joins.

    Terms without a menu that holds are refused by `check_agreed`; here they join nothing.
    """
    if terms.kind not in BY_QUESTION:
        return (terms.table,)
    try:
        return (terms.table, *menu_of(terms.parameters).joined)
    except ContractInvalidError:
        return (terms.table,)
