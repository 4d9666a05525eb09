"""Joint rounds: the node adds its numbers up with those of the nodes that the buyer proposes.

Each operator reads the roster and signs it: nodes that nobody knows may all be the buyer's, and
then the noise of this one is all there is.
"""

from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from unseen.evidence.contracts.joint import KEY_BYTES, PARAMETER, Joint
from unseen.evidence.contracts.leakage import Statement
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.statistics.jointly import task_of
from unseen.evidence.errors import ContractInvalidError, EvidenceError
from unseen.evidence.suite import Suite, key_id
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.limits import limits_of
from unseen.node.errors import JointRefusedError
from unseen.node.kinds.kind import KINDS
from unseen.protocols.dp import Distributed, Sensitivity, rho_within
from unseen.protocols.errors import UnseenError

DELTA = Fraction(1, 1_000_000)  # at which a budget is held against fixed noise
_TAILS = 12  # standard deviations of noise that the bound has to leave room for


def clause_of(ask: Ask) -> Joint | None:
    """Return the joint clause that is asked for, if one is.

    Raises:
        EvidenceError: what is asked is none.

    """
    return Joint.decode(ask.joint) if ask.joint else None


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[UnseenError]:
    try:
        clause = clause_of(ask)
    except EvidenceError as error:
        remedy = "correct the file: unseen contract request PRODUCT --joint FILE"
        clause_name = error.clause or PARAMETER
        yield ContractInvalidError(f"{error}", clause=clause_name, remedy=remedy)
        return
    if clause is None:
        return
    if KINDS[offer.product.kind].release == "verdicts":
        yield _refused(
            "joint",
            "this product answers about one subject, and adds nothing up",
            "ask for a product of the kind statistics",
        )
    if ask.template:
        yield _refused(
            "joint",
            "a template does not say whose nodes take part, and its signatures come by themselves",
            "ask without a template: then every signer reads the roster",
        )
    if clause.lead:
        yield _refused(
            "joint.lead",
            "this node takes part in sums that the buyer receives, with noise, and in no others",
            "ask with a clause that names no lead",
        )
    if find_spec("numpy") is None:
        yield _refused(
            "joint",
            "this node has no library for vectors",
            "its operator installs it: pip install 'unseen[node,kernels]'",
        )
    yield from _against_roster(clause, offer)
    yield from _against_noise(clause, ask, reading)


def _against_roster(clause: Joint, offer: Offer) -> Iterator[UnseenError]:
    signers = offer.signers
    if signers.suite.key_bytes != KEY_BYTES:
        yield _refused(
            "joint.nodes.key", "this node's suite has keys of another size", "ask another node"
        )
        return
    own = [each for each in clause.nodes if key_id(signers.suite, each.key) == signers.node]
    if not own or own[0].name != offer.node:
        yield _refused(
            "joint.nodes",
            f"this node is not in the roster under its name, {offer.node}, and its evidence key",
            "write the clause from the homes at the nodes: unseen statistics joint clause",
        )


def _against_noise(clause: Joint, ask: Ask, reading: Reading) -> Iterator[UnseenError]:
    if not clause.sigma2:
        return
    sigma2 = Fraction(clause.sigma2)
    if clause.bound**2 < _TAILS**2 * sigma2:
        yield _refused(
            "joint.bound", "noise of this size would not fit under the bound", "name a larger bound"
        )
    _, budget = limits_of(ask, reading.ruling)
    try:
        cost = Distributed(sigma2, clause.honest, 1).rho(Sensitivity.of_cells(1))
    except UnseenError as error:
        yield _refused("joint.sigma2", str(error), "name more noise")
        return
    if budget and Fraction(budget) and cost > rho_within(Fraction(budget), DELTA):
        yield _refused(
            "joint.sigma2",
            f"one count under so little noise costs more than an epsilon of {budget}",
            "name more noise, or ask for a larger budget",
        )


def _refused(clause: str, message: str, remedy: str) -> JointRefusedError:
    return JointRefusedError(message, clause=clause, remedy=remedy)


def _terms(ask: Ask, _offer: Offer, _reading: Reading) -> dict[str, Any]:
    clause = clause_of(ask)
    return {} if clause is None else {"parameters": {PARAMETER: clause.to_json()}}


def check_task(clause: Joint, menu: Menu, suite: Suite) -> None:
    """Return if what is added up is what the contract's menu offers.

    Raises:
        JointRefusedError: the clause is over another menu.

    """
    if clause.task != task_of(menu, suite):
        raise _refused(
            "joint.task",
            "the joint clause is over another menu than this node offers for these outputs",
            "agree with all operators on one menu; then write the clause over it anew",
        )


def statements(clause: Joint) -> tuple[Statement, ...]:
    """Return the lines that a joint clause adds to the leakage statement."""
    count, bad = len(clause.nodes), clause.colluding
    receiver, receiver_zh = ("the lead", "牵头节点") if clause.lead else ("the buyer", "购买方")
    exact = "exact" if clause.lead else f"with the noise of at least {clause.honest} nodes"
    exact_zh = "精确值" if clause.lead else f"至少含 {clause.honest} 个节点的噪声"
    return (
        Statement(
            party="operator" if clause.lead else "buyer",
            what="joint-sum",
            text=f"{receiver} learns the sum over the nodes left, {exact}; no node's own part",
            text_zh=f"{receiver_zh}获知各留存节点之和（{exact_zh}），不获知任何单个节点的数值",
            bound=f"the sum; {bad} of those left may collude with it and subtract their parts",
            bound_zh=f"仅为总和；留存节点中至多 {bad} 个可与其合谋并减去自身部分",
            channel="answers",
        ),
        Statement(
            party="operator",
            what="joint-round",
            text="the other nodes learn what is asked, who takes part and who drops out",
            text_zh="其他节点获知所问内容、参与方及掉线方",
            bound=f"{count} nodes in the roster; nothing of this node's numbers",
            bound_zh=f"名单中 {count} 个节点；不获知本节点任何数值",
            channel="access",
        ),
        Statement(
            party="operator",
            what="joint-garbage",
            text="nobody notices a node that adds up well-formed garbage, or adds less noise",
            text_zh="某节点提交格式正确的虚假数值或少加噪声，无人能够察觉",
            bound=f"each coordinate within {clause.bound}; what it sends is signed by it",
            bound_zh=f"每个坐标绝对值不超过 {clause.bound}；其所发内容均有其签名",
            channel="answers",
        ),
        Statement(
            party="network",
            what="joint-sizes",
            text="how many coordinates a round has, by the size of its masked vectors",
            text_zh="由掩码向量大小可知一轮的坐标数",
            bound="the number of coordinates of each round",
            bound_zh="每轮的坐标数",
            channel="sizes",
        ),
    )


def threat_model(clause: Joint) -> tuple[str, str]:
    """Return when a joint contract holds, in both languages."""
    bad, count = clause.colluding, len(clause.nodes)
    said = (
        f"buyer and up to {bad} of the {count} nodes may deviate together;"
        f" {clause.honest} of those left are honest"
    )
    said_zh = (
        f"购买方与 {count} 个节点中至多 {bad} 个可合谋偏离协议；"
        f"留存节点中至少 {clause.honest} 个诚实"
    )
    return said, said_zh


JOINT = Clause("joint", _check, _terms)
