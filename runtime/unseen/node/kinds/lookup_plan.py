"""What a hidden lookup by `oprf_table` leaks, and to whom; signed with every such contract."""

from unseen.evidence.plan import Statement

THREAT_MODEL = "buyer may deviate; operator may deviate in answers but not in the table's content"
RETENTION = "replies until the epoch ends; epoch key destroyed with it; log leaves for good"

STATEMENTS = (
    Statement(
        party="operator",
        what="count",
        text="how many subjects are asked about in each request, when, and by which instance",
        text_zh="每次请求的核验数量、时间和发起的客户端实例",
        bound="units of the contract",
    ),
    Statement(
        party="operator",
        what="subject",
        text="nothing about which subject is asked for: blinded elements are uniformly random",
        text_zh="不知道查询的是谁：盲化元素均匀随机",
        bound="0 bits, whatever computing power",
    ),
    Statement(
        party="buyer",
        what="answers",
        text="the contract's outputs for each subject it spends a unit on, once per epoch",
        text_zh="每用一个计量单位得到一个对象的约定结果，每个密钥周期一次",
        bound="two bits for each output of each unit",
    ),
    Statement(
        party="buyer",
        what="table",
        text="a ciphertext of the rows with a usable answer: their number, label size and date",
        text_zh="有可用结果的行的密文：行数、标签长度和快照日期",
        bound="openable without units only if the epoch key leaks or discrete logarithms fall",
    ),
    Statement(
        party="network",
        what="traffic",
        text="addresses, times and sizes of TLS records, hence the number of elements in a request",
        text_zh="地址、时间和 TLS 记录大小，因而可知请求中的元素数量",
        bound="number of elements of each request",
    ),
)
