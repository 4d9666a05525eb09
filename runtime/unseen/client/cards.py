"""Objects that read well: one card in a terminal, the same as a table in a notebook."""

from collections.abc import Iterator
from html import escape

Row = tuple[str, object]


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
        rows = [(name, text(value)) for name, value in self._rows()]
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"  {name:<{width}}  {value}" for name, value in rows]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self) -> str:
        pairs = ((escape(name), escape(text(value))) for name, value in self._rows())
        rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in pairs)
        return f"<table><caption>{escape(self._title())}</caption>{rows}</table>"


def text(value: object) -> str:
    """Return `value` as people read it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case tuple() | list() | frozenset():
            return ", ".join(text(item) for item in value) or "-"
    return str(value)
