"""The two reports in words, English and Chinese: which number stands under which name."""

from collections.abc import Mapping
from typing import Any

from unseen.evidence.canonical import Json
from unseen.evidence.reports.page import Language, Page, Row, Section, Table

_DISCLOSURE: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Data operation: disclosure of {year}",
        "what": "Computed from the log {origin}, {size} entries, root {root}, and signed by the "
        "operator. Numbers of requests and the like are rounded down to multiples of "
        "{threshold}; “few” is fewer than {threshold}.",
        "few": "few",
        "scenarios": "Scenarios",
        "totals": "In all",
        "name": "what",
        "number": "number",
        "scenario": "scenario",
        "product": "product",
        "kind": "kind",
        "contracts": "contracts",
        "buyers": "buyers",
        "requests": "requests",
        "units": "units",
        "held": "held for review",
        "refused": "refused at the gate",
        "mandates": "mandates in force",
        "tables": "tables",
        "products": "products",
        "orders_of_openings": "orders to open hidden queries",
        "answers_to_orders": "answers to them",
        "objections": "objections",
        "stops_of_the_node": "stops of the node",
        "suspensions": "suspensions of contracts",
        "revocations": "contracts revoked",
    },
    "zh": {
        "title": "公共数据授权运营年度公示（{year} 年）",
        "what": "依据存证日志 {origin}（共 {size} 条，根哈希 {root}）计算，由运营方签名。"
        "请求数等向下取整为 {threshold} 的倍数；“少量”指少于 {threshold}。",
        "few": "少量",
        "scenarios": "应用场景",
        "totals": "合计",
        "name": "项目",
        "number": "数量",
        "scenario": "应用场景",
        "product": "数据产品",
        "kind": "作业类型",
        "contracts": "数字合约",
        "buyers": "需求方",
        "requests": "请求数",
        "units": "计量单位",
        "held": "转人工审核",
        "refused": "出域审核拒绝",
        "mandates": "有效授权运营协议",
        "tables": "数据资源",
        "products": "数据产品",
        "orders_of_openings": "依令公开匿踪查询的命令",
        "answers_to_orders": "对命令的答复",
        "objections": "异议",
        "stops_of_the_node": "节点紧急停止",
        "suspensions": "合约中止",
        "revocations": "合约撤销",
    },
}
_PERSONAL: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Personal information: audit report",
        "what": "From {start} up to {until}. Computed from the log {origin}, {size} entries, root "
        "{root}, and signed by the operator.",
        "consents": "Consents",
        "jobs": "Work under contracts that ask for consent",
        "openings": "Hidden queries opened on an order",
        "objections": "Objections",
        "name": "what",
        "number": "number",
        "added": "consents given",
        "withdrawn": "consents withdrawn",
        "spent": "consents for once, used",
        "roots": "roots of the tree of consents",
        "subjects_before": "people who had consented, at the beginning",
        "subjects_after": "people who had consented, at the end",
        "first": "first root",
        "last": "last root",
        "none": "none",
        "scenario": "scenario",
        "product": "product",
        "kind": "kind",
        "requests": "requests",
        "units": "units",
        "without_root": "without a root",
        "withdrawals": "withdrawals met",
        "latency_seconds": "agreed latency, s",
        "slowest_seconds": "slowest, s",
        "late": "late",
        "pending_seconds": "not yet in effect, s",
        "orders": "orders",
        "draws": "samples drawn",
        "responses": "responses",
        "opened": "requests opened",
        "unknown": "said not to be made there",
        "lost": "said to be lost",
        "objected": "opened",
        "accepted": "accepted",
        "rejected": "rejected",
        "agreed": "closed in agreement",
        "not_agreed": "closed without agreement",
        "reason": "reason {reason}",
    },
    "zh": {
        "title": "个人信息保护合规审计报告",
        "what": "期间：{start} 至 {until}（不含）。依据存证日志 {origin}（共 {size} 条，根哈希 "
        "{root}）计算，由运营方签名。",
        "consents": "授权同意",
        "jobs": "需要授权同意的作业",
        "openings": "依令公开的匿踪查询",
        "objections": "异议",
        "name": "项目",
        "number": "数量",
        "added": "新增同意",
        "withdrawn": "撤回同意",
        "spent": "已使用的一次性同意",
        "roots": "同意树根",
        "subjects_before": "期初曾同意的人数",
        "subjects_after": "期末曾同意的人数",
        "first": "首个树根",
        "last": "末个树根",
        "none": "无",
        "scenario": "应用场景",
        "product": "数据产品",
        "kind": "作业类型",
        "requests": "请求数",
        "units": "计量单位",
        "without_root": "未注明树根",
        "withdrawals": "涉及撤回",
        "latency_seconds": "约定时限（秒）",
        "slowest_seconds": "最慢生效（秒）",
        "late": "超时",
        "pending_seconds": "尚未生效（秒）",
        "orders": "命令",
        "draws": "抽样",
        "responses": "答复",
        "opened": "已公开的请求",
        "unknown": "称非本端所发",
        "lost": "称已遗失",
        "objected": "提出",
        "accepted": "接受",
        "rejected": "拒绝",
        "agreed": "达成一致后关闭",
        "not_agreed": "未达成一致而关闭",
        "reason": "理由 {reason}",
    },
}
_LINE = (
    "scenario",
    "product",
    "kind",
    "contracts",
    "buyers",
    "requests",
    "units",
    "held",
    "refused",
)
_TOTALS = (
    "contracts",
    "buyers",
    "mandates",
    "tables",
    "products",
    "requests",
    "units",
    "held",
    "refused",
    "orders_of_openings",
    "answers_to_orders",
    "objections",
    "suspensions",
    "revocations",
    "stops_of_the_node",
)
_CONSENTS = ("added", "withdrawn", "spent", "roots", "subjects_before", "subjects_after")
_OPENINGS = ("orders", "draws", "responses", "opened", "unknown", "lost")
_OBJECTIONS = ("opened", "accepted", "rejected", "agreed", "not_agreed")
_JOBS = (
    "scenario",
    "product",
    "kind",
    "requests",
    "units",
    "without_root",
    "withdrawals",
    "latency_seconds",
    "slowest_seconds",
    "late",
    "pending_seconds",
)


