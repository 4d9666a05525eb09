"""One call for which items a table has: the way is picked, and the answer is the same by each."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.promises.intersecting import contract, offer, subjects, there
from tests.promises.stage import LABELS, Stage, serving
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.cli.subject_files import subjects_in
from unseen.client.catalog import Predicate
from unseen.client.errors import ContractMissingError
from unseen.client.local.home import Home
from unseen.client.rows import Rows
from unseen.protocols.errors import InputInvalidError, SubjectInvalidError

ROWS = 200  # beside which 3 items are few, and 4 are not
PRESENT = (Predicate("present", "In the table?", "true"),)


@pytest.fixture(scope="module")
def stage(
    template: Stage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stage, dict[str, str]]]:
    """Return a serving stage, and the lender's contracts over one table by the way they go."""
    folder = tmp_path_factory.mktemp("table")
    source = folder / "many.csv"
    source.write_text("subject,note\n" + "".join(f"member {n},x\n" for n in range(ROWS)))
    with serving(template.copy(folder / "stage")) as found:
        found.register("many", source)
        offer(found, "many", "overlap")
        found.offer("known", "many", "lookup", PRESENT)
        terms: dict[str, Any] = {"product": "known", "units": 100}
        yield (
            found,
            {
                "ecdh_psi": contract(found, product="overlap", units=100),
                "oprf_table": contract(found, "present", **terms),
                "lwe_pir": contract(found, "present", way="lwe_pir", **terms),
            },
        )


def items(there: int, absent: int) -> list[str]:
    return [*(f"member {n}" for n in range(there)), *(f"nobody {n}" for n in range(absent))]


def used(stage: Stage, contracts: dict[str, str]) -> dict[str, int]:
    return {way: stage.lender.usage(each).units_used for way, each in contracts.items()}


def test_few_items_are_looked_up_and_more_are_intersected(
    stage: tuple[Stage, dict[str, str]],
) -> None:
    node, contracts = stage
    for asked, way in ((items(2, 1), "oprf_table"), (items(3, 1), "ecdh_psi")):
        before = used(node, contracts)
        found = node.lender.intersect_table("many", [*asked, asked[0]])
        assert (found.way, found.contract) == (way, contracts[way])
        assert there(found.found) == {each for each in asked if each.startswith("member")}
        assert [texts[0] for texts in found.items] == asked
        assert found.cost is not None
        assert found.cost.units == len(asked)
        assert found.cost.amount == len(asked) * (1_500_000 if way == "oprf_table" else 0)
        assert used(node, contracts) == before | {way: before[way] + len(asked)}
        assert "few" in str(found.why)
        assert way in repr(found)
        assert found.receipt_path.exists()


def test_every_way_says_the_same(stage: tuple[Stage, dict[str, str]]) -> None:
    node, contracts = stage
    asked = items(3, 3)
    said = [node.lender.intersect_table("many", asked, way=way) for way in contracts]
    assert [each.way for each in said] == [*contracts]
    for each in said:
        assert (each.items, each.present, each.columns, each.output) == (
            said[0].items,
            (True,) * 3 + (False,) * 3,
            ("subject",),
            "items",
        )
    again = node.lender.intersect_table("many", asked, way="lwe_pir")
    assert again.cost is not None
    assert again.cost.units == 0  # opened before, within the epoch
    assert again.present == said[0].present


def test_a_stronger_threat_model_leaves_hidden_lookups(
    stage: tuple[Stage, dict[str, str]],
) -> None:
    node, _ = stage
    found = node.lender.intersect_table("many", items(4, 4), threat_model="malicious-buyer")
    assert found.way == "oprf_table"
    assert "malicious-buyer" in str(found.why)


def test_what_no_contract_permits_is_refused_and_nothing_is_sent(
    stage: tuple[Stage, dict[str, str]],
) -> None:
    node, contracts = stage
    before = used(node, contracts)
    lender = node.lender
    cases: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: lender.intersect_table("people", ["x"]), "contract"),
        (lambda: lender.intersect_table("nowhere", ["x"]), "contract"),
        (lambda: node.rival.intersect_table("many", ["x"]), "contract"),
        (lambda: lender.intersect_table("many", ["x"], threat_model="malicious"), "threat_model"),
        (lambda: lender.intersect_table("many", items(0, 101), way="lwe_pir"), "quota.units"),
    )
    for call, clause in cases:
        with pytest.raises(ContractMissingError) as caught:
            call()
        assert caught.value.clause in {clause, "way"}
        assert caught.value.remedy
    with pytest.raises(InputInvalidError):
        lender.intersect_table("many", [])
    with pytest.raises(SubjectInvalidError):
        lender.intersect_table("many", ["a", ""])
    assert used(node, contracts) == before
    assert lender.unanswered() == []


