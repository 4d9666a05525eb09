"""What a hidden lookup by `oprf_table` leaks, and to whom; signed with every such contract."""

from collections.abc import Mapping

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.protocols.lookup.oprf_table import TAG_BYTES

THREAT_MODEL = "buyer may deviate; operator may deviate in answers but not in the table's content"
THREAT_MODEL_ZH = "购买方可任意偏离协议；运营方可在应答中偏离，但不篡改表的内容"
RETENTION = "replies until the epoch ends; epoch key destroyed with it; log leaves for good"
RETENTION_ZH = "应答保存至密钥周期结束，密钥同时销毁；存证日志永久保存"

STATEMENTS = (
    Statement(
        party="operator",
        what="count",
        text="how many subjects are asked about in each request, when, and by which instance",
        text_zh="每次请求的核验数量、时间和发起的客户端实例",
        bound="units of the contract",
        bound_zh="合约的计量单位数",
        channel="counts",
    ),
    Statement(
        party="operator",
        what="subject",
        text="nothing about which subject is asked for: blinded elements are uniformly random",
        text_zh="不知道查询的是谁：盲化元素均匀随机",
        bound="0 bits, whatever computing power",
        bound_zh="0 比特，与算力无关",
        channel="subjects",
    ),
    Statement(
        party="buyer",
        what="answers",
        text="the contract's outputs for each subject it spends a unit on, once per epoch",
        text_zh="每用一个计量单位得到一个对象的约定结果，每个密钥周期一次",
        bound="two bits for each output of each unit",
        bound_zh="每个计量单位的每项结果两比特",
        channel="answers",
    ),
    Statement(
        party="buyer",
        what="table",
        text="a ciphertext of the rows with a usable answer: their number, label size and date",
        text_zh="有可用结果的行的密文：行数、标签长度和快照日期",
        bound="openable without units only if the epoch key leaks or discrete logarithms fall",
        bound_zh="仅当密钥周期的密钥泄露或离散对数被攻破时，才可能不用计量单位打开",
        channel="ciphertext",
    ),
    Statement(
        party="network",
        what="traffic",
        text="addresses, times and sizes of TLS records, hence the number of elements in a request",
        text_zh="地址、时间和 TLS 记录大小，因而可知请求中的元素数量",
        bound="number of elements of each request",
        bound_zh="每次请求的元素数量",
        channel="sizes",
    ),
    Statement(
        party="network",
        what="timing",
        text="how long an answer takes: by the number of elements, not by subjects or rows",
        text_zh="应答耗时：取决于元素数量，与对象和行无关",
        bound="number of elements of each request, and how busy the node is",
        bound_zh="每次请求的元素数量和节点繁忙程度",
        channel="timing",
    ),
)


def amounts(bits_per_unit: int, label_bytes: int, quota: Quota) -> Mapping[str, Amount]:
    """Return how much each line lets learn, by its key `what`."""
    return {
        "count": Amount(measure="units", each=1, most=quota.units),
        "subject": Amount(measure="bits", each=0, most=0),
        "answers": Amount(measure="bits", each=bits_per_unit, most=bits_per_unit * quota.units),
        "table": Amount(measure="bytes", each=TAG_BYTES + label_bytes),  # for each row
        "traffic": Amount(measure="units", each=1, most=quota.units),
        "timing": Amount(measure="units", each=1, most=quota.units),
    }
