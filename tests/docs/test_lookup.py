"""The sizes that the page on hidden lookup states are those that a node would choose."""

import re
from pathlib import Path

from unseen.node.contracts.builder import LEAST_WIDTH
from unseen.node.kinds.lookup_plan import PASSES
from unseen.protocols.lookup.lwe_pir.choice import choose, least_width
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.oprf_table import TAG_BYTES

PAGE = (Path(__file__).parents[2] / "docs/lookup.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| 10\^(\d) \| ([\d,]+) \| 2\^\d+, .*\|$", re.MULTILINE)


def shape_of(rows: int, units: int) -> Shape:
    least = least_width(PASSES * units) or LEAST_WIDTH
    return choose(rows, 1, units, least=max(least, LEAST_WIDTH))


def test_the_table_of_sizes_is_what_a_node_would_build() -> None:
    found = list(ROW.finditer(PAGE))
    assert len(found) == 6
    for row in found:
        rows, units = 10 ** int(row[1]), int(row[2].replace(",", ""))
        shape = shape_of(rows, units)
        hint = shape.hint_row_bytes * shape.blocks
        up, down = shape.query_bytes / 1e3, shape.answer_bytes / 1e3
        sent = rows * (TAG_BYTES + 1)
        expected = (
            f"| 10^{row[1]} | {units:,} | 2^{shape.width.bit_length() - 1}, {shape.blocks:,} "
            f"| {hint / 1e6:.1f} MB | {up:.0f}, {down:.1f} kB | {sent / 1e6:,.0f} MB |"
        )
        assert row[0] == expected
