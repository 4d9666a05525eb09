"""What a training under encryption leaks, and to whom; signed with every such contract.

Words in braces are filled in from the contract. What gradients and numbers of weights say, the
protocol says itself (`he/training/disclosure.py`).
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.contracts.leakage import Amount, Channel, Learner, Statement
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.statistics import Menu

THREAT_MODEL: Final = (
    "buyer makes its keys, ciphertexts and weights as its client does; operator follows the"
    " protocol, looks at all it gets, and is trusted with rows and noise"
)
THREAT_MODEL_ZH: Final = (
    "购买方按其客户端的方式生成密钥、密文和权重；运营方遵循协议但可查看其收到的一切，"
    "并被信任处理数据行和噪声"
)
RETENTION: Final = (
    "the buyer's public keys, and of a vertical training its subjects and encrypted rows, until 24"
    " hours after they were last used, or the contract ends; weights and gradient of an iteration"
    " until the buyer ends it, at most 24 hours after they last changed; what was spent of the"
    " privacy budget, and log leaves, for good"
)
RETENTION_ZH: Final = (
    "购买方公钥及纵向训练中其对象与加密数据行保存至最后使用后 24 小时或合约结束；"
    "一次迭代的权重和梯度保存至购买方结束，最后变动后至多 24 小时；已用隐私预算和存证日志永久保存"
)

_SEALED = Statement(
    party="operator",
    what="weights",
    text="nothing about weights{hidden}: they are encrypted under a key that stays with the buyer",
    text_zh="不知道权重{hidden_zh}：均以仅由购买方持有的密钥加密",
    bound="0 bits, unless learning with errors over rings is broken (2^{security} steps as"
    " estimated)",
    bound_zh="0 比特，除非环上容错学习问题被攻破（估计需 2^{security} 步）",
    channel="ciphertext",
    amount=Amount(measure="bits", each=0, most=0),
)
_ASKED = Statement(
    party="operator",
    what="requests",
    text="when each iteration is asked for, and by which instance of the buyer's",
    text_zh="每次迭代的请求时间和客户端实例",
    bound="units of the contract",
    bound_zh="合约的计量单位数",
    channel="access",
)
_SUBJECTS = Statement(
    party="operator",
    what="subjects",
    text="which subjects the buyer trains on, in which order, and how many: all that it has itself,"
    " and of others each that it guesses, since hashes under the contract's domain are no secret",
    text_zh="购买方以哪些对象训练、其顺序及数量：本方已有的对象全部可知，其他对象凡能猜到者亦可确认，"
    "因为合约域下的哈希并非秘密",
    bound="every subject that the buyer names and the operator has or guesses; {least} to {most}"
    " named",
    bound_zh="购买方列出且运营方拥有或能猜到的全部对象；列出 {least} 至 {most} 个",
    channel="subjects",
)
_ABSENT = Statement(
    party="buyer",
    what="membership",
    text="nothing about which of its subjects the table has: one that is not there, or does not"
    " consent, is a row of zeros",
    text_zh="不知道其对象中哪些在表中：不存在或未授权者按全零行计算",
    bound="as gradients: one row is hidden in the noise",
    bound_zh="与梯度相同：单行被噪声掩盖",
    channel="access",
)
_ROWS = Statement(
    party="buyer",
    what="rows",
    text="how many rows are registered; a row in which something is missing, or whose subject does"
    " not consent, is a row of zeros",
    text_zh="登记的总行数；有缺失值或对象未授权的行按全零行计算",
    bound="one number, which the registration says",
    bound_zh="一个数，登记凭证已载明",
    channel="counts",
)
_SPENT = Statement(
    party="auditor",
    what="privacy",
    text="what each iteration cost of the privacy budget, and when",
    text_zh="每次迭代消耗的隐私预算及时间",
    bound="rho {rho} for each iteration",
    bound_zh="每次迭代 rho {rho}",
    channel="counts",
)
_TRAFFIC = Statement(
    party="network",
    what="traffic",
    text="addresses, times and sizes of TLS records, hence how many columns and blocks of rows",
    text_zh="地址、时间和 TLS 记录大小，因而可知列数和数据行块数",
    bound="the same for every iteration",
    bound_zh="每次迭代相同",
    channel="sizes",
)
_TIMING = Statement(
    party="network",
    what="timing",
    text="how long an iteration takes: by the number of rows and columns, and a little by how many"
    " rows are found and whole; noise does not cover it",
    text_zh="每次迭代耗时：取决于行数和列数，并略受找到的完整行数影响，噪声不掩盖耗时",
    bound="one time for each iteration, and how busy the node is",
    bound_zh="每次迭代一个耗时，并受节点繁忙程度影响",
    channel="timing",
)
STATEMENTS: Final = (_SEALED, _ASKED, _SUBJECTS, _ABSENT, _ROWS, _SPENT, _TRAFFIC, _TIMING)
_LEARNT: Final[dict[str, tuple[Learner, Channel]]] = {
    "gradients": ("buyer", "answers"),
    "counts": ("operator", "counts"),
    "semi-honest": ("buyer", "ciphertext"),
}


def stated(plan: Plan, clause: Encrypted, menu: Menu) -> tuple[Statement, ...]:
    """Return the lines of one contract, its numbers filled in."""
    words = _words(clause)
    names = ("text", "text_zh", "bound", "bound_zh")
    fixed = (
        replace(line, **{name: getattr(line, name).format(**words) for name in names})
        for line in _lines(clause)
    )
    return (*_taught(plan, clause, menu), *fixed)


def _taught(plan: Plan, clause: Encrypted, menu: Menu) -> Iterator[Statement]:
    """Yield what the protocol says of itself."""
    from unseen.protocols.he.training.disclosure import (  # noqa: PLC0415 - with numpy
        what_training_teaches,
    )

    bits, units = plan.bits_per_unit, clause.iterations
    amounts = {
        "gradients": Amount(measure="bits", each=bits, most=bits * units),
        "counts": Amount(measure="units", each=1, most=units),
    }
    for lesson in what_training_teaches(clause.chain(), Fraction(menu.delta)):
        party, channel = _LEARNT[lesson.what]
        yield Statement(
            party=party,
            what=lesson.what,
            text=lesson.text,
            text_zh=lesson.text_zh,
            bound=lesson.bound,
            bound_zh=lesson.bound_zh,
            channel=channel,
            amount=amounts.get(lesson.what),
        )


def _lines(clause: Encrypted) -> Iterator[Statement]:
    counted = Amount(measure="units", each=1, most=clause.iterations)
    yield _SEALED
    yield replace(_ASKED, amount=counted)
    yield from (_SUBJECTS, _ABSENT) if clause.vertical else (_ROWS,)
    for line in (_SPENT, _TRAFFIC, _TIMING):
        yield replace(line, amount=counted)


def _words(clause: Encrypted) -> dict[str, str]:
    found = clause.chain().security
    hidden = ", labels and columns of the buyer's" if clause.own else ", and labels"
    hidden_zh = "、标签及购买方的列" if clause.own else "和标签"
    return {
        "hidden": hidden if clause.vertical else "",
        "hidden_zh": hidden_zh if clause.vertical else "",
        "security": str(int(min(found.matzov, found.core))),
        "least": f"{clause.least_rows:,}",
        "most": f"{clause.most_rows:,}",
        "rho": clause.rho,
    }
