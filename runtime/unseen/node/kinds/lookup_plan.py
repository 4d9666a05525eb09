"""What a hidden lookup leaks, by each of its two ways, and to whom; signed with every contract."""

from collections.abc import Mapping

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.releases.manifest import MAX_BUILDS
from unseen.protocols.lookup.lwe_pir.parameters import KEPT_BITS, SECRET, SECURITY_BITS
from unseen.protocols.lookup.oprf_table import TAG_BYTES

PASSES = 4  # answers at a hidden table for each element that was evaluated, at most
KEY_DAYS = 30  # of a key under which a hidden table is built again; then its epoch ends
BUILDS = "builds"  # what the line is called that says what this shows

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


def amounts(plan: Plan, quota: Quota) -> Mapping[str, Amount]:
    """Return how much each line lets learn, by its key `what`."""
    bits = plan.bits_per_unit
    return {
        "count": Amount(measure="units", each=1, most=quota.units),
        "subject": Amount(measure="bits", each=0, most=0),
        "answers": Amount(measure="bits", each=bits, most=bits * quota.units),
        "table": Amount(measure="bytes", each=TAG_BYTES + plan.label_bytes),  # for each row
        "traffic": Amount(measure="units", each=1, most=quota.units),
        "timing": Amount(measure="units", each=1, most=quota.units),
    }


_BY_WHAT = {line.what: line for line in STATEMENTS}

HIDDEN_STATEMENTS = (
    _BY_WHAT["count"],
    Statement(
        party="operator",
        what="subject",
        text="nothing about which subject is asked for: blinded elements are uniformly random, and "
        "queries are random to whoever cannot solve learning with errors",
        text_zh="不知道查询的是谁：盲化元素均匀随机，查询消息对不能求解带误差学习问题者与随机数无异",
        bound=f"0 bits, short of 2^{SECURITY_BITS[1]} operations by the estimates for lattices",
        bound_zh=f"0 比特，除非运算量达到格攻击估计的 2^{SECURITY_BITS[1]} 次",
        channel="subjects",
    ),
    _BY_WHAT["answers"],
    Statement(
        party="buyer",
        what="table",
        text="how many blocks the table has, its date, and sums over its masked bytes: the hint, "
        f"and for each answer one of each row of the matrix, at most {PASSES} for each element",
        text_zh="表的分块数和快照日期，以及经掩码的字节之和：提示文件，以及每个应答对矩阵每行的一个和，"
        f"每个元素最多 {PASSES} 个应答",
        bound="openable without units only if the epoch key leaks or discrete logarithms fall",
        bound_zh="仅当密钥周期的密钥泄露或离散对数被攻破时，才可能不用计量单位打开",
        channel="ciphertext",
    ),
    Statement(
        party="buyer",
        what=BUILDS,
        text="which blocks change when the table is built again under its key, hence about how "
        "many subjects; who deviates may read again, with the answers it has left over, what then "
        "holds of subjects that it has asked about under that key",
        text_zh="同一密钥下重建表时哪些分块有变化，因而大致可知有多少对象变化；偏离协议者可用剩余的应答，"
        "再次读取此前在该密钥下查询过的对象的现状",
        bound=f"{MAX_BUILDS} builds or {KEY_DAYS} days of a key; after each {PASSES - 1} labels "
        "more for each element that is charged",
        bound_zh=f"每个密钥最多 {MAX_BUILDS} 次构建或 {KEY_DAYS} 天；每次重建后每个计费元素最多多读"
        f" {PASSES - 1} 个标签",
        channel="access",
    ),
    Statement(
        party="network",
        what="traffic",
        text="addresses, times and sizes of TLS records, hence the number of elements and queries",
        text_zh="地址、时间和 TLS 记录大小，因而可知元素和查询的数量",
        bound="number of elements of each request",
        bound_zh="每次请求的元素数量",
        channel="sizes",
    ),
    Statement(
        party="network",
        what="timing",
        text="how long an answer takes: by the number of queries and the size of the table",
        text_zh="应答耗时：取决于查询数量和表的大小",
        bound="number of elements of each request, size of the table, how busy the node is",
        bound_zh="每次请求的元素数量、表的大小和节点繁忙程度",
        channel="timing",
    ),
)


def hidden_amounts(plan: Plan, quota: Quota) -> Mapping[str, Amount]:
    """Return how much each line of a hidden table lets learn, by its key `what`.

    Of each row of the matrix, which holds a byte a cell: its hint, and all the answers that the
    contract's units may buy.
    """
    answers = PASSES * plan.evaluations * quota.units
    each = (SECRET + answers) * KEPT_BITS // 8
    more = (PASSES - 1) * plan.bits_per_unit
    return dict(amounts(plan, quota)) | {
        "table": Amount(measure="bytes", each=each),
        BUILDS: Amount(measure="bits", each=more, most=more * quota.units),
    }
