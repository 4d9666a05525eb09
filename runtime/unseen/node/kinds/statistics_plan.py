"""What statistics under differential privacy leak, and to whom; signed with every such contract.

Words in braces are filled in from the contract: its budget, its menu, its one exact table.
"""

from collections.abc import Mapping
from dataclasses import replace

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.joint import PROTOCOL, Joint
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.statistics import Menu, Question, shape_of

THREAT_MODEL = "operator is trusted with questions, rows and noise; buyers may deviate and collude"
THREAT_MODEL_ZH = "信任运营方处理问题、数据行和噪声；购买方可任意偏离协议并串通"
RETENTION = (
    "replies, and sealed what was asked, until the contract ends; answers, sealed, as long as the"
    " same question gets them again; what was spent of the privacy budget, and log leaves, for good"
)
RETENTION_ZH = (
    "应答及加密封存的问题保存至合约结束；结果加密保存，供相同问题重复取得；"
    "已用隐私预算和存证日志永久保存"
)
# Of a contract with a joint clause: no node has an answer, and none gives one again.
JOINT_RETENTION = (
    "its signature of each round, and sealed what opens the request, until the contract ends; what"
    " was spent of the privacy budget, and log leaves, for good"
)
JOINT_RETENTION_ZH = (
    "每轮的签名及加密封存的请求公开材料保存至合约结束；已用隐私预算和存证日志永久保存"
)
LED_RETENTION = (
    "its signature of each round, and sealed what opens the request, until the contract ends; at"
    " the lead the table that was let out first, sealed; what was added to it, as a hash, and log"
    " leaves, for good"
)
LED_RETENTION_ZH = (
    "每轮的签名及加密封存的请求公开材料保存至合约结束；首次放行的精确表加密保存于牵头节点；"
    "所加数值的哈希和存证日志永久保存"
)

_QUESTIONS = Statement(
    party="operator",
    what="questions",
    text="what is asked in each request, in the clear, when, and by which instance",
    text_zh="明文获知每次请求问什么、时间和客户端实例",
    bound="everything in the request",
    bound_zh="请求的全部内容",
    channel="subjects",
)
_NUMBERS = Statement(
    party="operator",
    what="answers",
    text="the answer to each request, and the numbers behind it before noise",
    text_zh="每次请求的结果及加噪前的数值",
    bound="everything in the answer",
    bound_zh="结果的全部内容",
    channel="answers",
)
_OWN_NUMBERS = replace(
    _NUMBERS,
    text="this node's own numbers before noise, not the sum",
    text_zh="本节点加噪前的数值；不含总和",
    bound="what this node's own rows say to each question; nothing of another node's numbers",
    bound_zh="仅为本节点数据对各问题的数值；不获知其他节点的任何数值",
)
_ANSWERS = Statement(
    party="buyer",
    what="answers",
    text="numbers with noise for each group of the menu; a person is behind at most {rows} rows of"
    " them, and is hidden in the noise",
    text_zh="菜单各分组的加噪数值；每人至多对应其中 {rows} 行，单个人被噪声掩盖",
    bound="epsilon {budget} at delta {delta} for each person, over all answers of the contract;"
    " over all contracts, what the table's own budget allows",
    bound_zh="每人 ε {budget}、δ {delta}，合约全部结果合计；所有合约合计不超过该表自身的隐私预算",
    channel="answers",
)
_UNBOUNDED = replace(
    _ANSWERS,
    bound="no epsilon of this contract's own; over all contracts, what the table's own budget"
    " allows, at delta {delta} for this one",
    bound_zh="本合约未另设 ε；所有合约合计不超过该表自身的隐私预算，本合约按 δ {delta} 计",
)
_PARTITION = Statement(
    party="buyer",
    what="partition",
    text="without noise, of one state of the rows: how many people are in each group by {by},"
    " {sums}; rounded; a group of fewer than {group}, or ruled by one or two, is left empty, and"
    " so are as many others as would give it back",
    text_zh="某一时点数据按 {by} 分组的人数{sums_zh}，不加噪、取整；不足 {group} 人或由一两人主导的"
    "分组留空，并同时隐去可反推的其他分组",
    bound="one table of {cells} groups; epsilon does not bound it",
    bound_zh="一张 {cells} 个分组的表；不受 ε 约束",
    channel="answers",
)
_REFUSAL = Statement(
    party="buyer",
    what="refusals",
    text="that the exact table was refused, as no group of it can be shown; answers with noise are"
    " never refused for what the rows say",
    text_zh="精确表因无任何分组可展示而被拒绝；加噪结果从不因数据内容被拒绝",
    bound="one bit of each state of the rows that is asked about, until the table is shown",
    bound_zh="每个被询问时点的数据一比特，直至该表被展示",
    channel="answers",
)
_LED = replace(
    _PARTITION,
    text="without noise, of one state of all nodes' rows, added up: how many people are in each"
    " group by {by}, {sums}; rounded; a group of fewer than {group}, by the lead's contract, or"
    " ruled at one node by one or two, is left empty, and so are as many others as would give it"
    " back; somebody in the tables of several nodes counts once at each",
    text_zh="某一时点所有节点数据相加后按 {by} 分组的人数{sums_zh}，不加噪、取整；不足 {group} 人"
    "（以牵头节点合约为准）或在任一节点由一两人主导的分组留空，并同时隐去可反推的其他分组；"
    "同一人在多个节点的表中则各计一次",
)
_LED_REFUSAL = replace(
    _REFUSAL,
    text="that the exact table was refused, as no group of it can be shown, or as rows have changed"
    " since it was shown first",
    text_zh="精确表因无任何分组可展示，或因首次展示后数据已变动而被拒绝",
    bound="one bit of each state of the rows that is asked about",
    bound_zh="每次所问的数据状态至多一比特",
)
_SPENT = Statement(
    party="auditor",
    what="privacy",
    text="what each question cost of the privacy budget, and when; not what it was",
    text_zh="每个问题消耗的隐私预算及时间，但不知问题内容",
    bound="one number for each request",
    bound_zh="每次请求一个数",
    channel="counts",
)
_TRAFFIC = Statement(
    party="network",
    what="traffic",
    text="addresses, times and sizes of TLS records, hence about how many groups an answer has",
    text_zh="地址、时间和 TLS 记录大小，因而大致可知结果有多少分组",
    bound="size of each request and answer",
    bound_zh="每次请求和结果的大小",
    channel="sizes",
)
_TIMING = Statement(
    party="network",
    what="timing",
    text="how long an answer takes: by the rows of the table and the question, and by how values"
    " are spread; noise does not cover it",
    text_zh="应答耗时：取决于表的行数、问题和数值分布，噪声不掩盖耗时",
    bound="one time for each request, and how busy the node is",
    bound_zh="每次请求一个耗时，并受节点繁忙程度影响",
    channel="timing",
)
STATEMENTS = (
    _QUESTIONS,
    _NUMBERS,
    _OWN_NUMBERS,
    _ANSWERS,
    _UNBOUNDED,
    _PARTITION,
    _REFUSAL,
    _LED,
    _LED_REFUSAL,
    _SPENT,
    _TRAFFIC,
    _TIMING,
)


