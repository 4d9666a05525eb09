"""What encrypted scoring leaks, and to whom; signed with every such contract.

Words in braces are filled in from the contract.
"""

from collections.abc import Iterator
from dataclasses import replace

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.leakage import Amount, Statement
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.scoring import ModelShape, Scoring
from unseen.protocols.he.lessons import PACKING, PACKING_ZH, Shown, what_scores_teach

THREAT_MODEL = "buyer makes its key and ciphertexts as its client does; operator may deviate"
THREAT_MODEL_ZH = "购买方按其客户端的方式生成密钥和密文；运营方可偏离协议"
RETENTION = (
    "ciphertexts of a run until the buyer ends it, at most 24 hours after they last changed; the"
    " buyer's public key until 24 hours after it was last used, or the contract ends; log leaves"
    " for good"
)
RETENTION_ZH = (
    "一次运行的密文保存至购买方结束，最后变动后至多 24 小时；"
    "购买方公钥保存至最后使用后 24 小时或合约结束；存证日志永久保存"
)

_COUNT = Statement(
    party="operator",
    what="count",
    text="how many ciphertexts are scored, when, and by which instance; not how many of the"
    " {rows} rows of each are used",
    text_zh="评分的密文数量、时间和客户端实例；不知每个密文的 {rows} 行用了多少",
    bound="units of the contract",
    bound_zh="合约的计量单位数",
    channel="counts",
)
_ROWS = Statement(
    party="operator",
    what="rows",
    text="nothing about rows and scores: they are encrypted under a key that stays with the buyer",
    text_zh="不知道数据行和评分：均以仅由购买方持有的密钥加密",
    bound="0 bits, unless learning with errors over rings is broken (2^{security} steps as"
    " estimated)",
    bound_zh="0 比特，除非环上容错学习问题被攻破（估计需 2^{security} 步）",
    channel="subjects",
)
_SCORES = Statement(
    party="buyer",
    what="answers",
    text="a score for each row, within {precision} of the model's own; {taught}",
    text_zh="每行一个评分，与模型本身相差不超过 {precision}；{taught_zh}",
    bound="{taught_bound}",
    bound_zh="{taught_bound_zh}",
    channel="answers",
)
_PACKED = Statement(
    party="buyer",
    what="packed",
    text=PACKING,
    text_zh=PACKING_ZH,
    bound="{packed_bound}",
    bound_zh="{packed_bound_zh}",
    channel="answers",
)
_NOISE = Statement(
    party="buyer",
    what="noise",
    text="nothing of the weights from the noise of what returns: it is encrypted anew, and flooded",
    text_zh="返回密文的噪声不透露权重：已重新加密并以噪声淹没",
    bound="2^-40 over the whole contract, if {honest}",
    bound_zh="全合约合计 2^-40，前提是{honest_zh}",
    channel="ciphertext",
)
_STRIPPED = Statement(
    party="buyer",
    what="key",
    text="a buyer that leaves the protocol may send a public key that lets it strip the new"
    " encryption, and so learn all weights from one ciphertext",
    text_zh="偏离协议的购买方可发送特制公钥以剥离重新加密，从一个密文得知全部权重",
    bound="nothing bounds it: scores are for buyers that are trusted to follow the protocol",
    bound_zh="无界：评分仅适用于被信任会遵循协议的购买方",
    channel="ciphertext",
)
_SHAPE = Statement(
    party="buyer",
    what="shape",
    text="the model's family, its columns and their bounds{units}, and powers of two that its"
    " weights stay within",
    text_zh="模型类型、列及其取值范围{units_zh}，以及权重上限（以二的幂表示）",
    bound="what the contract says",
    bound_zh="以合约所列为限",
    channel="sizes",
)
_TRAFFIC = Statement(
    party="network",
    what="traffic",
    text="addresses, times and sizes of TLS records, hence how many ciphertexts are scored",
    text_zh="地址、时间和 TLS 记录大小，因而可知评分的密文数量",
    bound="one number for each run",
    bound_zh="每次运行一个数",
    channel="sizes",
)
_TIMING = Statement(
    party="network",
    what="timing",
    text="how long a run takes: by the number of ciphertexts, not by rows or weights",
    text_zh="运行耗时：取决于密文数量，与数据行和权重无关",
    bound="one time for each run, and how busy the node is",
    bound_zh="每次运行一个耗时，并受节点繁忙程度影响",
    channel="timing",
)
_HONEST = {
    False: (
        "the buyer's public key is made as it should be",
        "购买方公钥按规定生成",
    ),
    True: (
        (
            "the buyer's public key and its keys for products are made as they should be, and what"
            " it encrypts are rows within the bounds of the columns"
        ),
        "购买方公钥和乘法密钥按规定生成，且所加密的是各列取值范围内的数据行",
    ),
}
STATEMENTS = (
    *(_COUNT, _ROWS, _SCORES, _PACKED, _NOISE, _STRIPPED, _SHAPE),
    *(_TRAFFIC, _TIMING),
)


def stated(plan: Plan, clause: Scoring, quota: Quota) -> tuple[Statement, ...]:
    """Return the lines of one contract, its numbers filled in."""
    words = _words(clause, quota)
    names = ("text", "text_zh", "bound", "bound_zh")
    return tuple(
        replace(
            line, amount=amount, **{name: getattr(line, name).format(**words) for name in names}
        )
        for line, amount in _lines(plan, quota)
    )


def _lines(plan: Plan, quota: Quota) -> Iterator[tuple[Statement, Amount | None]]:
    units, bits = quota.units, plan.bits_per_unit
    counted = Amount(measure="units", each=1, most=units)
    released = Amount(measure="bits", each=bits, most=bits * units)
    yield from ((_COUNT, counted), (_ROWS, Amount(measure="bits", each=0, most=0)))
    yield from ((_SCORES, released), (_PACKED, released))
    yield from ((_NOISE, None), (_STRIPPED, None), (_SHAPE, None))
    yield from ((_TRAFFIC, counted), (_TIMING, counted))


def _words(clause: Scoring, quota: Quota) -> dict[str, str]:
    ring, model = clause.ring, clause.model
    shown = Shown(
        scores=clause.rows,
        coefficients=ring.degree,
        bits=ring.taught_bits,
        ciphertexts=quota.units,
    )
    words = {
        "rows": f"{clause.rows:,}",
        "security": str(int(min(ring.security.matzov, ring.security.core))),
        "precision": clause.precision,
        **dict(zip(("honest", "honest_zh"), _HONEST[model.hidden], strict=True)),
        **dict(zip(("units", "units_zh"), _units(model), strict=True)),
    }
    lessons = what_scores_teach(model.columns, model.layers, shown)
    for name, lesson in zip(("taught", "packed"), lessons, strict=True):
        words |= {name: lesson.text, f"{name}_zh": lesson.text_zh}
        words |= {f"{name}_bound": lesson.bound, f"{name}_bound_zh": lesson.bound_zh}
    return words


def _units(model: ModelShape) -> tuple[str, str]:
    if not model.hidden:
        return "", ""
    units = f"{model.layers[0][0]:,}"
    return f", the {units} units of its hidden layer", f"、隐藏层的 {units} 个单元"
