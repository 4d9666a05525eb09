"""The approval form (审批单) of a contract: one page of HTML to read, sign and file.

It says who, what, what for, how much and at what price, what is read and released, who learns what
besides, who has signed, and the hash that was signed. Self-contained: no script, no font, image or
style from outside, and a policy that forbids any. Whatever a party has written is escaped.

The form is a rendering. What is signed is the contract's id, the hash of its terms; a form with
another text beside the same id is worth nothing, so check the id: `unseen contract show`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.contracts.clauses import LINES, BillingUnit
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.suite import suite_of
from unseen.protocols.lookup.subject import SubjectColumn

Language = Literal["en", "zh", "both"]

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Contract approval form", "数据合约审批单"),
    "state": ("state", "状态"),
    "parties": ("Parties", "各方"),
    "operator": ("operator", "运营方"),
    "node": ("node", "节点"),
    "buyer": ("buyer", "购买方"),
    "holder": ("data holder", "数据持有方"),
    "approver": ("second approver", "数据主管部门"),
    "regulator": ("regulator", "监管方"),
    "network": ("the network", "网络"),
    "auditor": ("who reads the log", "存证日志的查阅方"),
    "subject": ("Subject matter", "合约事项"),
    "product": ("product", "数据产品"),
    "scenario": ("scenario", "应用场景"),
    "kind": ("job kind", "作业类型"),
    "outputs": ("answers", "交付内容"),
    "quota": ("quota", "用量"),
    "units": ("{units} units, {rate} a minute", "{units} 个计量单位，每分钟 {rate}"),
    "period": ("period", "期限"),
    "price": ("price of a unit", "单价"),
    "data_fee": ("data fee", "数据费"),
    "service_fee": ("service fee", "服务费"),
    "billing": ("billing", "计费"),
    "billed": ("per {unit}, the first {free} free", "按{unit_zh}计费，前 {free} 个免费"),
    "cap": ("{cap} at most", "最高 {cap}"),
    "order": ("exchange order", "交易订单号"),
    "region": ("region", "使用地域"),
    "consent": ("consent", "主体授权"),
    "consented": (
        "only with consent to {scenario}; withdrawals count within {seconds} s",
        "仅限对“{scenario}”的授权；撤回在 {seconds} 秒内生效",
    ),
    "openings": ("openings", "依令公开"),
    "opened": ("hidden queries may be opened on a lawful order", "匿踪查询可依法律命令公开"),
    "declarations": ("declarations", "声明"),
    "plan": ("Least execution plan", "最小执行计划"),
    "table": ("table", "数据资源"),
    "reads": ("columns read", "读取列"),
    "asked": ("asked by", "查询条件"),
    "matched": ("matched by", "匹配标识"),
    "bits": ("released", "交付上限"),
    "bit count": (
        "{unit} bits for each unit, {all} in all",
        "每个计量单位 {unit} 比特，总计 {all} 比特",
    ),
    "group": ("smallest group", "最小分组"),
    "budget": ("epsilon", "隐私预算 ε"),
    "protocol": ("protocol", "协议"),
    "leave": ("encrypted rows leave", "加密后的行出域"),
    "stay": ("no row leaves, not even encrypted", "任何行都不出域，密文也不出域"),
    "holds": ("holds if", "成立条件"),
    "kept": ("kept", "留存"),
    "leakage": (
        "Leakage statement: what is learnt besides the answers",
        "泄露声明：结果之外谁会得知什么",
    ),
    "who": ("who", "谁"),
    "learns": ("learns", "得知"),
    "most": ("at most", "上限"),
    "signatures": ("Approvals and signatures", "审批与签字"),
    "role": ("role", "角色"),
    "party": ("party and key", "单位与密钥"),
    "signed": ("signed electronically", "电子签名"),
    "yes": ("yes", "已签"),
    "no": ("not yet", "未签"),
    "hand": ("name, date, stamp", "签字、日期、盖章"),
    "hashes": ("Hashes", "哈希"),
    "contract": ("contract id, the hash of the signed terms", "合约编号，即所签条款的哈希"),
    "plan hash": ("hash of the plan", "计划哈希"),
    "leakage hash": ("hash of the leakage statement", "泄露声明哈希"),
    "template": ("template that it follows", "所依据的场景模板"),
    "mandates": ("mandates that permit it", "所依据的授权运营协议"),
    "rules": ("rule file it was compiled under", "编译所依据的规则文件"),
    "check": (
        "What is signed is the contract id. Before you sign, compare this page with:",
        "所签署的是合约编号。签署前请与下列命令所示核对：",
    ),
}

_UNITS_ZH: Mapping[BillingUnit, str] = {"evaluation": "求值", "request": "请求", "hit": "命中"}

# Letters by how much there is to say, so that it stays one page of A4 (measured with Chromium).
_SIZES = (
    (3_300, "9pt"),
    (4_100, "8.2pt"),
    (4_900, "7.4pt"),
    (5_700, "6.9pt"),
    (6_800, "6.3pt"),
    (8_500, "5.6pt"),
)
_SMALLEST = "5pt"
_TAG = re.compile(r"<[^>]*>")
_ROW_PLACES, _HAND_PLACES = 45, 60

_STYLE = """
@page { size: A4; margin: 9mm }
* { box-sizing: border-box }
body { font-family: system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
  font-size: SIZE; line-height: 1.28; color: #111; max-width: 192mm; margin: 0 auto }
h1 { font-size: 1.75em; margin: 0 0 .2em; text-align: center }
h2 { font-size: 1.08em; margin: .6em 0 .15em; border-bottom: 1px solid #444 }
table { width: 100%; border-collapse: collapse }
th, td { border: 1px solid #999; padding: .12em .4em; text-align: left; vertical-align: top;
  overflow-wrap: anywhere }
th { background: #f2f2f2; font-weight: 600; width: 19% }
thead th { width: auto }
td.hand { height: 3.4em; width: 27% }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em }
.en { color: #444 }
p { margin: .25em 0 0 }
@media screen { body { padding: 8mm; box-shadow: 0 0 4px #888 } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormData:
    """What a form is made of. `signed` are the roles whose signatures were verified."""

    terms: Terms
    plan: Plan
    leakage: Leakage
    state: str
    signed: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)  # of parties, by the names of their keys


def approval_form(data: FormData, language: Language = "both") -> str:
    """Return the form as a whole HTML document."""
    return _Form(data, language).document()


class _Form:
    def __init__(self, data: FormData, language: Language) -> None:
        self._data, self._language = data, language
        self._suite = suite_of(data.terms.suite)

    def document(self) -> str:
        identifier = b64encode(self._data.terms.id())
        body = "".join((self._head(identifier), *self._sections(identifier)))
        title = _WORDS["title"][self._language != "en"]
        style = _STYLE.replace("SIZE", _size(body))
        language = "zh-CN" if self._language != "en" else "en"
        return (
            f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
            f"<title>{title} {escape(identifier[:12])}</title>\n"
            f"<style>{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
        )

    def _head(self, identifier: str) -> str:
        state = f"{self._say('state')}: {escape(self._data.state)}"
        return (
            f"<h1>{self._say('title')}</h1>\n<p><code>{escape(identifier)}</code> · {state}</p>\n"
        )

    def _sections(self, identifier: str) -> Iterator[str]:
        for title, rows in (
            ("parties", self._parties()),
            ("subject", self._subject()),
            ("plan", self._plan()),
        ):
            yield self._section(title, _rows(rows))
        yield self._section("leakage", self._leakage())
        yield self._section("signatures", self._signatures())
        yield self._section("hashes", _rows(self._hashes(identifier)))
        command = f"unseen contract explain {identifier}"
        yield f"<p>{self._say('check')} <code>{escape(command)}</code></p>\n"

    def _section(self, title: str, table: str) -> str:
        return f"<h2>{self._say(title)}</h2>\n<table>{table}</table>\n"

    def _parties(self) -> Iterator[tuple[str, str]]:
        for role in ("operator", "node", "buyer", "holder", "approver", "regulator"):
            key = getattr(self._data.terms, role)
            if key:
                yield self._say(role), self._party(key)

    def _subject(self) -> Iterator[tuple[str, str]]:
        terms = self._data.terms
        yield self._say("product"), escape(f"{terms.product} ({terms.kind})")
        yield self._say("scenario"), escape(terms.scenario)
        outputs = (f"{output.name}: {output.text}" for output in self._data.plan.outputs)
        yield self._say("outputs"), escape("; ".join(outputs))
        quota = {"units": f"{terms.quota.units:,}", "rate": f"{terms.quota.per_minute:,}"}
        yield self._say("quota"), self._say("units", **quota)
        period = f"{format_time(terms.period.start)} – {format_time(terms.period.until)}"
        yield self._say("period"), escape(period)
        yield self._say("price"), self._price()
        yield from self._agreed()

    def _price(self) -> str:
        prices = self._data.terms.prices
        fees = (
            f"{self._say(line)} {_money(getattr(prices, line))} {escape(prices.currency)}"
            for line in LINES
        )
        return " + ".join(fees)

    def _agreed(self) -> Iterator[tuple[str, str]]:
        """Yield the clauses that stand in a contract only where they were agreed."""
        terms = self._data.terms
        if terms.billing is not None:
            unit, free = terms.billing.unit, f"{terms.billing.free_units:,}"
            billed = self._say("billed", unit=unit, unit_zh=_UNITS_ZH[unit], free=free)
            if terms.billing.cap:
                cap = f"{_money(terms.billing.cap)} {terms.prices.currency}"
                billed = f"{billed}; {self._say('cap', cap=cap)}"
            shares = (
                f"{escape(p.name)} {p.share / 100:g} % ({self._say(p.line)})"
                for p in terms.billing.payees
            )
            yield self._say("billing"), "; ".join([billed, *shares])
        for name in ("order", "region"):
            if value := getattr(terms, name):
                yield self._say(name), escape(value)
        if terms.consent is not None:
            rule = {"scenario": terms.consent.scenario, "seconds": terms.consent.latency_seconds}
            yield self._say("consent"), self._say("consented", **rule)
        if terms.openings:
            yield self._say("openings"), self._say("opened")
        if terms.declarations:
            yield self._say("declarations"), escape(" / ".join(terms.declarations))

    def _plan(self) -> Iterator[tuple[str, str]]:
        plan = self._data.plan
        yield self._say("table"), escape(plan.table)
        yield self._say("reads"), escape(", ".join(plan.columns_read))
        yield self._say("asked"), escape(", ".join(map(_asked_by, plan.subject_columns)))
        if plan.match:
            yield self._say("matched"), escape(", ".join(plan.match))
        in_all = plan.bits_per_unit * self._data.terms.quota.units
        if plan.release is not None:
            in_all = plan.release.bits_in_all
        counts = {"unit": f"{plan.bits_per_unit:,}", "all": f"{in_all:,}"}
        yield self._say("bits"), self._say("bit count", **counts)
        if plan.group:
            yield self._say("group"), f"{plan.group:,}"
        if plan.budget:
            yield self._say("budget"), escape(plan.budget)
        leaves = self._say("leave" if self._data.leakage.ciphertext_leaves else "stay")
        yield self._say("protocol"), f"{escape(plan.protocol)}: {leaves}"
        yield self._say("holds"), self._both(plan.threat_model, plan.threat_model_zh)
        yield self._say("kept"), self._both(plan.retention, plan.retention_zh)

    def _leakage(self) -> str:
        heads = "".join(f"<th>{self._say(name)}</th>" for name in ("who", "learns", "most"))
        lines = "".join(
            f"<tr><td>{self._say(line.party)}</td>"
            f"<td>{self._both(line.text, line.text_zh)}</td>"
            f"<td>{self._both(line.bound, line.bound_zh)}</td></tr>\n"
            for line in self._data.leakage.statements
        )
        return f"<thead><tr>{heads}</tr></thead>\n<tbody>{lines}</tbody>"

    def _signatures(self) -> str:
        names = ("role", "party", "signed", "hand")
        heads = "".join(f"<th>{self._say(name)}</th>" for name in names)
        rows = "".join(
            f"<tr><td>{self._say(role)}</td><td>{self._party(getattr(self._data.terms, role))}</td>"
            f"<td>{self._say('yes' if role in self._data.signed else 'no')}</td>"
            '<td class="hand"></td></tr>\n'
            for role in self._data.terms.approvals
        )
        return f"<thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody>"

    def _hashes(self, identifier: str) -> Iterator[tuple[str, str]]:
        data, suite = self._data, self._suite
        for name, value in (
            ("contract", identifier),
            ("plan hash", b64encode(data.plan.digest(suite))),
            ("leakage hash", b64encode(data.leakage.digest(suite))),
        ):
            yield self._say(name), f"<code>{escape(value)}</code> ({escape(suite.id)})"
        terms = data.terms
        if terms.template:
            yield self._say("template"), f"<code>{escape(b64encode(terms.template))}</code>"
        if terms.mandates:
            named = (f"<code>{escape(b64encode(mandate))}</code>" for mandate in terms.mandates)
            yield self._say("mandates"), " ".join(named)
        if terms.rules:
            yield self._say("rules"), f"<code>{escape(b64encode(terms.rules))}</code>"

    def _party(self, key: str) -> str:
        name = self._data.names.get(key, "")
        shown = f"<b>{escape(name)}</b> " if name else ""
        return f"{shown}<code>{escape(key)}</code>"

    def _say(self, word: str, **values: object) -> str:
        """Return fixed words in the form's languages; `values` are escaped."""
        english, chinese = (text.format(**values) for text in _WORDS[word])
        return self._both(english, chinese)

    def _both(self, english: str, chinese: str) -> str:
        """Return a text in the form's languages, escaped; English where there is no Chinese."""
        if self._language == "en" or not chinese:
            return escape(english)
        if self._language == "zh":
            return escape(chinese)
        return f'{escape(chinese)} <span class="en" lang="en">{escape(english)}</span>'


def _asked_by(column: SubjectColumn) -> str:
    """Return the name of a subject's column, and in which form its values are compared."""
    return column.name if column.form == "exact" else f"{column.name} ({column.form})"


def _rows(rows: Iterator[tuple[str, str]]) -> str:
    return "".join(f"<tr><th>{name}</th><td>{value}</td></tr>\n" for name, value in rows)


def _money(millionths: int) -> str:
    whole, rest = divmod(millionths, 1_000_000)
    digits = f"{rest:06d}".rstrip("0")
    return f"{whole:,}.{digits}" if digits else f"{whole:,}"


def _size(body: str) -> str:
    """Return the size of letters in which `body` takes a page; a Chinese one takes two places."""
    places = sum(1 if letter.isascii() else 2 for letter in _TAG.sub("", body))
    places += _ROW_PLACES * body.count("<tr>") + _HAND_PLACES * body.count('class="hand"')
    return next((size for most, size in _SIZES if places <= most), _SMALLEST)
