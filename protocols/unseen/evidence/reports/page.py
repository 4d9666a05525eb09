"""A report as people read it: Markdown, or HTML that prints well; in English or Chinese.

The bytes follow from the report and the language alone. Nothing here decides what is said.
"""

from dataclasses import dataclass
from html import escape
from typing import Literal, TypeAlias

Language = Literal["en", "zh"]
Row: TypeAlias = tuple[str, ...]
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "th,td{border:1px solid #999;padding:.3rem .5rem;text-align:left;overflow-wrap:anywhere}"
    "th{background:#eee}@media print{body{margin:0}h2{break-after:avoid}tr{break-inside:avoid}}"
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: names of its columns, and rows of as many cells."""

    columns: Row
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: title, paragraphs, and a table or none."""

    title: str
    paragraphs: tuple[str, ...]
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A report laid out. `language` is that of its texts."""

    language: Language
    title: str
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        """Return the page as Markdown (CommonMark with tables)."""
        lines = [f"# {_plain(self.title)}", ""]
        for section in self.sections:
            lines += [f"## {_plain(section.title)}", ""]
            for paragraph in section.paragraphs:
                lines += [_plain(paragraph), ""]
            if section.table is not None:
                lines += [*_rows(section.table), ""]
        return "\n".join(lines)

    def html(self) -> str:
        """Return the page as one HTML document that asks nobody for anything."""
        parts = [f"<h1>{escape(self.title)}</h1>"]
        for section in self.sections:
            parts.append(f"<h2>{escape(section.title)}</h2>")
            parts += [f"<p>{escape(paragraph)}</p>" for paragraph in section.paragraphs]
            if section.table is not None:
                parts.append(_html_table(section.table))
        language = {"en": "en", "zh": "zh-CN"}[self.language]
        return (
            f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
            + "\n".join(parts)
            + "\n</body></html>\n"
        )


def _rows(table: Table) -> list[str]:
    rows = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    return [f"| {' | '.join(map(_plain, row))} |" for row in rows]


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n"
        for row in table.rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _plain(text: str) -> str:
    """Return text that Markdown takes as it stands: names come from elsewhere."""
    special = "\\`*_{}[]<>#|!"
    return "".join(f"\\{letter}" if letter in special else letter for letter in text)
