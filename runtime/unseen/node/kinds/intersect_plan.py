"""What an intersection leaks, and to whom; signed with every such contract.

Words in braces are filled in from the contract.
"""

from collections.abc import Sequence
from dataclasses import replace

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.intersection import ITEMS, Intersection
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.evidence.contracts.plan import Plan
from unseen.node.privacy.guard import GUESSES_OF_A_DATE, guesses
from unseen.node.release.rules import Limits
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES
from unseen.protocols.lookup.subject import SubjectColumn

THREAT_MODEL = "both follow the protocol; the buyer may invent items, as many as its units allow"
THREAT_MODEL_ZH = "双方均遵循协议；购买方可编造项目，数量以其计量单位为限"
COUNT_THREAT_MODEL = (
    "both follow the protocol; operator is trusted with the number and its noise; the buyer may"
    " invent items, as many as its units allow"
)
COUNT_THREAT_MODEL_ZH = (
    "双方均遵循协议；信任运营方处理数量及噪声；购买方可编造项目，数量以其计量单位为限"
)
RETENTION = (
    "masked elements of a run, for a sum with a sealed share of its key, until the buyer ends it,"
    " at most 24 hours after they last changed; scalars of masks never leave the process that drew"
    " them; log leaves for good"
)
RETENTION_ZH = (
    "一次运行的盲化元素（求和时连同密封的密钥份额）保存至购买方结束，最后变动后至多 24 小时；"
    "盲化标量不离开生成它的进程；"
    "存证日志永久保存"
)

_COUNT = Statement(
    party="operator",
    what="count",
    text="how many items are in each set, when, and by which instance; an item that occurs in two"
    " sets looks like two",
    text_zh="每个集合的项目数、时间和客户端实例；两个集合中的同一项目看似不同",
    bound="units of the contract",
    bound_zh="合约的计量单位数",
    channel="counts",
)
_ITEMS = Statement(
    party="operator",
    what="items",
    text="nothing about which items they are: each is hashed to a group and masked by a scalar of"
    " this run alone",
    text_zh="不知道是哪些项目：每个项目映射到群并以本次运行专用的标量盲化",
    bound="0 bits, unless discrete logarithms fall",
    bound_zh="0 比特，除非离散对数被攻破",
    channel="subjects",
)
_ITEMS_MIXED = replace(
    _ITEMS,
    bound="0 bits while the operator follows the protocol, unless discrete logarithms fall",
    bound_zh="运营方遵循协议时 0 比特，除非离散对数被攻破",
)
_VERDICTS = Statement(
    party="buyer",
    what="answers",
    text="which of its own items are subjects of the table, and which are not",
    text_zh="己方项目中哪些是表中的主体，哪些不是",
    bound="one bit for each item of each set, whether present or not",
    bound_zh="每个集合的每个项目一比特，不论是否存在",
    channel="answers",
)
_NUMBER = Statement(
    party="operator",
    what="number",
    text="how many of the items are subjects of the table, before noise; not which, though an"
    " operator that leaves the protocol may send elements that find it out",
    text_zh="加噪前有多少项目是表中的主体，但不知是哪些；偏离协议的运营方可发送特制元素得知是哪些",
    bound="one number for each run",
    bound_zh="每次运行一个数",
    channel="answers",
)
_NOISY = Statement(
    party="buyer",
    what="answers",
    text="how many of its items are subjects of the table, with noise; nothing where that is below"
    " {group}",
    text_zh="己方项目中有多少是表中的主体（加噪）；低于 {group} 时不给出",
    bound="rho {rho} a run for each subject; epsilon {budget} at delta {delta} over all runs of the"
    " contract; over all contracts, what the table's own budget allows",
    bound_zh="每个主体每次运行 ρ {rho}；合约全部运行合计 ε {budget}、δ {delta}；"
    "所有合约合计不超过该表自身的隐私预算",
    channel="answers",
)
_SUMMED = replace(
    _NOISY,
    text="how many of its items are subjects of the table, and the sum of {column} over them, each"
    " value moved to within {low} and {high}, both with noise; nothing where the number is below"
    " {group}",
    text_zh="己方项目中有多少是表中的主体，及其 {column} 之和"
    "（每个值限制在 {low} 至 {high} 之间），均加噪；数量低于 {group} 时不给出",
)
_TABLE = Statement(
    party="buyer",
    what="table",
    text="the subjects of the table, masked by a scalar of this run that is dropped after it: their"
    " number; two runs have no element in common",
    text_zh="表中主体的盲化元素，标量仅用于本次运行且用后即弃：可知其数量；两次运行无相同元素",
    bound="openable only if discrete logarithms fall",
    bound_zh="仅当离散对数被攻破时才可能打开",
    channel="ciphertext",
)
_COMBINED = Statement(
    party="buyer",
    what="combined",
    text="a buyer that leaves the protocol may send sums of elements, and learn of a few subjects"
    " at once whether all of them are in the table",
    text_zh="偏离协议的购买方可发送元素之和，一次得知少数几个主体是否全部在表中",
    bound="one bit for each item that is paid for",
    bound_zh="每个已付费项目一比特",
    channel="answers",
)
_CHOSEN = Statement(
    party="buyer",
    what="combined",
    text="a buyer that leaves the protocol may send one item under many masks, and send back"
    " elements of its own choice: the number is then about few subjects, each counted many times,"
    " which the noise does not hide",
    text_zh="偏离协议的购买方可用多个盲化值发送同一项目，并返回自选的元素："
    "该数量便只涉及较少主体且被重复计数，噪声不足以掩盖",
    bound="epsilon and delta hold for buyers that follow the protocol",
    bound_zh="ε 与 δ 仅对遵循协议的购买方成立",
    channel="answers",
)
_DROWNED = replace(
    _CHOSEN,
    text="a buyer that leaves the protocol may multiply what it sends back, and so drown the noise"
    " of the sum, or leave one subject's value in it alone",
    text_zh="偏离协议的购买方可将返回的内容乘以倍数以淹没和的噪声，或使和中仅剩一个主体的值",
    bound="nothing bounds it: sums are for buyers that are trusted to follow the protocol",
    bound_zh="无界：求和仅适用于被信任会遵循协议的购买方",
)
_SMALL = Statement(
    party="buyer",
    what="small-domain",
    text="whoever lists all values that the narrowest part of a subject can have (about {space})"
    " finds out who is in the table, as far as units allow",
    text_zh="若列举主体中取值最少部分的全部可能值（约 {space} 个），"
    "在计量单位允许的范围内即可得知谁在表中",
    bound="{units} guesses in all",
    bound_zh="总共至多猜测 {units} 次",
    channel="answers",
)
_SPENT = Statement(
    party="auditor",
    what="privacy",
    text="what each run cost of the privacy budget, and when",
    text_zh="每次运行消耗的隐私预算及时间",
    bound="one number for each run",
    bound_zh="每次运行一个数",
    channel="counts",
)
_TRAFFIC = Statement(
    party="network",
    what="traffic",
    text="addresses, times and sizes of TLS records, hence how many items either side has",
    text_zh="地址、时间和 TLS 记录大小，因而可知双方的项目数",
    bound="two numbers for each run",
    bound_zh="每次运行两个数",
    channel="sizes",
)
_TIMING = Statement(
    party="network",
    what="timing",
    text="how long a run takes: by how many items either side has, not by what they have in common",
    text_zh="运行耗时：取决于双方项目数，与交集无关",
    bound="one time for each run, and how busy the node is",
    bound_zh="每次运行一个耗时，并受节点繁忙程度影响",
    channel="timing",
)
STATEMENTS = (
    _COUNT,
    _ITEMS,
    _ITEMS_MIXED,
    _VERDICTS,
    _NUMBER,
    _NOISY,
    _SUMMED,
    _TABLE,
    _COMBINED,
    _CHOSEN,
    _DROWNED,
    _SMALL,
    _SPENT,
    _TRAFFIC,
    _TIMING,
)


