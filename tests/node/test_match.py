"""Match at the node: points of rows, forms of a table, what compiles, and whose row is found."""

import dataclasses
import datetime as dt
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.conftest import make_ask, make_offer, make_product, make_signers, make_table

from unseen.evidence import canonical
from unseen.evidence.registry.snapshot import row_leaf, row_salt
from unseen.node.catalog.catalogue import Product, Table
from unseen.node.catalog.matching import check_forms, check_match, matched
from unseen.node.contracts.clauses.quota import most_units
from unseen.node.contracts.clauses.ways import most_bytes
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract, reading_of
from unseen.node.contracts.narrow import narrowest
from unseen.node.data import build, forms, point, scan, source
from unseen.node.data.points import distinct, points_of
from unseen.node.data.spec import BuildSpec, decode_spec, encode_spec
from unseen.node.errors import ColumnUnknownError, FieldInvalidError
from unseen.node.kinds.kind import KINDS
from unseen.protocols.errors import DuplicateSubjectError, SubjectInvalidError, UnseenError
from unseen.protocols.lookup import oprf_table
from unseen.protocols.lookup.match import encode_points, match_of
from unseen.protocols.lookup.oprf_table import TableParameters
from unseen.protocols.lookup.subject import SubjectColumn, with_forms
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.server import evaluate_input
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.tree import Frontier

KEY = keys.generate(seeded_rng(5))
SALT = b"\x11" * 32
PLAIN = (
    SubjectColumn("name", "string"),
    SubjectColumn("number", "string"),
    SubjectColumn("born", "date"),
)
SUBJECT = with_forms(PLAIN, {"name": "name", "number": "id"})
IDS = ("number",)
NAMES, NUMBERS, DAYS = ("Ann B", "ANN  b", "Cy", "--"), ("n-1", "N 1", "n2", " "), ("1990-01-31",)
DAY = DAYS[0]
BORN = dt.date(1990, 1, 31)


def write(path: Path, rows: Sequence[tuple[str, str, str]]) -> Path:
    lines = "".join(f'"{name}","{number}",{born}\n' for name, number, born in rows)
    path.write_text(f"name,number,born\n{lines}")
    return path


def spec_of(path: Path, spool: Path, **changes: Any) -> BuildSpec:
    where = source.Source.parse(str(path))
    frontier, rows = Frontier(), path.read_text().splitlines()[1:]
    for place, line in enumerate(rows):
        *_, born = line.split(",")
        name, number = re.findall(r'"([^"]*)"', line)
        frontier.append(row_leaf(row_salt(SALT, place), (name, number, born)))
    spool.mkdir(exist_ok=True)
    fields: dict[str, Any] = {
        "source": where,
        "fingerprint": source.take_fingerprint(where.path),
        "subject": SUBJECT,
        "predicates": (),
        "columns": tuple(column.name for column in SUBJECT),
        "snapshot": frontier.root(),
        "rows": len(rows),
        "parameters": TableParameters(oprf_table.epoch_domain(b"c" * 32, 1), b"n" * 32, 1),
        "spool": spool,
        "memory_mb": 256,
        "match": IDS,
    }
    return BuildSpec(**fields | changes)


def built(spec: BuildSpec, parts: int = 1) -> tuple[bytes, int]:
    """Return the table, and how many rows had no form."""
    unusable = [build.fill(spec, KEY, SALT, part, parts, lambda _: None) for part in range(parts)]
    target = spec.spool / "finished"
    build.merge(spec, target, lambda _: None)
    return target.read_bytes(), sum(unusable)


def answer(spec: BuildSpec, table: bytes, person: Sequence[Any]) -> bool | None:
    labels: list[bytes | None] = []
    for data in encode_points(spec.subject, spec.match, person, spec.parameters.domain):
        output = evaluate_input(KEY, data, Mode.VOPRF)
        place = oprf_table.find(spec.parameters, memoryview(table), output)
        if isinstance(place, oprf_table.Found):
            labels.append(oprf_table.open_row(spec.parameters, output, place.row))
        else:
            labels.append(None)
    verdict, malformed = match_of(labels)
    assert not malformed
    return verdict


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    while point._open:
        point._open.popitem()[1].close()


def people(seed: int, count: int) -> list[tuple[str, str, str]]:
    chance = random.Random(seed)
    return [
        (chance.choice(NAMES), chance.choice(NUMBERS), chance.choice(DAYS)) for _ in range(count)
    ]


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_table_and_rows_in_the_clear_answer_as_the_rows_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, parts: int
) -> None:
    """Rows that repeat in any writing, within a batch and over processes, give each point once."""
    monkeypatch.setattr(scan, "BATCH_ROWS", 4)
    rows = people(seed, 9)
    path = write(tmp_path / "t.csv", rows)
    spec = spec_of(path, tmp_path / "spool")
    table, unusable = built(spec, parts)
    known: dict[tuple[bytes, ...], None] = {}
    for name, number, _ in rows:
        try:
            known[encode_points(SUBJECT, IDS, (name, number, BORN), b"")] = None
        except SubjectInvalidError:
            unusable -= 1
    assert unusable == 0
    each = {data for points in known for data in points}
    assert len(table) == len(each) * spec.parameters.row_bytes
    where = point.Where(spec.source, spec.fingerprint, 64, tmp_path / "points")
    for name in (*NAMES[:3], "Di"):
        for number in (*NUMBERS[:3], "n3"):
            asked = encode_points(SUBJECT, IDS, (name, number, BORN), b"")
            expected = True if asked in known else (False if asked[1] in each else None)
            assert answer(spec, table, (name, number, BORN)) is expected
            found = point.matching(where, SUBJECT, IDS, (name, number, DAY))
            assert (found[0][1] if found else None) is expected


