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
from unseen.evidence.contracts.statistics import Menu, Partition
from unseen.evidence.contracts.statistics.jointly import task_of
from unseen.evidence.errors import ContractInvalidError, EvidenceError
from unseen.evidence.suite import Suite, key_id
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.limits import limits_of
from unseen.node.contracts.clauses.outputs import chosen
from unseen.node.errors import JointRefusedError
from unseen.node.kinds.kind import KINDS
from unseen.protocols.dp import Distributed, Sensitivity, rho_within
from unseen.protocols.errors import UnseenError

DELTA = Fraction(1, 1_000_000)  # at which a budget is held against fixed noise
STATISTICS = "statistics"
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
    if clause.lead and _partition(ask, offer) is None:
        yield _refused(
            "joint.lead",
            "a lead receives the exact table that a menu fixes, and these outputs have none",
            "ask for statistics with all outputs of the exact table, or with a clause without lead",
        )
    if find_spec("numpy") is None:
        yield _refused(
            "joint",
            "this node has no library for vectors",
            "its operator installs it: pip install 'unseen[node,kernels]'",
        )
    yield from _against_roster(clause, offer)
    yield from _against_noise(clause, ask, reading)


def _partition(ask: Ask, offer: Offer) -> Partition | None:
    """Return the exact table that the outputs asked for have, if there is one."""
    definition = offer.product.definition
    if definition is None or offer.product.kind != STATISTICS:
        return None
    return definition.only([each.name for each in chosen(ask, offer)]).partition


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
            "ask with the outputs of the clause: unseen statistics joint clause prints them; else"
            " agree with all operators on one menu, and write the clause over it anew",
        )


def statements(clause: Joint) -> tuple[Statement, ...]:
    """Return the lines that a joint clause adds to the leakage statement."""
    count = len(clause.nodes)
    return (
        *(_led(clause) if clause.lead else (_received(clause),)),
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


def _received(clause: Joint) -> Statement:
    """Return what the buyer learns where it receives the sums."""
    bad = clause.colluding
    noise, noise_zh = (
        f"the noise of at least {clause.honest} nodes",
        f"{clause.honest} 个节点的噪声",
    )
    return Statement(
        party="buyer",
        what="joint-sum",
        text=f"the buyer learns the sum over the nodes left, with {noise}; no node's own part",
        text_zh=f"购买方获知各留存节点之和（至少含 {noise_zh}），不获知任何单个节点的数值",
        bound=f"the sum; {bad} of those left may collude with it and subtract their parts",
        bound_zh=f"仅为总和；留存节点中至多 {bad} 个可与其合谋并减去自身部分",
        channel="answers",
    )


def _led(clause: Joint) -> tuple[Statement, ...]:
    """Return what lead and buyer learn where the lead receives the sums."""
    others = len(clause.nodes) - 1
    return (
        Statement(
            party="operator",
            what="joint-sum",
            text=f"the operator of the lead, {clause.lead}, learns the sums over all nodes, exact,"
            f" before its gate: less its own part, the sums of the other {others} nodes, and in"
            " how many of them few people make up a group's sum",
            text_zh=f"牵头节点 {clause.lead} 的运营方在出域审核前获知所有节点之和的精确值："
            f"减去自身部分即为其余 {others} 个节点之和，并获知其中有几个节点的分组合计由少数人主导",
            bound="the numbers of the exact table before rounding; no other node's own part, unless"
            " all others tell it theirs",
            bound_zh="取整前的精确表数值；除非其余节点均告知，否则不获知任何其他单个节点的数值",
            channel="answers",
        ),
        Statement(
            party="buyer",
            what="joint-relay",
            text="nothing of what it relays: every vector is masked, and what would unmask it is"
            " sealed to the lead; the lead may still show it the sums",
            text_zh="转发内容中一无所获：各向量均已掩码，去掩码所需内容仅加密给牵头节点；"
            "但牵头节点仍可能向其出示总和",
            bound="the table that the lead's gate lets out; with the lead's help, its sums",
            bound_zh="牵头节点审核放行的表；若牵头节点协助，则为其总和",
            channel="answers",
        ),
    )


def threat_model(clause: Joint) -> tuple[str, str]:
    """Return when a joint contract holds, in both languages."""
    bad, count = clause.colluding, len(clause.nodes)
    if clause.lead:
        honest = f"all {count} nodes are honest"
        led = f"buyer may deviate; {honest}, and the lead, {clause.lead}, is trusted with the sums"
        led_zh = f"购买方可偏离协议；{count} 个节点均诚实，并信任牵头节点 {clause.lead} 处理总和"
        return led, led_zh
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
