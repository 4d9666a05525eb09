"""Objects that read well: one card in a terminal, the same as a table in a notebook."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape

Say = Callable[[str], str]
"""What says a word or a sentence of ours in the present language."""

Row = tuple[str, object]

_CAPTION = "caption-side: top; text-align: left; font-weight: bold"
_NAME = "text-align: left; vertical-align: top; font-weight: normal; opacity: .7"
_VALUE = "text-align: left; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere"
_HEAD = "text-align: left; vertical-align: bottom"
_NUMBER = "text-align: right; vertical-align: top"
_LONG = 72


class Said:
    """A sentence of ours with words in it that stay as they are: a value that has a translation.

    `sentence` has a `{}` for each of the words, which may be sentences themselves. Where another
    sentence reads the same and is meant otherwise, `key` is what it is translated by.
    """

    __slots__ = ("_key", "_sentence", "_words")

    def __init__(self, sentence: str, *words: object, key: str = "") -> None:
        """Take what is said in English, and what stands in it."""
        self._sentence, self._words, self._key = sentence, words, key or sentence

    def __str__(self) -> str:
        """Return it in English."""
        return self.in_words(str)

    def in_words(self, say: Say) -> str:
        """Return it as `say` says the sentence."""
        said = say(self._key)
        found = self._sentence if said == self._key else said
        return found.format(*(text(word, say) for word in self._words))


class Card:
    """Gives a frozen dataclass a readable `repr` and `_repr_html_` from `_title` and `_rows`.

    `_rows` names what is worth reading; secrets and protobuf never are.
    """

    __slots__ = ()

    def _title(self) -> str:
        raise NotImplementedError

    def _rows(self) -> Iterator[Row]:
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return the card as lines of text."""
        return self.in_words(str)

    def in_words(self, say: Say) -> str:
        """Return the card as lines of text, with title, names and sentences as `say` says them."""
        return in_lines(say(self._title()), self._rows(), say)

    def _repr_html_(self) -> str:
        """Return the card as a table for notebooks; whatever a party wrote is escaped."""
        rows = "".join(
            f'<tr><th style="{_NAME}">{escape(name)}</th>'
            f'<td style="{_VALUE}">{_lines(value)}</td></tr>'
            for name, value in self._rows()
        )
        caption = f'<caption style="{_CAPTION}">{escape(self._title())}</caption>'
        return f"<table>{caption}{rows}</table>"


class TableCard(Card):
    """A card with a table of its own between title and rows, of which `_keys` columns are text.

    `_head` and `_body` get what says a word of ours in the present language; what parties wrote
    stays as it is.
    """

    __slots__ = ()

    @property
    def _keys(self) -> int:
        raise NotImplementedError

    def _head(self, say: Say) -> tuple[str, ...]:
        raise NotImplementedError

    def _body(self, say: Say) -> Iterator[tuple[str, ...]]:
        raise NotImplementedError

    def in_words(self, say: Say) -> str:
        """Return the card as lines of text: title, table, rows."""
        title, *rest = in_lines(say(self._title()), self._rows(), say).splitlines()
        return "\n".join(
            [title, *in_columns([self._head(say), *self._body(say)], self._keys), *rest]
        )

    def _repr_html_(self) -> str:
        """Return title, table and rows as one table for notebooks; everything is escaped."""
        head = "".join(f'<th style="{_HEAD}">{escape(name)}</th>' for name in self._head(str))
        styles = [_NAME] * self._keys + [_NUMBER] * (len(self._head(str)) - self._keys)
        body = [
            "".join(
                f'<td style="{style}">{escape(cell)}</td>'
                for style, cell in zip(styles, line, strict=True)
            )
            for line in self._body(str)
        ]
        rows = [
            f'<th style="{_NAME}">{escape(name)}</th>'
            f'<td style="{_VALUE}" colspan="{max(len(styles) - 1, 1)}">{_lines(value)}</td>'
            for name, value in self._rows()
        ]
        caption = f'<caption style="{_CAPTION}">{escape(self._title())}</caption>'
        return (
            f"<table>{caption}{''.join(f'<tr>{row}</tr>' for row in (head, *body, *rows))}</table>"
        )


def in_columns(lines: Sequence[tuple[str, ...]], keys: int) -> list[str]:
    """Return lines of cells in columns: the first `keys` to the left, numbers to the right."""
    widths = [max(map(_places, column)) for column in zip(*lines, strict=True)]
    found = []
    for line in lines:
        cells = []
        for place, (cell, width) in enumerate(zip(line, widths, strict=True)):
            space = " " * (width - _places(cell))
            cells.append(cell + space if place < keys else space + cell)
        found.append(f"  {'  '.join(cells)}".rstrip())
    return found


def in_lines(title: str, rows: Iterable[Row], say: Say) -> str:
    """Return a title and rows as lines of text; names of rows and sentences as `say` says them."""
    said = [(say(name), text(value, say)) for name, value in rows]
    width = max((_places(name) for name, _ in said), default=0)
    return "\n".join(
        [title, *(f"  {name}{' ' * (width - _places(name))}  {value}" for name, value in said)]
    )


def _lines(value: object) -> str:
    """Return a value for a notebook: a long list line by line, everything escaped."""
    if isinstance(value, tuple | list) and len(text(value)) > _LONG:
        return "<br>".join(escape(text(item)) for item in value)
    return escape(text(value))


def _places(name: str) -> int:
    """Return how many places a name takes in a terminal; a Chinese letter takes two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in name)


def text(value: object, say: Say = str) -> str:
    """Return `value` as people read it, a sentence of ours as `say` says it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Said():
            return value.in_words(say)
        case tuple() | list() | frozenset():
            return ", ".join(text(item, say) for item in value) or "-"
    return str(value)
