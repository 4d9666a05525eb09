"""A plan, its leakage statement, and what less would do, in the words of two languages."""

from typing import TYPE_CHECKING

from unseen.cli.output import console
from unseen.cli.words import Language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from unseen.client.agreements.explanations import ClauseRefusal, Explanation
    from unseen.evidence.contracts.leakage import Amount, Leakage
    from unseen.evidence.contracts.plan import Plan
    from unseen.protocols.lookup.subject import SubjectColumn


_WORDS = {
    Language.EN: {
        "operator": "the operator",
        "buyer": "the buyer",
        "network": "the network",
        "auditor": "who reads the log",
        "reads": "reads",
        "labels": "with labels",
        "rows": "rows",
        "all rows": "all rows",
        "no other": "no other column",
        "consented": "only rows whose subject consents",
        "matched by": "id of a match",
        "asked by": "asked by",
        "releases": "releases",
        "bits": "bits",
        "bit count": "at most {unit:,} bits for each unit, {run:,} in a run, {all:,} in all",
        "unit bits": "at most {unit:,} bits for each unit",
        "group": "groups",
        "at least": "of {} at least",
        "budget": "epsilon",
        "at most": "{} at most",
        "holds": "holds if",
        "kept": "kept",
        "leave": "encrypted rows leave",
        "stay": "no row leaves, not even encrypted",
        "title": "What is learnt, and by whom",
        "who": "who",
        "what": "learns",
        "bound": "at most",
        "in all": "{:,} {} in all",
        "each row": "{:,} {} a row",
        "units": "units",
        "bytes": "bytes",
        "refused": "Refused: every clause against it",
        "still": "The narrowest is still refused",
        "clause": "clause",
        "why": "why",
        "remedy": "what helps",
        "narrowing": "What was asked for, and the narrowest that would do",
        "asked": "asked",
        "narrowest": "narrowest",
        "narrow plan": "The narrowest contract that would do",
        "enough": "What was asked for is the narrowest that would do.",
        "demands": "What the labels demand",
        "value": "demand",
        "because": "because of",
    },
    Language.ZH: {
        "operator": "运营方",
        "buyer": "购买方",
        "network": "网络",
        "auditor": "存证日志的查阅方",
        "contract": "合约",
        "reads": "读取",
        "labels": "分类分级",
        "rows": "行",
        "all rows": "所有行",
        "no other": "无其他列",
        "consented": "仅限经数据主体授权的行",
        "matched by": "匹配标识",
        "asked by": "查询条件",
        "releases": "交付",
        "bits": "比特",
        "bit count": "每个计量单位最多 {unit:,} 比特，每次最多 {run:,}，总计最多 {all:,}",
        "unit bits": "每个计量单位最多 {unit:,} 比特",
        "group": "最小分组",
        "at least": "至少 {}",
        "budget": "隐私预算 ε",
        "at most": "最多 {}",
        "protocol": "协议",
        "holds": "成立条件",
        "kept": "留存",
        "leave": "加密后的行出域",
        "stay": "任何行都不出域，密文也不出域",
        "title": "谁会得知什么",
        "who": "谁",
        "what": "得知",
        "bound": "上限",
        "in all": "总计 {:,} {}",
        "each row": "每行 {:,} {}",
        "units": "计量单位",
        "bytes": "字节",
        "refused": "不予编译：所有不满足的条款",
        "still": "最小合约仍不满足的条款",
        "clause": "条款",
        "why": "原因",
        "remedy": "处理办法",
        "narrowing": "申请内容与最小够用合约的差异",
        "asked": "申请",
        "narrowest": "最小够用",
        "narrow plan": "最小够用的合约",
        "enough": "申请内容已是最小够用的合约。",
        "demands": "分类分级的要求",
        "value": "要求",
        "because": "来源",
    },
}


def print_plan(
    contract: str,
    plan: "Plan",
    leakage: "Leakage",
    language: Language,
    *,
    narrowest: bool = False,
) -> None:
    """Print what a plan reads and releases, and who learns what besides."""
    from rich.table import Table
    from rich.text import Text

    screen, words = console(), _WORDS[language]
    if narrowest:
        screen.print(words["narrow plan"], style="italic")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    if contract:
        grid.add_row(words.get("contract", "contract"), Text(contract))
    for name, said in _plan_rows(plan, leakage, language):
        grid.add_row(words.get(name, name), Text(said))
    screen.print(grid)
    table = Table(title=words["title"], header_style="bold", title_justify="left")
    for column in ("who", "what", "bound"):
        table.add_column(words[column], overflow="fold")
    for line in leakage.statements:
        said = line.text if language is Language.EN else line.text_zh
        bound = line.bound_zh if _zh(language) and line.bound_zh else line.bound
        table.add_row(words[line.party], Text(said), Text(f"{bound}{_amount(line.amount, words)}"))
    screen.print(table)


