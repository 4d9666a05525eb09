"""What a contract over a menu agrees on, and that its parts say the same. Pure.

Menu, training, outputs, plan and bits all follow from what stands in the terms; who reads a
contract need not believe that they do.
"""

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import PARAMETER as ENCRYPTED
from unseen.evidence.contracts.intersection import check_intersection
from unseen.evidence.contracts.joint import PROTOCOL as SECAGG
from unseen.evidence.contracts.joint import Joint, joint_of
from unseen.evidence.contracts.plan import BY_MENU, Plan
from unseen.evidence.contracts.privacy import tables_of
from unseen.evidence.contracts.scoring import check_scoring
from unseen.evidence.contracts.statistics.bounds import largest_bits
from unseen.evidence.contracts.statistics.jointly import task_of
from unseen.evidence.contracts.statistics.menu import PARAMETER, Menu, menu_of
from unseen.evidence.contracts.training import clause as training
from unseen.evidence.contracts.training.encrypted_agreed import check_encrypted, is_encrypted
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.suite import suite_of

_CHECK = Checker(ContractInvalidError, "contract")


def check_agreed(terms: Terms, plan: Plan) -> None:
    """Return if menu, training, intersection and scores of `terms` are as outputs and `plan` say.

    Each where it is needed.

    Raises:
        ContractInvalidError: a menu or a training is missing, malformed, or there where nothing
            follows from it; or outputs, shape, bits, quota, budget, protocol or joint clause are
            not those that follow.
        InputInvalidError: the contract is over a training or scores, and this machine cannot read
            them.

    """
    check_intersection(terms, plan)
    check_scoring(terms, plan)
    if terms.kind not in BY_MENU:
        if PARAMETER in terms.parameters:
            _CHECK.fail("parameters.menu", f"stands in a contract of kind {terms.kind}")
        _check_no_training(terms)
        return
    menu = menu_of(terms.parameters)
    if sorted(menu.names) != sorted(terms.outputs):
        _CHECK.fail("parameters.menu", "offers other things than the outputs name")
    if menu.texts != {output.name: output.text for output in plan.outputs}:
        _CHECK.fail("plan.outputs", "are not the entries of the menu")
    joint = joint_of(terms.parameters)
    if (joint is None) == (plan.protocol == SECAGG):
        _CHECK.fail("plan.protocol", "is not that of the contract's clauses")
    if is_encrypted(terms):
        check_encrypted(terms, plan, menu)
    elif terms.kind == training.KIND:
        _check_training(terms, plan, menu, joint)
    else:
        _check_statistics(terms, plan, menu, joint)
    if not {*menu.joined} <= {column.partition(".")[0] for column in plan.columns_read}:
        _CHECK.fail("parameters.menu.joined", "names a table that the plan does not read")


def _check_statistics(terms: Terms, plan: Plan, menu: Menu, joint: Joint | None) -> None:
    _check_no_training(terms)
    if not plan.by_question or plan.bits_per_unit != largest_bits(menu):
        _CHECK.fail("plan.bits_per_unit", "is not what the largest answer of the menu has")
    if joint is not None and joint.task != task_of(menu, suite_of(terms.suite)):
        _CHECK.fail("parameters.joint.task", "is another menu than the contract's")
    if joint is not None and joint.lead and menu.partition is None:
        _CHECK.fail("parameters.joint.lead", "receives the exact table, and the menu fixes none")


def _check_no_training(terms: Terms) -> None:
    for name in (training.PARAMETER, ENCRYPTED):
        if name in terms.parameters:
            _CHECK.fail(f"parameters.{name}", f"stands in a contract of kind {terms.kind}")


def _check_training(terms: Terms, plan: Plan, menu: Menu, joint: Joint | None) -> None:
    spec = training.training_of(terms.parameters)
    if spec is None or joint is None:
        _CHECK.fail("parameters.train", "or the joint clause is missing")
    if menu.partition is not None or menu.joined:
        _CHECK.fail("parameters.menu", "has an exact table or a joined one, and is for a training")
    if {*menu.names} != {*training.names_of(spec)}:
        _CHECK.fail("parameters.menu", "offers other things than the training names")
    training.check_menu(spec, menu)
    training.check_joint(spec, joint)
    if not plan.by_question or plan.bits_per_unit != training.bits_of(spec):
        _CHECK.fail("plan.bits_per_unit", "is not what the largest step of the training has")
    if terms.quota.units < len(training.steps_of(spec)):
        _CHECK.fail("quota.units", "is less than the training has steps")
    if terms.budget and not training.within(spec, terms.budget, menu.delta):
        _CHECK.fail("budget", "is less than the training costs")


def tables_read(terms: Terms) -> tuple[str, ...]:
    """Return the tables that a contract reads: its own, and those that its menu joins.

    As `tables_of`, which charges them, but of any terms: where `check_agreed` refuses what they
    join, they join nothing.
    """
    try:
        return tables_of(terms) if terms.kind in BY_MENU else (terms.table,)
    except ContractInvalidError:
        return (terms.table,)
