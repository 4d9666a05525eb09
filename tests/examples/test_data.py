"""The example tables are those their README describes, and are cut the same way each time."""

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest

DATA = Path(__file__).parents[2] / "examples/data"
README = (DATA / "README.md").read_text()
TABLES = {
    "college_scorecard_2014": (6_434, ("unitid",)),
    "rand_health": (20_190, ("zper", "year")),
    "nhefs": (1_629, ("seqn",)),
    "german_credit": (1_000, ("loan",)),
    "febrl_register": (5_000, ("rec_id",)),
    "febrl_applicants": (5_000, ("rec_id",)),
}
EACH = pytest.mark.parametrize("name", TABLES)


@pytest.fixture(scope="module")
def cuts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cuts", DATA / "cut_into_parties.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(name: str) -> str:
    """Return the README's section about a table: from its title to the next one's."""
    parts = README.split("\n## ")
    (found,) = [part for part in parts[1:] if f"`{name}.parquet`" in part]
    return found


@EACH
def test_readme_names_this_very_file(name: str) -> None:
    file = DATA / f"{name}.parquet"
    assert f"`{hashlib.sha256(file.read_bytes()).hexdigest()}`" in section(name)
    assert f"| {file.stat().st_size:,} bytes, zstd |" in section(name)
    assert file.stat().st_size < 1_000_000


@EACH
def test_every_column_is_documented_with_its_nulls(name: str) -> None:
    table = pq.read_table(DATA / f"{name}.parquet")
    rows, key = TABLES[name]
    assert table.num_rows == rows
    assert len(keys(table, key)) == rows
    for column in table.column_names:
        kind = str(table.schema.field(column).type)
        assert f"| `{column}` | {kind} | {table[column].null_count:,} |" in section(name)
    documented = section(name).count("\n| `")
    assert documented == table.num_columns


def test_an_applicant_is_somebody_in_the_register_with_mistakes_as_it_is_described() -> None:
    columns = ("given_name", "surname", "date_of_birth", "soc_sec_id")
    register, applicants = (
        {row["rec_id"].split("-")[1]: row for row in pq.read_table(file).to_pylist()}
        for file in (DATA / "febrl_register.parquet", DATA / "febrl_applicants.parquet")
    )
    assert register.keys() == applicants.keys()
    numbers = {row["soc_sec_id"] for row in register.values()}
    said = {"same": 0, "missing": 0, "other": 0, "unknown": 0}
    for person, row in applicants.items():
        both = [[each[name] for name in columns] for each in (row, register[person])]
        same = both[0] == both[1]
        said["same"] += same
        said["missing"] += same and None in both[0]
        said["other"] += not same and row["soc_sec_id"] in numbers
        said["unknown"] += row["soc_sec_id"] not in numbers
    assert said == {"same": 1_985, "missing": 112, "other": 2_576, "unknown": 439}
    assert all(f"{count:,}" in section("febrl_applicants") for count in said.values())


def test_every_file_is_described_and_has_its_script() -> None:
    assert {file.stem for file in DATA.glob("*.parquet")} == set(TABLES)
    for notice in DATA.glob("*_LICENSE.txt"):
        assert f"]({notice.name})" in README
    for script in DATA.glob("extract_*.py"):
        assert f"`{script.name}`" in README


@pytest.mark.parametrize(
    ("cut", "name", "sizes"),
    [
        (
            "hospitals",
            "rand_health",
            {"hospital_a": 6_419, "hospital_b": 4_107, "hospital_c": 4_631, "insurer": 5_033},
        ),
        ("banks", "german_credit", {"bank_a": 313, "bank_b": 349, "bank_c": 338}),
    ],
)
def test_every_row_is_held_once(
    cuts: ModuleType, cut: str, name: str, sizes: dict[str, int]
) -> None:
    parties = getattr(cuts, cut)()
    assert {party: table.num_rows for party, table in parties.items()} == sizes
    rows = [row for table in parties.values() for row in table.to_pylist()]
    key = TABLES[name][1]
    whole = pq.read_table(DATA / f"{name}.parquet").to_pylist()
    assert sorted(rows, key=lambda row: [row[part] for part in key]) == whole


def test_a_person_is_with_one_party(cuts: ModuleType) -> None:
    people = [set(table["zper"].to_pylist()) for table in cuts.hospitals().values()]
    assert sum(map(len, people)) == len(set.union(*people)) == 5_912


def test_a_hospital_has_two_sites_and_the_insurer_all(cuts: ModuleType) -> None:
    sites = {party: set(table["site"].to_pylist()) for party, table in cuts.hospitals().items()}
    assert sites == {
        "hospital_a": {1, 2},
        "hospital_b": {3, 4},
        "hospital_c": {5, 6},
        "insurer": {1, 2, 3, 4, 5, 6},
    }


def test_the_command_writes_one_file_a_party(tmp_path: Path) -> None:
    script = str(DATA / "cut_into_parties.py")
    done = subprocess.run(
        [sys.executable, script, "banks", str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert "338 rows" in done.stdout
    assert {file.name: pq.read_metadata(file).num_rows for file in tmp_path.iterdir()} == {
        "bank_a.parquet": 313,
        "bank_b.parquet": 349,
        "bank_c.parquet": 338,
    }
    wrong = subprocess.run(
        [sys.executable, script, "clinics", str(tmp_path)], check=False, capture_output=True
    )
    assert wrong.returncode == 2


def keys(table: object, names: Sequence[str]) -> set[tuple[object, ...]]:
    """Return the distinct keys of a table."""
    return set(zip(*(table[name].to_pylist() for name in names), strict=True))  # type: ignore[index]