def test_rows_that_agree_come_first_and_as_the_table_writes_them(tmp_path: Path) -> None:
    rows = [("Cy", "n-1", DAY), ("ANN  b", "N 1", DAY), ("Ann B", "n2", DAY)]
    path = write(tmp_path / "t.csv", rows)
    where = point.Where(
        source.Source.parse(str(path)), source.take_fingerprint(path), 64, tmp_path / "points"
    )
    found = point.matching(where, SUBJECT, IDS, ("ann b", "N1", DAY))
    said = [([str(value) for value in row], whole) for row, whole in found]
    assert said == [(list(rows[1]), True), (list(rows[0]), False)]
    assert point.written(where, SUBJECT, ("cy", "N1", DAY)) == (*rows[0][:2], found[1][0][2])
    assert point.written(where, SUBJECT, ("cy", "N2", DAY)) is None


def test_without_forms_a_match_reads_the_rows_themselves(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [("Ann B", "n1", DAY), ("Cy", "n1", DAY)])
    where = point.Where(
        source.Source.parse(str(path)), source.take_fingerprint(path), 64, tmp_path / "points"
    )
    for person, verdict in (
        (("Ann B", "n1", DAY), True),
        (("ann b", "n1", DAY), False),
        (("Ann B", "N1", DAY), None),
        (("' OR true --", "' OR true --", DAY), None),
    ):
        found = point.matching(where, PLAIN, IDS, person)
        assert (found[0][1] if found else None) is verdict
    assert point.written(where, PLAIN, ("Ann B", "n1", DAY)) == ("Ann B", "n1", DAY)


def test_a_row_found_by_two_writings_is_no_subject(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [("Ann B", "n1", DAY), ("ANN b", "N-1", DAY)])
    where = point.Where(
        source.Source.parse(str(path)), source.take_fingerprint(path), 64, tmp_path / "points"
    )
    with pytest.raises(DuplicateSubjectError):
        point.written(where, SUBJECT, ("ann b", "n1", DAY))


def test_a_product_of_predicates_still_refuses_a_subject_that_comes_twice(tmp_path: Path) -> None:
    rows = [("Ann B", "n1", DAY), ("ANN b", "N-1", DAY)]
    path = write(tmp_path / "t.csv", rows)
    spec = spec_of(path, tmp_path / "spool", match=(), predicates=(("p", "true"),))
    with pytest.raises(DuplicateSubjectError):
        built(spec)


def test_what_forms_make_of_a_table_is_counted(tmp_path: Path) -> None:
    rows = [("Ann B", "n1", DAY), ("ANN b", "N-1", DAY), ("--", "n2", DAY), ("Cy", " ", DAY)]
    path = write(tmp_path / "t.csv", rows)
    where = source.Source.parse(str(path))
    seen: list[int] = []
    found = forms.count(
        where,
        source.take_fingerprint(path),
        SUBJECT,
        tmp_path / "spill",
        memory_mb=64,
        progress=seen.append,
    )
    assert (found.unusable, found.repeated, sum(seen)) == (2, 1, 4)


def test_a_spec_comes_back_with_forms_and_id(tmp_path: Path) -> None:
    spec = spec_of(write(tmp_path / "t.csv", [("a", "1", DAY)]), tmp_path / "spool")
    assert decode_spec(canonical.decode(canonical.encode(encode_spec(spec)))) == spec


@given(st.lists(st.binary(min_size=2, max_size=2)))
def test_distinct_rows_are_each_once_in_their_first_order(rows: list[bytes]) -> None:
    assert distinct(b"".join(rows), 2) == b"".join(dict.fromkeys(rows))


def test_a_row_without_an_answer_gives_a_point_to_a_match_alone(tmp_path: Path) -> None:
    spec = spec_of(write(tmp_path / "t.csv", [("a", "1", DAY)]), tmp_path / "spool")
    assert len(points_of(spec, [(("a", "1", BORN), ())]).inputs) == 2
    asking = dataclasses.replace(spec, match=())
    assert points_of(asking, [(("a", "1", BORN), (None,))]).inputs == []
    assert len(points_of(asking, [(("a", "1", BORN), (True,))]).inputs) == 1


# What is offered, and what it compiles to


def register(rows: int = 100_000, category: str = "public", level: str = "1") -> Table:
    return dataclasses.replace(
        make_table(level, category, rows),
        subject=(SubjectColumn("id", "string"), SubjectColumn("a", "string")),
    )


