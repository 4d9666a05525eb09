"""The approval form: says every clause, escapes every text, asks for nothing, fits one page."""

import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.evidence.matching import Matched
from tests.evidence.test_exports import open_terms, plain_terms, whole_terms

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.clauses import Billing, Payee
from unseen.evidence.contracts.leakage import Statement
from unseen.evidence.contracts.plan import Output
from unseen.evidence.exports.form import FormData, Language, approval_form

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
TERMS: dict[str, Callable[[Any], Any]] = {
    "whole": whole_terms,
    "plain": plain_terms,
    "open": open_terms,
}
HOSTILE = '<img src=x onerror="alert(1)">\'&{units}'


class Reader(HTMLParser):
    """Collects tags, attributes and visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._depth = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def form(world: Any, clauses: str = "whole", language: Any = "both", **changes: Any) -> str:
    terms, plan, leakage = TERMS[clauses](world)
    fields: dict[str, Any] = {
        "terms": terms,
        "plan": plan,
        "leakage": leakage,
        "state": "proposed",
        "signed": frozenset({"operator"}),
        "names": {terms.operator: "Registry of Example", terms.buyer: "示范银行"},
    }
    return approval_form(FormData(**fields | changes), language)


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("clauses", TERMS)
def test_says_who_what_why_how_much_and_what_leaks(world: Any, clauses: str, language: str) -> None:
    terms, plan, leakage = TERMS[clauses](world)
    text = Reader(form(world, clauses, language)).text
    wanted = [
        *(terms.operator, terms.node, terms.buyer, terms.product, terms.scenario),
        *(terms.holder, terms.approver, terms.regulator, terms.order, terms.region),
        *terms.declarations,
        *(f"{output.name}: {output.text}" for output in plan.outputs),
        *(plan.table, plan.protocol, ", ".join(plan.columns_read), "0.05 CNY", "1,000"),
        *(b64encode(terms.id()), "2026-11-21T05:30:00Z", "Registry of Example"),
        *map(b64encode, (*terms.mandates, terms.template, terms.rules)),
        f"unseen contract explain {b64encode(terms.id())}",
        *(b64encode(plan.digest(world.suite)), b64encode(leakage.digest(world.suite))),
    ]
    for line in leakage.statements:
        wanted += [line.text] if language == "en" else [line.text_zh]
        wanted += [line.text, line.text_zh] if language == "both" else []
    for each in wanted:
        assert each in text, each
    assert ("数据合约审批单" in text) == (language != "en")
    assert ("Contract approval form" in text) == (language != "zh")


def test_says_by_what_a_match_goes_and_in_which_forms(world: Any) -> None:
    own = Matched(world)
    text = Reader(form(world, terms=own.terms, plan=own.plan)).text
    assert "name (name), number (cn_id), birth (date)" in text
    for words in ("匹配标识", "matched by"):
        assert words in text
        assert words not in Reader(form(world)).text


def test_asks_for_nothing_from_outside(world: Any) -> None:
    page = form(world)
    read = Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "svg", "base", "form"} & set(read.tags)
    harmless = {"lang", "charset", "http-equiv", "content", "class"}
    assert {name for name, _ in read.attributes} <= harmless
    assert "default-src 'none'" in page
    for outside in ("http:", "https:", "url(", "@import", "@font-face", "//"):
        assert outside not in page


def test_escapes_whatever_a_party_wrote(intl: Any) -> None:
    line = Statement(party="buyer", what="x", text=HOSTILE, text_zh=HOSTILE, bound=HOSTILE)
    output = Output(name="o", text=HOSTILE, expression_digest=bytes(32))
    payee = Payee(line="data_fee", name=HOSTILE[:60], key="A" * 43, share=10_000)
    plan = intl.plan(outputs=(output,), threat_model=HOSTILE, retention=HOSTILE)
    uncapped = Billing(unit="evaluation", payees=(payee,))
    terms = intl.terms(declarations=(HOSTILE,), billing=uncapped)
    for language in get_args(Language):
        page = form(
            intl,
            language=language,
            terms=terms,
            plan=plan,
            leakage=intl.leakage(statements=(line,)),
            names={terms.buyer: HOSTILE},
            state=HOSTILE,
        )
        read = Reader(page)
        assert "img" not in read.tags
        assert not {"onerror", "src"} & {name for name, _ in read.attributes}
        assert "<img" not in page
        assert read.text.count(HOSTILE) >= 6


@pytest.mark.parametrize(
    ("unit", "chinese"), [("evaluation", "求值"), ("request", "请求"), ("hit", "命中")]
)
def test_says_what_is_billed_in_words(intl: Any, unit: Any, chinese: str) -> None:
    payee = Payee(line="data_fee", name="office", key="A" * 43, share=10_000)
    kind = ("lookup", "oprf_table") if unit == "evaluation" else ("verify", "clear")
    billing = Billing(unit=unit, free_units=3, payees=(payee,))
    terms = intl.terms(billing=billing, kind=kind[0], protocol=kind[1])
    text = Reader(form(intl, terms=terms)).text
    assert f"按{chinese}计费" in text
    assert f"per {unit}, the first 3 free" in text
    assert "office 100 % (数据费 data fee)" in text


def test_shows_who_has_signed(world: Any) -> None:
    text = Reader(form(world, language="en")).text
    assert text.count("not yet") == 3
    signed = Reader(form(world, language="en", signed=frozenset(("operator", "buyer")))).text
    assert signed.count("not yet") == 2
    assert "state: proposed" in text


def test_more_to_say_is_written_smaller(intl: Any) -> None:
    def size(count: int) -> float:
        outputs = tuple(
            Output(name=f"o{n}", text="a question in words", expression_digest=bytes(32))
            for n in range(count)
        )
        page = form(intl, "plain", plan=intl.plan(outputs=outputs))
        found = re.search(r"font-size: ([0-9.]+)pt", page)
        assert found
        return float(found[1])

    sizes = [size(count) for count in (1, 30, 60, 90, 128)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] >= 5


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("clauses", "language"), [("whole", "both"), ("plain", "zh"), ("open", "en")]
)
def test_prints_on_one_page_of_a4(intl: Any, tmp_path: Path, clauses: str, language: str) -> None:
    page, printed = tmp_path / "form.html", tmp_path / "form.pdf"
    page.write_text(form(intl, clauses, language), encoding="utf-8")
    subprocess.run(
        [
            *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu"),
            *("--no-pdf-header-footer", f"--print-to-pdf={printed}", page.as_uri()),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = printed.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", found)) == 1
    (box,) = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", found)
    assert [round(float(size)) for size in box] == [595, 842]
