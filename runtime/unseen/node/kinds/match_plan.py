"""What a match (要素核验) lets learn beside other questions about one subject; signed with it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from unseen.evidence.contracts.leakage import Statement
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.releases.manifest import PROTOCOL as SENT_TABLE

_Words = dict[str, str]


def stated(lines: Iterable[Statement], plan: Plan) -> tuple[Statement, ...]:
    """Return the lines of the leakage statement of `plan`, a match: a unit is about one subject.

    Hidden, it is two evaluations, and the node cannot see whether they are about the same one.
    """
    own = ", ".join(plan.match)
    words = {("buyer", "answers"): _answers(own, hidden=plan.kind == "lookup")}
    if plan.kind == "lookup":
        words[("operator", "count")] = _COUNT
    if plan.protocol == SENT_TABLE:
        words[("buyer", "table")] = _TABLE
    return tuple(_worded(line, words.get((line.party, line.what), {})) for line in lines)


def _worded(line: Statement, words: Mapping[str, str]) -> Statement:
    return replace(line, **words)  # type: ignore[arg-type]  # each is a text of the line


def _answers(own: str, *, hidden: bool) -> _Words:
    if hidden:
        return {
            "text": f"for each unit whether the whole subject has a row, and whether its id ({own})"
            " has one; who deviates may ask about two subjects with a unit, once per epoch",
            "text_zh": f"每个计量单位可知整组要素是否一致，以及其标识（{own}）是否在库；"
            "偏离协议者可用一个计量单位询问两个对象，每个密钥周期一次",
            "bound": "two evaluations for each unit, two bits each",
            "bound_zh": "每个计量单位两次求值，各两比特",
        }
    return {
        "text": f"for each unit whether the whole subject has a row; if not, whether its id ({own})"
        " has one; absent is unusable",
        "text_zh": f"每个计量单位可知整组要素是否一致；不一致时，其标识（{own}）是否在库；"
        "不存在与不可用无法区分",
        "bound": "two bits for each unit",
        "bound_zh": "每个计量单位两比特",
    }


_COUNT: _Words = {
    "text": "how many subjects are asked about in each request, two elements each, when, and by"
    " which instance; not whether both elements are about the same subject",
    "text_zh": "每次请求的核验数量（每个对象两个元素）、时间和发起的客户端实例；"
    "看不到两个元素是否属于同一对象",
    "bound": "units of the contract",
    "bound_zh": "合约的计量单位数",
}
_TABLE: _Words = {
    "text": "a ciphertext with one row for each subject and one for each id: how many there are"
    " together, label size and date",
    "text_zh": "密文表，每组要素一行、每个标识一行：总行数、标签长度和快照日期",
}
