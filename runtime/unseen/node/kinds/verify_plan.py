"""What a verification in the clear leaks, and to whom; signed with every such contract."""

from unseen.evidence.plan import Statement

THREAT_MODEL = "operator is trusted with the subject and the answer; buyer may deviate"
RETENTION = "replies until the contract ends; log leaves for good, subjects only as commitments"

STATEMENTS = (
    Statement(
        party="operator",
        what="subject",
        text="whom each request is about, in the clear, when, and by which instance",
        text_zh="明文获知每次请求的对象、时间和客户端实例",
        bound="everything in the request",
    ),
    Statement(
        party="operator",
        what="answers",
        text="the answer to each request",
        text_zh="每次请求的结果",
        bound="everything in the answer",
    ),
    Statement(
        party="buyer",
        what="answers",
        text="the contract's outputs for each subject it spends a unit on; absent is unusable",
        text_zh="每用一个计量单位得到一个对象的约定结果；不存在与不可用无法区分",
        bound="two bits for each output of each unit",
    ),
    Statement(
        party="network",
        what="traffic",
        text="addresses, times and sizes of TLS records",
        text_zh="地址、时间和 TLS 记录大小",
        bound="size of each request",
    ),
)
