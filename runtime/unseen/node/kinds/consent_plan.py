"""What consent (数据主体授权) adds to what is leaked; signed with contracts that ask for it."""

from unseen.evidence.contracts.leakage import Statement

_WITHHELD = Statement(
    party="buyer",
    what="consent",
    text="whether a subject consents: not by an answer, as without consent it looks absent at the"
    " same charge; that a subject with usable answers before has none now",
    text_zh="单次结果无从得知对象是否授权：未授权与不存在无法区分，收费相同；"
    "再次查询可知先前有结果的对象现已无结果",
    bound="one bit for each subject asked about again",
    bound_zh="每个再次查询的对象一比特",
)
_ROOTS = Statement(
    party="buyer",
    what="consent-roots",
    text="how many subjects ever consented at this node, and when consents changed",
    text_zh="本节点历来授权的对象总数，以及授权变动的时间",
    bound="one number and one time for each root in the log",
    bound_zh="日志中的每个根一个数、一个时间",
)
_COUNTED = Statement(
    party="buyer",
    what="consent",
    text="only rows of those who consent are counted: two answers to one question, with a"
    " withdrawal between them, differ by noise and by whoever withdrew",
    text_zh="仅统计已授权的行：撤回前后对同一问题的两次结果，除噪声外还相差撤回授权者",
    bound="as every answer: one person is hidden in the noise",
    bound_zh="与各次结果相同：单个人被噪声掩盖",
)
_REGISTER = Statement(
    party="operator",
    what="consents",
    text="which subjects consent to which buyer and scenario; sealed at rest by the node's key",
    text_zh="哪些对象授权给哪个购买方、哪个场景；以节点密钥加密存放",
    bound="every consent that a hub hands over",
    bound_zh="授权枢纽移交的每一份授权",
)
_ROTATION = Statement(
    party="buyer",
    what="consent-rotation",
    text="when a table is built anew because consents changed, and how many rows it then has",
    text_zh="因授权变动而重建密文表的时间，以及重建后的行数",
    bound="one epoch within each latency; all withdrawals in between go together",
    bound_zh="每个时限内至多一个密钥周期；其间的撤回一并生效",
)
_COST = Statement(
    party="operator",
    what="rotation-cost",
    text="nothing; each rotation costs a build: permitted rows x epochs / rows a second",
    text_zh="无；每次轮换需重建一次：获授权行数 × 周期数 / 每秒行数",
    bound="one build within each latency",
    bound_zh="每个时限内至多一次重建",
)

STATEMENTS: dict[str, tuple[Statement, ...]] = {
    "verify": (_WITHHELD, _ROOTS, _REGISTER),
    "lookup": (_WITHHELD, _ROOTS, _REGISTER, _ROTATION, _COST),
    "statistics": (_COUNTED, _ROOTS, _REGISTER),
    "train": (_COUNTED, _ROOTS, _REGISTER),
}
