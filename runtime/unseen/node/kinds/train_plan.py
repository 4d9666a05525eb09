"""What a training over several nodes leaks, and to whom; signed with every such contract.

Words in braces are filled in from the contract. What the joint clause adds stands beside.
"""

from dataclasses import replace

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.training.clause import MODELS

# Of a contract without a joint clause, which is refused: with it, the clause says when it holds.
THREAT_MODEL = "operator is trusted with weights, rows and noise; buyers may deviate and collude"
THREAT_MODEL_ZH = "信任运营方处理参数、数据行和噪声；购买方可任意偏离协议并串通"
RETENTION = (
    "nothing of a step but its signature, until the contract ends; what was spent of the privacy"
    " budget, and log leaves, for good"
)
RETENTION_ZH = "各步仅保存签名至合约结束；已用隐私预算和存证日志永久保存"

_WEIGHTS = Statement(
    party="operator",
    what="weights",
    text="the model at each step, in the clear, when, and by which instance it is asked for",
    text_zh="明文获知每一步的模型参数、请求时间和客户端实例",
    bound="everything in the step; the model's numbers have noise",
    bound_zh="该步的全部内容；模型参数含噪声",
    channel="answers",
)
_MODEL = Statement(
    party="buyer",
    what="model",
    text="sums of gradients, curvatures or histograms over all nodes, with noise, and the model"
    " that they lead to; a person is behind at most {rows} rows, and is hidden in the noise",
    text_zh="所有节点的梯度、曲率或直方图之和（加噪），及由此得到的模型；"
    "每人至多对应 {rows} 行，单个人被噪声掩盖",
    bound="epsilon {budget} at delta {delta} for each person, over all steps of the contract;"
    " over all contracts, what the table's own budget allows",
    bound_zh="每人 ε {budget}、δ {delta}，合约全部步骤合计；所有合约合计不超过该表自身的隐私预算",
    channel="answers",
)
_UNBOUNDED = replace(
    _MODEL,
    bound="no epsilon of this contract's own; over all contracts, what the table's own budget"
    " allows, at delta {delta} for this one",
    bound_zh="本合约未另设 ε；所有合约合计不超过该表自身的隐私预算，本合约按 δ {delta} 计",
)
_SPENT = Statement(
    party="auditor",
    what="privacy",
    text="what each step cost of the privacy budget, and when",
    text_zh="每一步消耗的隐私预算及时间",
    bound="one number for each step",
    bound_zh="每步一个数",
    channel="counts",
)
_JUDGED = Statement(
    party="buyer",
    what="verdict",
    text="whether the gate refuses a model that is handed in: the node attacks it with its rows,"
    " and that verdict has no noise",
    text_zh="提交的模型是否被出域审核拒绝：节点以本方数据对其实施攻击测试，该结论未加噪声",
    bound="one bit a model, over {models} models at most; a person decides on what is not refused",
    bound_zh="每个模型一比特，至多 {models} 个模型；未被拒绝的由人工决定",
    channel="answers",
)
_TIMING = Statement(
    party="network",
    what="timing",
    text="how long a step takes: by the rows of the table and the columns; noise does not cover it",
    text_zh="每步耗时：取决于表的行数和列数，噪声不掩盖耗时",
    bound="one time for each step, and how busy the node is",
    bound_zh="每步一个耗时，并受节点繁忙程度影响",
    channel="timing",
)
STATEMENTS = (_WEIGHTS, _MODEL, _UNBOUNDED, _JUDGED, _SPENT, _TIMING)


def stated(plan: Plan, menu: Menu, quota: Quota) -> tuple[Statement, ...]:
    """Return the lines of one contract, its numbers filled in."""
    units, bits = quota.units, plan.bits_per_unit
    asked = Amount(measure="units", each=1, most=units)
    released = Amount(measure="bits", each=bits, most=bits * units)
    judged = Amount(measure="bits", each=1, most=MODELS)
    words = {
        "rows": menu.rows_per_person,
        "budget": plan.budget,
        "delta": menu.delta,
        "models": MODELS,
    }
    model = _MODEL if plan.budget else _UNBOUNDED
    lines = (
        (_WEIGHTS, asked),
        (model, released),
        (_JUDGED, judged),
        (_SPENT, asked),
        (_TIMING, asked),
    )
    names = ("text", "text_zh", "bound", "bound_zh")
    return tuple(
        replace(
            line, amount=amount, **{name: getattr(line, name).format(**words) for name in names}
        )
        for line, amount in lines
    )