def space_of(subject: Sequence[SubjectColumn]) -> int | None:
    """Return how many values somebody has to list to name everybody, if the types say it."""
    if all(column.type == "date" for column in subject):
        return int(GUESSES_OF_A_DATE ** len(subject))
    return guesses(subject)


def least_of(plan: Plan) -> int:
    """Return the smallest number that is told: below it a count is null."""
    return Limits().with_group(plan.group).group


def stated(plan: Plan, clause: Intersection, quota: Quota) -> tuple[Statement, ...]:
    """Return the lines of one contract, its numbers filled in."""
    units, bits, own = quota.units, plan.bits_per_unit, clause.output == ITEMS
    counted = Amount(measure="units", each=1, most=units)
    released = Amount(measure="bits", each=bits, most=bits * units)
    nothing = Amount(measure="bits", each=0, most=0)
    lines: list[tuple[Statement, Amount]] = [(_COUNT, counted)]
    lines.append((_ITEMS if own else _ITEMS_MIXED, nothing))
    told = _NOISY if clause.sum is None else _SUMMED
    lines += [(_VERDICTS, released)] if own else [(_NUMBER, released), (told, released)]
    lines += [(_TABLE, Amount(measure="bytes", each=ELEMENT_BYTES))]
    against = _CHOSEN if clause.sum is None else _DROWNED
    lines += [(_COMBINED if own else against, released)]
    space = space_of(plan.subject_columns)
    if space is not None:
        lines.append((_SMALL, counted))
    lines += [] if own else [(_SPENT, counted)]
    lines += [(_TRAFFIC, counted), (_TIMING, counted)]
    summed, scale = clause.sum, 10 ** (clause.sum.decimals if clause.sum else 0)
    words = {
        "column": summed.column if summed else "",
        "low": f"{summed.low / scale:,}" if summed else "",
        "high": f"{summed.high / scale:,}" if summed else "",
        "group": least_of(plan),
        "rho": clause.rho,
        "delta": clause.delta,
        "budget": plan.budget,
        "space": f"{space or 0:,}",
        "units": f"{units:,}",
    }
    names = ("text", "text_zh", "bound", "bound_zh")
    return tuple(
        replace(
            line, amount=amount, **{name: getattr(line, name).format(**words) for name in names}
        )
        for line, amount in lines
    )