def test_the_command_says_which_way_it_took_why_and_at_what_cost(
    stage: tuple[Stage, dict[str, str]], tmp_path: Path
) -> None:
    node, contracts = stage
    file, output = tmp_path / "items.csv", tmp_path / "found.csv"
    file.write_text("subject\nmember 7\nnobody 7\n")
    node.close_clients()
    home = str(Home(node.party_home("lender")).root)
    said = ["intersect", "--table", "many", "--file", str(file), "--home", home]
    done = CliRunner().invoke(app, [*said, "--output", str(output)])
    assert done.exit_code == 0, done.output
    for words in ("oprf_table", "2 items are few beside the table's rows", "3.00 CNY"):
        assert words in done.stdout
    assert output.read_text().split("\n") == ["subject", "member 7", ""]
    every = tmp_path / "every.parquet"
    done = CliRunner().invoke(app, [*said, "--output", str(every), "--every"])
    assert done.exit_code == 0, done.output
    assert subjects_in(every) == [
        {"subject": "member 7", "present": True},
        {"subject": "nobody 7", "present": False},
    ]
    chinese = CliRunner().invoke(app, [*said, "--lang", "zh"])
    assert "2 个条目相对该表的行数很少" in chinese.stdout
    done = CliRunner().invoke(app, [*said, "--way", "ecdh_psi", "--format", "json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["way"], found["why"], found["units"]) == ("ecdh_psi", "it was asked for", 2)
    assert found["found"] == [["member 7"]]
    for wrong in (
        ["intersect", "--file", str(file)],
        ["intersect", contracts["ecdh_psi"], "--table", "many", "--file", str(file)],
        ["intersect", contracts["ecdh_psi"], "--way", "lwe_pir", "--file", str(file)],
        [*said[:2], "people", *said[3:]],
    ):
        refused = CliRunner().invoke(app, [*wrong, "--home", home])
        assert refused.exit_code == 2, refused.output


def test_verdicts_are_written_as_arrow_and_read_again(
    stage: tuple[Stage, dict[str, str]], tmp_path: Path
) -> None:
    node, contracts = stage
    file, output = tmp_path / "items.arrow", tmp_path / "verdicts.arrow"
    Rows((("subject", "string"),), [("member 9",), ("nobody 9",)]).write(file)
    node.close_clients()
    home = str(Home(node.party_home("lender")).root)
    said = ["lookup", contracts["oprf_table"], "--file", str(file), "--home", home]
    done = CliRunner().invoke(app, [*said, "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert f"2 of them: {output}" in done.stderr
    found = [{**each} for each in subjects_in(output) if isinstance(each, Mapping)]
    assert [each["subject"] for each in found] == ["member 9", "nobody 9"]
    assert [each["present"] for each in found] == ["yes", "no_usable_result"]
    assert [each["found"] for each in found] == [True, False]
    assert [each["position"] for each in found] == [0, 1]
    with node.client("lender") as lender:
        before = lender.usage(contracts["oprf_table"])
    node.close_clients()
    file.unlink()
    Rows((("subject", "string"),), [("nobody 10",)]).write(file)
    for wrong in (tmp_path / "no" / "v.csv", tmp_path):
        refused = CliRunner().invoke(app, [*said, "--output", str(wrong), "--format", "json"])
        assert refused.exit_code == 2
        assert json.loads(refused.stderr.splitlines()[-1])["clause"] == "file"
    assert node.lender.usage(contracts["oprf_table"]) == before  # refused before it was paid for


def test_a_match_says_who_is_there_whole(
    stage: tuple[Stage, dict[str, str]], tmp_path: Path
) -> None:
    """Items have two columns, in the forms of the product; an id alone is not the item."""
    node, _ = stage
    source = tmp_path / "named.csv"
    source.write_text("number,name\n" + "".join(f"{n},Ada {n}\n" for n in range(9)))
    node.operator.register_table("named", str(source), subject=["number", "name"], labels=LABELS)
    node.operator.register_product(
        "same",
        table="named",
        kind="lookup",
        title="Do name and number agree?",
        match=["number"],
        canonical={"name": "name"},
    )
    contract(node, "match", product="same", units=10)
    asked: list[Any] = [
        {"name": "ADA  3", "number": 3},
        {"name": "Bo", "number": 4},
        {"name": "Ada 9", "number": 9},
        {"number": 3, "name": "ada 3"},
    ]
    found = node.lender.intersect_table("named", asked)
    assert found.columns == ("number", "name")
    assert found.items == (("3", "ada 3"), ("4", "bo"), ("9", "ada 9"))
    assert found.present == (True, False, False)
    assert str(found.why) == "there is no contract of another kind over the table"
    assert [tuple(cells) for cells in found.rows().cells] == [(3, "ada 3")]


def test_a_table_that_one_may_not_intersect_is_not_asked(
    stage: tuple[Stage, dict[str, str]],
) -> None:
    """A lookup over predicates says more than whether somebody is there, and is not taken."""
    node, _ = stage
    node.contract("hidden")
    with pytest.raises(ContractMissingError):
        node.lender.intersect_table("people", subjects(node, 1, 0))
