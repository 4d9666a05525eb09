"""Statistics are offered, asked for, explained, signed and shown over a real node."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.evidence.menus import FILE
from tests.promises.oversight import audit
from tests.promises.stage import Stage, serving
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.catalog import Prices
from unseen.client.errors import RefusedError
from unseen.evidence import canonical
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.statistics import menu_of
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.v1 import catalog_pb2, catalog_pb2_grpc

ENTERPRISE = {"*": ("enterprise", "1")}
STAYS = """
CREATE TABLE stays AS SELECT
    'stay' || i AS stay, 'p' || (i % 80) AS patient,
    CASE i % 3 WHEN 0 THEN 'north' WHEN 1 THEN 'south' ELSE '西部' END AS region,
    (i % 90)::INTEGER AS age, (i * 10.25)::DECIMAL(12,2) AS cost, (i % 30)::DOUBLE AS days
FROM range(240) AS rows(i)
"""
INSURANCES = """
CREATE TABLE insurances AS SELECT 'p' || i AS holder, i % 2 = 0 AS active FROM range(80) AS rows(i)
"""


@pytest.fixture(scope="module")
def own(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage with two tables of one hospital, and a menu over them."""
    with serving(template.copy(tmp_path_factory.mktemp("statistics") / "stage")) as stage:
        for name, query, subject in (
            ("stays", STAYS, "stay"),
            ("insurances", INSURANCES, "holder"),
        ):
            path = stage.root / f"{name}.parquet"
            with duckdb.connect() as connection:
                connection.execute(query)
                connection.execute(f"COPY {name} TO '{path}' (FORMAT parquet)")
            stage.operator.register_table(name, str(path), subject=[subject], labels=ENTERPRISE)
        offer(stage, "care", FILE)
        yield stage


def offer(stage: Stage, name: str, text: str, table: str = "stays") -> Any:
    return stage.operator.register_product(
        name,
        table=table,
        kind="statistics",
        title="What care costs",
        predicates=parse_definition(text.encode()),
        prices=Prices("CNY", 1_000_000, 500_000),
    )


def asked(stage: Stage, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "outputs": ["region", "age", "cost", "adult"],
        "scenario": "tests",
        "units": 5,
        "days": 1,
    }
    return stage.lender.request_contract("care", **fields | changes)


