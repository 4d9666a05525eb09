"""Extract the NHANES I follow-up study from `causaldata` into Parquet, the same bytes each time.

Run it in an environment of its own, as README.md beside this file says: the project does not
depend on `causaldata`. It refuses a table other than the one it was written for. Left out beside
much else are the date of death and the birthplace, which no example needs.
"""

import sys

import pandas as pd
import pyarrow as pa

from written import source, typed, write

ROWS = 1_629
# The names are those of the source; README.md says what they mean.
SCHEMA = pa.schema(
    [
        pa.field("seqn", pa.int32(), nullable=False),
        pa.field("age", pa.int8(), nullable=False),
        pa.field("sex", pa.int8(), nullable=False),
        pa.field("race", pa.int8(), nullable=False),
        pa.field("education", pa.int8(), nullable=False),
        pa.field("school", pa.int8(), nullable=False),
        pa.field("income", pa.int8()),
        pa.field("marital", pa.int8(), nullable=False),
        pa.field("ht", pa.float64(), nullable=False),
        pa.field("wt71", pa.float64(), nullable=False),
        pa.field("wt82", pa.float64()),
        pa.field("wt82_71", pa.float64()),
        pa.field("sbp", pa.int16()),
        pa.field("dbp", pa.int16()),
        pa.field("cholesterol", pa.int16()),
        pa.field("smokeintensity", pa.int8(), nullable=False),
        pa.field("smkintensity82_71", pa.int8(), nullable=False),
        pa.field("smokeyrs", pa.int8(), nullable=False),
        pa.field("qsmk", pa.int8(), nullable=False),
        pa.field("active", pa.int8(), nullable=False),
        pa.field("exercise", pa.int8(), nullable=False),
        pa.field("asthma", pa.int8(), nullable=False),
        pa.field("bronch", pa.int8(), nullable=False),
        pa.field("diabetes", pa.int8(), nullable=False),
        pa.field("hbp", pa.int8(), nullable=False),
        pa.field("death", pa.int8(), nullable=False),
    ]
)


def main() -> int:
    """Write the file and print its digest."""
    frame = pd.read_stata(source("causaldata", "nhefs", "nhefs.dta"))
    # Stata's value labels are texts of digits: "0", "1"; a float that is missing is a null.
    frame = frame[SCHEMA.names].astype("float64")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    write(typed(table, SCHEMA, ROWS, ("seqn",)), "nhefs.parquet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