def disclosure_page(report: Mapping[str, Any], language: Language) -> Page:
    """Return a disclosure as people read it; see `disclosure.disclosure`."""
    words = _DISCLOSURE[language]
    values = {**report["log"], "year": report["year"], "threshold": report["threshold"]}
    rows = tuple(
        tuple(_cell(line[name], words["few"]) for name in _LINE) for line in report["lines"]
    )
    totals = tuple((words[name], _cell(report["totals"][name], words["few"])) for name in _TOTALS)
    return Page(
        language,
        words["title"].format(**values),
        (
            Section(
                words["scenarios"],
                (words["what"].format(**values),),
                Table(tuple(words[name] for name in _LINE), rows),
            ),
            Section(words["totals"], (), Table((words["name"], words["number"]), totals)),
        ),
    )


def personal_page(report: Mapping[str, Any], language: Language) -> Page:
    """Return a personal-information audit as people read it; see `personal.personal_audit`."""
    words = _PERSONAL[language]
    span = {"start": report["span"]["from"], "until": report["span"]["until"]}
    what = words["what"].format(**report["log"], **span)
    objections = report["objections"]
    objected = _named(objections, _OBJECTIONS, {**words, "opened": words["objected"]})
    objected += [
        (words["reason"].format(reason=reason), str(count))
        for reason, count in sorted(objections["reasons"].items())
    ]
    openings = _named(report["openings"], _OPENINGS, words)
    jobs = tuple(tuple(_cell(one[name], words["none"]) for name in _JOBS) for one in report["jobs"])
    return Page(
        language,
        words["title"],
        (
            Section(words["consents"], (what,), _table(words, _consents(report, words))),
            Section(words["jobs"], (), Table(tuple(words[name] for name in _JOBS), jobs)),
            Section(words["openings"], (), _table(words, openings)),
            Section(words["objections"], (), _table(words, objected)),
        ),
    )


def _consents(report: Mapping[str, Any], words: Mapping[str, str]) -> list[Row]:
    rows = _named(report["consents"], _CONSENTS, words)
    for name in ("first", "last"):
        root = report["consents"][name]
        said = (
            words["none"] if root is None else f"{root['number']}, {root['root']}, {root['time']}"
        )
        rows.append((words[name], said))
    return rows


def _named(counts: Mapping[str, Any], names: Row, words: Mapping[str, str]) -> list[Row]:
    return [(words[name], str(counts[name])) for name in names]


def _table(words: Mapping[str, str], rows: list[Row]) -> Table:
    return Table((words["name"], words["number"]), tuple(rows))


def _cell(value: Json, nothing: str) -> str:
    return nothing if value is None else str(value)
