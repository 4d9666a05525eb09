"""What `unseen intersect --output` writes: a file that names the found items as they were asked."""

from pathlib import Path

from unseen.cli.commands.intersect import intersected_json
from unseen.cli.subject_files import subjects_in
from unseen.client.queries.intersected import Intersected
from unseen.client.subjects import subject_texts, subject_values
from unseen.protocols.lookup.subject import SubjectColumn

PLAN = (SubjectColumn("name", "string"), SubjectColumn("year", "integer"))
FOUND = Intersected(
    contract="c",
    output="items",
    columns=("name", "year"),
    items=(("Ada", "1990"), ("Bo, jr", "1991"), ("Cy", "1992")),
    rho="",
    request_id="0" * 32,
    receipt_path=Path("r"),
    present=(True, True, False),
)


def test_values_stand_under_their_own_columns(tmp_path: Path) -> None:
    """Items are in the plan's order of columns, whatever order the asked file had."""
    asked, output = tmp_path / "items.csv", tmp_path / "found.csv"
    asked.write_text('year,name\n1990,Ada\n1991,"Bo, jr"\n1992,Cy\n', encoding="utf-8")
    texts = tuple(subject_texts(subject_values(PLAN, each)) for each in subjects_in(asked))
    assert texts == FOUND.items
    assert FOUND.rows().write(output) == 2
    assert subjects_in(output) == subjects_in(asked)[:2]
    assert intersected_json(FOUND)["columns"] == ["name", "year"]