def run(home: Path, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*words, "--home", str(home)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def test_a_buyer_sees_the_menu_and_nothing_behind_it(own: Stage) -> None:
    mine = next(each for each in own.operator.products() if each.name == "care")
    theirs = next(each for each in own.lender.products() if each.name == "care")
    assert mine.menu == theirs.menu == parse_definition(FILE.encode()).menu
    assert mine.definition is not None
    assert theirs.definition is None
    read = {each.name: each.columns for each in mine.definition.conditions}
    assert read == {"adult": ("age",), "insured": ("active",)}
    stub = catalog_pb2_grpc.CatalogServiceStub(own.lender._session.channel.grpc)
    wire = own.lender._session.call(stub.ListProducts, catalog_pb2.ListProductsRequest())
    message = next(each for each in wire.products if each.name == "products/care")
    sent = message.SerializeToString()
    for hidden in (b"age >= 18", b"patient", b"column", b"active"):
        assert hidden not in sent
    assert "by [0,18), [18,65), [65,120)" in repr(theirs)


def test_a_contract_is_asked_for_explained_approved_signed_and_shown(
    own: Stage, tmp_path: Path
) -> None:
    found = asked(own, group=8, budget="0.5")
    menu = menu_of(found.terms.parameters)
    assert menu.names == ("region", "age", "cost", "adult")
    assert menu.partition is not None
    assert (found.terms.group, found.terms.budget) == (8, "0.5")
    told = own.lender.explain(found.id)
    assert told.asked.proposal is not None
    assert own.operator.approve(found.id).state is State.APPROVED
    assert own.lender.sign(found.id).state is State.ACTIVE
    shown = own.lender.contract(found.id)
    assert "by region where adult, with sums of cost" in repr(shown)
    assert (shown.terms.kind, shown.plan.protocol) == ("statistics", "dp_statistics")
    check_agreed(shown.terms, shown.plan)
    home = own.party_home("lender")
    page = run(home, "contract", "explain", found.id, "--lang", "zh")
    assert "每人 ε 0.5" in page.replace("\n", "")
    agreement: Any = json.loads(run(home, "contract", "export", found.id, "--format", "odrl"))
    operands = json.dumps(agreement)
    assert "unseen:epsilon" in operands
    assert "unseen:group" in operands
    run(home, "contract", "form", found.id, "-o", str(tmp_path / "form.html"))
    report = audit(own, tmp_path / "export")
    assert report.findings == ()


def test_a_joined_table_counts_by_its_labels_and_moves_contracts(own: Stage) -> None:
    found = asked(own, outputs=["region", "insured"])
    assert menu_of(found.terms.parameters).joined == ("insurances",)
    assert "insurances.active" in found.plan.columns_read
    own.operator.approve(found.id)
    own.lender.sign(found.id)
    alone = asked(own, outputs=["region"])
    own.operator.approve(alone.id)
    own.lender.sign(alone.id)
    moved = own.operator.label_table("insurances", {"active": ("enterprise", "core")})
    try:
        assert found.id in moved.suspended
        assert alone.id not in moved.suspended
        with pytest.raises(RefusedError) as caught:
            asked(own, outputs=["insured"])
        assert caught.value.clause == "labels.enterprise.core"
    finally:
        back = own.operator.label_table("insurances", ENTERPRISE)
    assert found.id in back.resumed
    assert own.operator.refresh_table("insurances").suspended == ()


@pytest.mark.parametrize(
    ("change", "reason", "clause"),
    [
        (('column = "days"', 'column = "none"'), "COLUMN_UNKNOWN", "measures.stay.column"),
        (('column = "days"', 'column = "region"'), "COLUMN_UNKNOWN", "measures.stay.column"),
        (('column = "age"', 'column = "region"'), "COLUMN_UNKNOWN", "dimensions.age.column"),
        (('["patient"]\nrows', '["nobody"]\nrows'), "COLUMN_UNKNOWN", "person"),
        (('["patient"]\nrows', '["stay"]\nrows'), "FIELD_INVALID", "person"),
        (('"age >= 18"', '"age >= "'), "PREDICATE_INVALID", "filters.adult"),
        (('"age >= 18"', '"cost"'), "PREDICATE_INVALID", "filters.adult"),
        (('"age >= 18"', '"active"'), "PREDICATE_INVALID", "filters.adult"),
        (
            ('"age >= 18"', '"age > (SELECT max(age) FROM registered_table)"'),
            "PREDICATE_INVALID",
            "filters.adult",
        ),
        (('"age >= 18"', '"CAST(region AS INTEGER) > 1"'), "PREDICATE_FAILS", "filters.adult"),
        (('[["patient", "holder"]]', '[["patient", "active"]]'), "COLUMN_UNKNOWN", "join.on"),
        (('[["patient", "holder"]]', '[["region", "holder"]]'), "LABEL_REFUSED", "join.on"),
        (('name = "stay"', 'name = "Stay"'), "FIELD_INVALID", "name"),
    ],
)
def test_a_menu_that_does_not_fit_is_refused_by_name(
    own: Stage, change: tuple[str, str], reason: str, clause: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        offer(own, "broken", FILE.replace(*change))
    assert (caught.value.reason, caught.value.clause) == (reason, f"product.menu.{clause}")
    assert "broken" not in {product.name for product in own.operator.products()}


def test_a_menu_that_no_contract_could_hold_is_refused(own: Stage) -> None:
    values = ", ".join(f'"{number:064}"' for number in range(1024))
    text = FILE.replace('["north", "south", "西部"]', f"[{values}]")
    with pytest.raises(RefusedError) as caught:
        offer(own, "broken", text.replace('by = ["region"]', "by = []"))
    assert (caught.value.reason, caught.value.clause) == ("FIELD_INVALID", "product.menu")


def test_a_table_that_is_not_there_is_joined_with_nothing(own: Stage) -> None:
    with pytest.raises(RefusedError) as caught:
        offer(own, "broken", FILE.replace('"insurances"', '"nowhere"'))
    assert caught.value.reason == "TABLE_NOT_FOUND"
    with pytest.raises(RefusedError) as caught:
        offer(own, "broken", FILE.replace('"insurances"', '"stays"'))
    assert caught.value.clause.startswith("product.menu.join")


@pytest.mark.parametrize(
    "definition",
    [
        b"{}",
        b"[]",
        b"\xff",
        canonical.encode({"menu": {"rows_per_person": 1, "delta": "2"}}),
        parse_definition(FILE.encode()).encode()[:-1],
    ],
)
def test_bytes_that_are_no_definition_are_refused(own: Stage, definition: bytes) -> None:
    stub = catalog_pb2_grpc.CatalogServiceStub(own.operator._session.channel.grpc)
    request = catalog_pb2.RegisterProductRequest(
        name="products/broken",
        table="tables/stays",
        kind="statistics",
        title="Broken",
        definition=definition,
    )
    with pytest.raises(RefusedError) as caught:
        own.operator._session.call(stub.RegisterProduct, request)
    assert caught.value.reason in ("CONTRACT_INVALID", "CANONICAL_INVALID")


def test_menus_and_predicates_are_for_their_own_kinds(own: Stage) -> None:
    definition = parse_definition(FILE.encode())
    for kind in ("lookup", "verify"):
        with pytest.raises(RefusedError) as caught:
            own.operator.register_product(
                "broken", table="stays", kind=kind, title="Broken", predicates=definition
            )
        assert caught.value.clause == "product.predicates"
    with pytest.raises(RefusedError) as caught:
        own.offer("broken", "people", "statistics")
    assert caught.value.clause == "product.menu"


def test_an_operator_starts_from_a_printed_menu(own: Stage, tmp_path: Path) -> None:
    home = own.party_home("operator")
    printed = run(home, "product", "menu", "stays")
    assert 'column = "region"' in printed
    told: Any = json.loads(run(home, "product", "menu", "stays", "--format", "json"))
    assert told == {"table": "stays", "menu": printed[:-1]}
    path = tmp_path / "menu.toml"
    path.write_text(FILE, encoding="utf-8")
    words = ("product", "add", "counts", "--table", "stays", "--menu", str(path), "--title", "Care")
    made: Any = json.loads(run(home, *words, "--format", "json"))
    assert made["kind"] == "statistics"
    assert Definition.from_json(made["definition"]).menu.to_json() == made["menu"]
    page = run(own.party_home("lender"), "product", "show", "counts", "--lang", "zh")
    assert "精确表" in page
    assert "age >= 18" not in page
    assert "counts" in run(own.party_home("lender"), "product", "list")
    service: Any = json.loads(run(home, "product", "export", "counts"))
    assert "cost" in service["dcat:keyword"]
    path.write_text(FILE.replace("high = 60", "high = sixty"), encoding="utf-8")
    error: Any = json.loads(run(home, *words, "--format", "json", code=2))
    assert (error["clause"], error["remedy"]) == ("document", f"correct {path}")
    both = run(home, *words, "--predicate", "a|b|c", "--format", "json", code=2)
    assert json.loads(both)["clause"] == "product"
