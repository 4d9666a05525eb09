"""Cut a table of this folder into what several parties would hold, the same way each time.

    .venv/bin/python examples/data/cut_into_parties.py hospitals FOLDER
    .venv/bin/python examples/data/cut_into_parties.py banks FOLDER

`hospitals`: `rand_health.parquet` into three hospitals and an insurer. The insurer holds the
people whose number hashes into the last quarter, wherever they live; each hospital holds the
others of two of the six sites. `banks`: `german_credit.parquet` into three banks by hash.

Every row is held by exactly one party, and all rows of a person by the same one. A hash spreads
people evenly and says nothing about them; the parties are made up.
"""

import hashlib
import sys
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
# Two sites a hospital: all of a site's people but the insurer's.
SITES: Final = {1: "hospital_a", 2: "hospital_a", 3: "hospital_b", 4: "hospital_b"} | {
    5: "hospital_c",
    6: "hospital_c",
}
BANKS: Final = ("bank_a", "bank_b", "bank_c")
QUARTERS: Final = 4


def draw(table: str, key: int, parts: int) -> int:
    """Return which of `parts` the person or loan `key` falls into: 0 to `parts` - 1.

    SHA-256 over the table's name and the key; the first 8 bytes, big-endian, modulo `parts`
    (bias below parts / 2^64).
    """
    digest = hashlib.sha256(f"unseen example data:{table}:{key}".encode()).digest()
    return int.from_bytes(digest[:8]) % parts


def hospitals() -> dict[str, pa.Table]:
    """Return the RAND table's rows by party: three hospitals and `insurer`, in that order."""
    table = pq.read_table(HERE / "rand_health.parquet")
    holders = [
        "insurer" if draw("rand_health", person, QUARTERS) == QUARTERS - 1 else SITES[site]
        for person, site in zip(table["zper"].to_pylist(), table["site"].to_pylist(), strict=True)
    ]
    return _held(table, holders, (*dict.fromkeys(SITES.values()), "insurer"))


def banks() -> dict[str, pa.Table]:
    """Return the German credit table's rows by bank, in the order of the banks' names."""
    table = pq.read_table(HERE / "german_credit.parquet")
    holders = [BANKS[draw("german_credit", loan, len(BANKS))] for loan in table["loan"].to_pylist()]
    return _held(table, holders, BANKS)


def _held(table: pa.Table, holders: list[str], parties: tuple[str, ...]) -> dict[str, pa.Table]:
    """Return the rows of each party in their order."""
    return {
        party: table.filter(pa.array([holder == party for holder in holders])) for party in parties
    }


CUTS: Final = {"hospitals": hospitals, "banks": banks}


def main() -> int:
    """Write one Parquet file a party into the folder and say how many rows each has."""
    if len(sys.argv) != 3 or sys.argv[1] not in CUTS:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for party, rows in CUTS[sys.argv[1]]().items():
        pq.write_table(rows, folder / f"{party}.parquet", compression="zstd", store_schema=False)
        print(f"{folder / party}.parquet  {rows.num_rows:,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
