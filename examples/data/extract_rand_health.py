"""Extract the RAND Health Insurance Experiment from `statsmodels` into Parquet.

Run it in an environment of its own, as README.md beside this file says: the project does not
depend on `statsmodels`. It refuses a table other than the one it was written for.
"""

import sys

import pyarrow as pa
from pyarrow import csv

from written import source, typed, write

ROWS = 20_190
# The names are those of the source; README.md says what they mean.
SCHEMA = pa.schema(
    [
        pa.field("zper", pa.int32(), nullable=False),
        pa.field("year", pa.int8(), nullable=False),
        pa.field("site", pa.int8(), nullable=False),
        pa.field("plan", pa.int8(), nullable=False),
        pa.field("coins", pa.int16(), nullable=False),
        pa.field("mdeoff", pa.float64()),
        pa.field("pioff", pa.float64()),
        pa.field("time", pa.float64(), nullable=False),
        pa.field("xage", pa.float64(), nullable=False),
        pa.field("female", pa.int8(), nullable=False),
        pa.field("black", pa.float64(), nullable=False),
        pa.field("child", pa.int8(), nullable=False),
        pa.field("educdec", pa.float64()),
        pa.field("income", pa.float64(), nullable=False),
        pa.field("num", pa.int8(), nullable=False),
        pa.field("mhi", pa.float64(), nullable=False),
        pa.field("disea", pa.float64(), nullable=False),
        pa.field("physlm", pa.float64(), nullable=False),
        pa.field("xghindx", pa.float64(), nullable=False),
        pa.field("hlthg", pa.int8(), nullable=False),
        pa.field("hlthf", pa.int8(), nullable=False),
        pa.field("hlthp", pa.int8(), nullable=False),
        pa.field("idp", pa.int8(), nullable=False),
        pa.field("logc", pa.float64(), nullable=False),
        pa.field("lpi", pa.float64(), nullable=False),
        pa.field("fmde", pa.float64(), nullable=False),
        pa.field("mdvis", pa.int16(), nullable=False),
        pa.field("notmdvis", pa.int16(), nullable=False),
        pa.field("mentvis", pa.int16(), nullable=False),
        pa.field("totadm", pa.int8(), nullable=False),
        pa.field("outpdol", pa.float64(), nullable=False),
        pa.field("drugdol", pa.float64(), nullable=False),
        pa.field("inpdol", pa.float64(), nullable=False),
        pa.field("meddol", pa.float64(), nullable=False),
        pa.field("binexp", pa.int8(), nullable=False),
    ]
)


def main() -> int:
    """Write the file and print its digest."""
    table = csv.read_csv(source("statsmodels", "datasets", "randhie", "src", "randhie.csv"))
    write(typed(table, SCHEMA, ROWS, ("zper", "year")), "rand_health.parquet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