def stated(plan: Plan, menu: Menu, quota: Quota) -> tuple[Statement, ...]:
    """Return the lines of one contract: its numbers filled in, and none that says nothing.

    Of a joint one without a lead, each operator has its own part alone, and nobody an exact table.
    """
    units, bits = quota.units, plan.bits_per_unit
    joint = plan.protocol == PROTOCOL
    asked = Amount(measure="units", each=1, most=units)
    lines = {
        _QUESTIONS: asked,
        _OWN_NUMBERS if joint else _NUMBERS: Amount(measure="bits", each=bits, most=bits * units),
        _ANSWERS if plan.budget else _UNBOUNDED: Amount(
            measure="bits", each=bits, most=bits * units
        ),
    }
    if menu.partition is not None and not joint:
        table = shape_of(menu, Question(what="partition")).bits
        lines[_PARTITION] = Amount(measure="bits", each=table, most=table)
        lines[_REFUSAL] = Amount(measure="bits", each=1, most=units)
    lines |= dict.fromkeys((_SPENT, _TRAFFIC, _TIMING), asked)
    words = _words(plan, menu)
    return tuple(replace(_said(line, words), amount=amount) for line, amount in lines.items())


def led(plan: Plan, menu: Menu, quota: Quota) -> tuple[Statement, ...]:
    """Return the lines of a contract in whose joint rounds a lead receives the exact table."""
    table = shape_of(menu, Question(what="partition")).bits
    asked = Amount(measure="units", each=1, most=quota.units)
    lines = {
        _QUESTIONS: asked,
        _LED: Amount(measure="bits", each=table, most=table),
        _LED_REFUSAL: Amount(measure="bits", each=1, most=quota.units),
        _TRAFFIC: asked,
        _TIMING: asked,
    }
    words = _words(plan, menu)
    return tuple(replace(_said(line, words), amount=amount) for line, amount in lines.items())


def kept_of(joint: Joint) -> tuple[str, str]:
    """Return what a node keeps of a joint contract, in both languages."""
    if joint.lead:
        return LED_RETENTION, LED_RETENTION_ZH
    return JOINT_RETENTION, JOINT_RETENTION_ZH


def _said(line: Statement, words: Mapping[str, object]) -> Statement:
    names = ("text", "text_zh", "bound", "bound_zh")
    return replace(line, **{name: getattr(line, name).format(**words) for name in names})


def _words(plan: Plan, menu: Menu) -> dict[str, object]:
    exact = menu.partition
    by = " x ".join(exact.by) if exact else ""
    sums = " + ".join(exact.measures) if exact else ""
    where = " & ".join(exact.where) if exact else ""
    of = f" ({where})" if where else ""
    return {
        "rows": menu.rows_per_person,
        "budget": plan.budget,
        "delta": menu.delta,
        "group": max(plan.group, 1),
        "by": f"{by or 'nothing'}{of}",
        "sums": f"and the sums of {sums}" if sums else "and no sums",
        "sums_zh": f"与 {sums} 的合计" if sums else "",
        "cells": menu.cells(exact.by) if exact else 0,
    }
