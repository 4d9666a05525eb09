"""What a verification in the clear leaks, and to whom; signed with every such contract."""

from collections.abc import Mapping

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.evidence.contracts.plan import Plan

THREAT_MODEL = "operator is trusted with the subject and the answer; buyer may deviate"
THREAT_MODEL_ZH = "信任运营方获知查询对象和结果；购买方可任意偏离协议"
RETENTION = (
    "replies, and sealed what was asked, until the contract ends; "
    "log leaves for good, subjects there only as commitments"
)
RETENTION_ZH = "应答及加密封存的查询内容保存至合约结束；存证日志永久保存，其中查询对象仅为承诺值"

STATEMENTS = (
    Statement(
        party="operator",
        what="subject",
        text="whom each request is about, in the clear, when, and by which instance",
        text_zh="明文获知每次请求的对象、时间和客户端实例",
        bound="everything in the request",
        bound_zh="请求的全部内容",
        channel="subjects",
    ),
    Statement(
        party="operator",
        what="answers",
        text="the answer to each request",
        text_zh="每次请求的结果",
        bound="everything in the answer",
        bound_zh="结果的全部内容",
        channel="answers",
    ),
    Statement(
        party="buyer",
        what="answers",
        text="the contract's outputs for each subject it spends a unit on; absent is unusable",
        text_zh="每用一个计量单位得到一个对象的约定结果；不存在与不可用无法区分",
        bound="two bits for each output of each unit",
        bound_zh="每个计量单位的每项结果两比特",
        channel="answers",
    ),
    Statement(
        party="network",
        what="traffic",
        text="addresses, times and sizes of TLS records",
        text_zh="地址、时间和 TLS 记录大小",
        bound="size of each request",
        bound_zh="每次请求的大小",
        channel="sizes",
    ),
    Statement(
        party="network",
        what="timing",
        text="how long an answer takes, which may hint at whether the subject has a row",
        text_zh="应答耗时，可能暗示该对象是否在表中",
        bound="one bit for each request at best, and how busy the node is",
        bound_zh="每次请求至多约一比特，并受节点繁忙程度影响",
        channel="timing",
    ),
)


def amounts(plan: Plan, quota: Quota) -> Mapping[str, Amount]:
    """Return how much each line lets learn, by its key `what`."""
    bits = plan.bits_per_unit
    return {
        "subject": Amount(measure="units", each=1, most=quota.units),
        "answers": Amount(measure="bits", each=bits, most=bits * quota.units),
        "traffic": Amount(measure="units", each=1, most=quota.units),
        "timing": Amount(measure="bits", each=1, most=quota.units),
    }