def offered(table: Table, kind: str = "lookup", **found: Any) -> Product:
    given = {"id": "cn_id"} | found
    predicate, _ = matched(table, check_forms(given, kind, table), ("id",))
    return dataclasses.replace(
        make_product(kind),
        predicates=(predicate,),
        forms=tuple(sorted(given.items())),
        match=("id",),
    )


@pytest.mark.parametrize(
    "ids", [(), ("id", "a"), ("a", "id"), ("b",), ("id", "id"), ("",)], ids=repr
)
def test_an_id_is_a_proper_part_of_the_subject(ids: tuple[str, ...]) -> None:
    with pytest.raises(FieldInvalidError) as caught:
        check_match(ids, "lookup", register())
    assert (caught.value.clause, bool(caught.value.remedy)) == ("product.match.id", True)
    check_match(("a",), "verify", register())


def test_a_table_of_one_subject_column_has_no_match() -> None:
    with pytest.raises(FieldInvalidError):
        check_match(("id",), "lookup", make_table())


@pytest.mark.parametrize("kind", ["statistics", "train"])
def test_only_kinds_about_one_subject_have_forms_or_a_match(kind: str) -> None:
    for call in (
        lambda: check_match(("id",), kind, register()),
        lambda: check_forms({"id": "id"}, kind, register()),
    ):
        with pytest.raises(FieldInvalidError):
            call()
    assert check_forms({}, kind, register()) == {}


def test_a_form_is_of_a_subjects_column_and_of_its_type() -> None:
    table = dataclasses.replace(
        register(), subject=(SubjectColumn("id", "integer"), SubjectColumn("a", "date"))
    )
    assert check_forms({"a": "date", "id": "exact"}, "lookup", table) == {"a": "date"}
    for wrong, error in (
        ({"id": "id"}, FieldInvalidError),
        ({"a": "name"}, FieldInvalidError),
        ({"a": "x"}, FieldInvalidError),
        ({"b": "name"}, ColumnUnknownError),
    ):
        with pytest.raises(error) as caught:
            check_forms(wrong, "lookup", table)
        assert isinstance(caught.value, UnseenError)
        assert (caught.value.clause, bool(caught.value.remedy)) == ("product.canonical", True)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(["lookup", "verify"]),
    units=st.integers(1, 9000),
    rows=st.integers(0, 40_000),
    granted=st.integers(0, 500),
    level=st.sampled_from("12"),
)
def test_a_unit_counts_as_two_questions_where_nobody_sees_whom_it_is_about(
    kind: str, units: int, rows: int, granted: int, level: str
) -> None:
    table = register(rows, "personal", level)
    offer = dataclasses.replace(make_offer(offered(table, kind), table), granted=granted)
    ask = make_ask(units=units, outputs=())
    each = 2 if kind == "lookup" else 1
    found = compile_contract(ask, offer)
    if kind == "lookup":
        most = max(rows // 10, 1)
        fits = units * each <= most - granted
        assert isinstance(found, Compiled) is fits
        if isinstance(found, Refusal):
            assert "quota.units" in {error.clause for error in found.errors}
            assert most_units(offer, reading_of(ask, offer)) == max(most - granted, 0) // 2
            return
    assert isinstance(found, Compiled)
    plan, lines = found.plan, {(line.party, line.what): line for line in found.leakage.statements}
    assert (plan.match, plan.evaluations, plan.bits_per_unit) == (("id",), each, 2 * each)
    assert [column.form for column in plan.subject_columns] == ["cn_id", "exact"]
    assert plan.columns_read == ("id", "a")
    release, amount = plan.release, lines["buyer", "answers"].amount
    assert release is not None
    assert amount is not None
    assert amount.most == release.bits_in_all == 2 * each * units
    assert release.bits_per_run <= 2 * 4096
    said = lines["buyer", "answers"]
    assert ("two subjects" in said.text) is ("两个对象" in said.text_zh) is (kind == "lookup")
    assert "(id)" in said.text


def test_forms_change_what_is_signed_and_never_which_question_is_cheaper() -> None:
    table = register()
    plain = offered(table, id="exact")
    plain = dataclasses.replace(plain, forms=())
    formed = offered(table)
    cheap = dataclasses.replace(
        formed, name="cheap", prices=dataclasses.replace(formed.prices, data_fee=0)
    )
    signers = make_signers()
    digests = set()
    for product in (plain, formed):
        made = compile_contract(make_ask(outputs=()), make_offer(product, table))
        assert isinstance(made, Compiled)
        digests.add(made.plan.digest(signers.suite))
    assert len(digests) == 2
    for product, better in ((formed, "cheap"), (plain, "product")):
        offer = dataclasses.replace(make_offer(product, table), others=(cheap,))
        assert narrowest(make_ask(outputs=()), offer).offer.product.name == better


def test_a_hidden_table_has_room_for_both_points_of_every_row() -> None:
    table, kind = register(1000), KINDS["lookup"]
    whole = make_offer(offered(table), table)
    alone = make_offer(dataclasses.replace(offered(table), match=()), table)
    ask = make_ask(outputs=())
    assert most_bytes(ask, whole, kind) == 2 * most_bytes(ask, alone, kind)
