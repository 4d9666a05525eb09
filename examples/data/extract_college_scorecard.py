"""Extract the 2014 College Scorecard from `causaldata` into Parquet, the same bytes each time.

Run it in an environment of its own, as README.md beside this file says: the project does not
depend on `causaldata`. It refuses a table other than the one it was written for.
"""

import hashlib
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from causaldata import scorecard

TARGET = Path(__file__).resolve().parent / "college_scorecard_2014.parquet"
YEAR = 2014
ROWS = 6_434
# The names are those of the source; README.md says what they mean.
SCHEMA = pa.schema(
    [
        pa.field("unitid", pa.int32(), nullable=False),
        pa.field("state_abbr", pa.string(), nullable=False),
        pa.field("pred_degree_awarded_ipeds", pa.string(), nullable=False),
        pa.field("year", pa.int16(), nullable=False),
        pa.field("earnings_med", pa.int32()),
        pa.field("count_not_working", pa.int32()),
        pa.field("count_working", pa.int32()),
    ]
)


def extract() -> pa.Table:
    """Return the institutions of one year in ascending order of `unitid`.

    Raises:
        ValueError: the package holds another table than expected, or a value that is no integer.

    """
    frame = scorecard.load_pandas().data
    frame = frame[frame["year"] == YEAR].sort_values("unitid")
    if len(frame) != ROWS or not frame["unitid"].is_unique:
        raise ValueError(f"found {len(frame)} rows of {YEAR}, expected {ROWS} distinct ones")
    # Safe casts: a fraction in a column of whole numbers is an error, a NaN becomes a null.
    columns = [
        pa.array(
            frame[field.name].astype(str) if pa.types.is_string(field.type) else frame[field.name],
            type=field.type,
            from_pandas=True,
        )
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def main() -> int:
    """Write the file and print its digest."""
    # No stored Arrow schema and one row group: what is left in the file is the data, the column
    # types and the name of the writer, which the pinned pyarrow fixes.
    pq.write_table(
        extract(),
        TARGET,
        compression="zstd",
        store_schema=False,
        row_group_size=ROWS,
        version="2.6",
    )
    print(f"{hashlib.sha256(TARGET.read_bytes()).hexdigest()}  {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
