"""Cards: lines in a terminal, a table in a notebook, and nothing in it but text."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from unseen.client.cards import Card, Row, Said

HOSTILE = '<script>alert("x")</script>&amp;\'"><img src=x onerror=alert(1)>'
ALLOWED = {"table", "caption", "tr", "th", "td", "br"}


class Shown(Card):
    """A card of given rows."""

    def __init__(self, title: str, *rows: Row) -> None:
        self.title, self.rows = title, rows

    def _title(self) -> str:
        return self.title

    def _rows(self) -> Iterator[Row]:
        yield from self.rows


class Parsed(HTMLParser):
    """Every tag, attribute and text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_card_reads_well_in_a_terminal() -> None:
    card = Shown("Contract x", ("state", "active"), ("quota", "7"))
    assert repr(card) == "Contract x\n  state  active\n  quota  7"
    chinese = {"Contract x": "合约 x", "state": "状态", "quota": "剩余用量"}
    lines = card.in_words(chinese.__getitem__).splitlines()
    assert lines == ["合约 x", "  状态      active", "  剩余用量  7"]
    assert repr(Shown("Empty")) == "Empty"


def test_a_sentence_is_said_and_what_stands_in_it_is_not() -> None:
    chinese = {"left {} of {}": "余 {}，共 {}", "a unit": "行", "now": "现在"}
    inner = Said("rows", key="a unit")
    card = Shown("x", ("left", Said("left {} of {}", "now {0}", inner)), ("both", [inner, "now"]))
    assert repr(card) == "x\n  left  left now {0} of rows\n  both  rows, now"

    def say(word: str) -> str:
        return chinese.get(word, word)

    assert card.in_words(say) == "x\n  left  余 now {0}，共 行\n  both  行, now"
    assert "left now {0} of rows" in card._repr_html_()


@pytest.mark.parametrize("hostile", [HOSTILE, "</td></tr></table><h1>x", "\"onclick='x'", "&lt;"])
def test_what_parties_write_stays_text(hostile: str) -> None:
    card = Shown(hostile, (hostile, hostile), ("list", tuple([hostile] * 9)), ("empty", ""))
    html = card._repr_html_()
    found = Parsed(html)
    assert set(found.tags) <= ALLOWED
    assert {name for name, _ in found.attributes} == {"style"}
    assert "url(" not in html
    assert "".join(found.texts).count(hostile) == 3 + 9


def test_long_lists_stand_line_by_line() -> None:
    short = Shown("x", ("list", ("a", "b")))._repr_html_()
    assert "<br>" not in short
    assert "a, b" in short
    long = Shown("x", ("list", [f"number {number}" for number in range(20)]))._repr_html_()
    assert long.count("<br>") == 19


def test_a_table_is_whole() -> None:
    html = Shown("Contract x", ("state", "active"), ("quota", "7"))._repr_html_()
    found = Parsed(html)
    assert found.tags == ["table", "caption", "tr", "th", "td", "tr", "th", "td"]
    assert found.texts == ["Contract x", "state", "active", "quota", "7"]
    assert re.search(r"<caption style=[^>]*>Contract x</caption>", html)