def print_explanation(found: "Explanation", language: Language, *, known: bool) -> None:
    """Print what stands against an ask, what would do, and what the labels demand.

    The plan comes along, unless it is that of a contract and `known`: of what was asked for, or
    else of the narrowest that would do.
    """
    words = _WORDS[language]
    asked, less = found.asked.proposal, found.narrowest.proposal
    if asked is not None and not known:
        print_plan("", asked.plan, asked.leakage, language)
    if found.asked.refusals:
        _print_refusals(words["refused"], found.asked.refusals, words)
    if found.narrowings:
        rows = [
            (each.clause, each.asked, each.narrowest, each.why_zh if _zh(language) else each.why)
            for each in found.narrowings
        ]
        heads = [words[name] for name in ("clause", "asked", "narrowest", "why")]
        _print_table(words["narrowing"], heads, rows)
    elif not found.asked.refusals:
        console().print(words["enough"])
    if found.narrowings and found.narrowest.refusals:
        _print_refusals(words["still"], found.narrowest.refusals, words)
    if found.demands:
        demands = [(each.clause, each.value, each.because) for each in found.demands]
        heads = [words[name] for name in ("clause", "value", "because")]
        _print_table(words["demands"], heads, demands)
    if asked is None and less is not None:
        print_plan("", less.plan, less.leakage, language, narrowest=True)


def _asked_by(column: "SubjectColumn") -> str:
    return column.name if column.form == "exact" else f"{column.name} ({column.form})"


def _plan_rows(plan: "Plan", leakage: "Leakage", language: Language) -> "Iterator[tuple[str, str]]":
    words, chinese = _WORDS[language], _zh(language)
    read = ", ".join(plan.columns_read) or words["no other"]
    yield "reads", f"{read} ({plan.table})"
    if plan.rows is not None:
        labels = (f"{each.column} {each.category}:{each.level}" for each in plan.rows.labels)
        yield "labels", ", ".join(labels)
        yield "rows", words["consented" if plan.rows.consent else "all rows"]
    yield "asked by", ", ".join(map(_asked_by, plan.subject_columns))
    if plan.match:
        yield "matched by", ", ".join(plan.match)
    if plan.release is None:
        yield "releases", words["unit bits"].format(unit=plan.bits_per_unit)
    else:
        spec = plan.release
        numbers = {"run": spec.bits_per_run, "all": spec.bits_in_all}
        yield "releases", words["bit count"].format(unit=plan.bits_per_unit, **numbers)
    yield from (("", f"{output.name}: {output.text}") for output in plan.outputs)
    if plan.group:
        yield "group", words["at least"].format(plan.group)
    if plan.budget:
        yield "budget", words["at most"].format(plan.budget)
    leaves = words["leave"] if leakage.ciphertext_leaves else words["stay"]
    yield "protocol", f"{plan.protocol}: {leaves}"
    yield "holds", plan.threat_model_zh if chinese and plan.threat_model_zh else plan.threat_model
    yield "kept", plan.retention_zh if chinese and plan.retention_zh else plan.retention


def _amount(amount: "Amount | None", words: dict[str, str]) -> str:
    """Return how much is learnt in numbers, in brackets; nothing where it is not measured."""
    if amount is None:
        return ""
    measure = words[amount.measure]
    if amount.most is None:
        return f" ({words['each row'].format(amount.each, measure)})"
    return f" ({words['in all'].format(amount.most, measure)})"


def _print_refusals(title: str, refusals: "Iterable[ClauseRefusal]", words: dict[str, str]) -> None:
    rows = [(each.clause, each.message, each.remedy) for each in refusals]
    _print_table(title, [words[name] for name in ("clause", "why", "remedy")], rows)


def _print_table(title: str, columns: "Iterable[str]", rows: "Iterable[Iterable[str]]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, header_style="bold", title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def _zh(language: Language) -> bool:
    return language is Language.ZH
