"""The plot: three hospitals, an insurer, and what it asks them together.

The rows are those of the RAND Health Insurance Experiment (`examples/data/README.md`), cut into
three hospitals by the place where people live; the parties are made up.
"""

from typing import Final

from unseen.cli.demo.stage import DATA

TABLE_FILE: Final = DATA / "rand_health.parquet"
CUTS: Final = DATA / "cut_into_parties.py"
BUYER_MODULE: Final = "unseen.cli.demo.hospitals.buyer"

HOSPITALS: Final = ("hospital-a", "hospital-b", "hospital-c")
BUYER: Final = "insurer"
TABLE: Final = "care"
PERSON: Final = "zper"
SUBJECT: Final = (PERSON, "year")
SCENARIO: Final = "rate-making"
CURRENCY: Final = "USD"
DATA_FEE: Final = 1_000_000  # millionths of the currency, for one unit
SERVICE_FEE: Final = 500_000

DELTA: Final = "0.000001"
BUDGET: Final = "6"  # epsilon of each table, for everybody who ever asks
SUM: Final = "sum"
MODEL: Final = "model"
PURPOSES: Final = (SUM, MODEL)
PRODUCTS: Final = {SUM: "visits", MODEL: "visit-model"}
KINDS: Final = {SUM: "statistics", MODEL: "train"}
TITLES: Final = {SUM: "How often people see a physician", MODEL: "Who sees a physician in a year"}
BUDGETS: Final = {SUM: "2", MODEL: "4"}  # of that, for each contract
UNITS: Final = {SUM: 4, MODEL: 10}
GROUP: Final = 10
DAYS: Final = 1

OUTPUTS: Final = ("coinsurance", "visits")
EPSILON: Final = "1.5"  # of the question; twice is more than its contract's budget
HIGH: Final = 20  # visits a year above which somebody counts as this
EDGES: Final = (0, 25, 50, 95, 101)

# What the insurer reports: how far it is, that a round is under way at a node, that one is gone.
REPORTS: Final = ("training", "shares", "gone")
KILLED: Final = "hospital-b"
KILLED_AT: Final = 2  # how many steps are done before

MENU: Final = f"""
delta = "{DELTA}"
person = ["{PERSON}"]
rows_per_person = 5

[[dimension]]
name = "coinsurance"
text = "Share of each bill that the family pays under its plan, per cent"
column = "coins"
edges = [{", ".join(map(str, EDGES))}]

[[measure]]
name = "visits"
text = "Visits to a physician in a year"
column = "mdvis"
unit = "visits"
low = 0
high = {HIGH}

[[measure]]
name = "age"
text = "Age in that year"
column = "xage"
unit = "years"
low = 0
high = 64

[[measure]]
name = "female"
text = "Female"
column = "female"
low = 0
high = 1

[[measure]]
name = "schooling"
text = "Education of who decides in the household"
column = "educdec"
unit = "years"
low = 0
high = 25

[[measure]]
name = "conditions"
text = "Chronic conditions at the beginning, an index"
column = "disea"
low = 0
high = 60

[[measure]]
name = "share"
text = "Log of one more than the share of each bill that the family pays"
column = "logc"
decimals = 1
low = 0
high = 5

[[measure]]
name = "present"
text = "Share of the year in the study"
column = "time"
decimals = 1
low = 0
high = 1

[[filter]]
name = "visited"
text = "Saw a physician in that year"
expression = "mdvis > 0"
"""

# Columns behind the features, in their order: what the demo compares with.
FEATURES: Final = {
    "age": "xage",
    "female": "female",
    "schooling": "educdec",
    "conditions": "disea",
    "share": "logc",
    "present": "time",
}
LABEL: Final = "visited"
TRAINING: Final = f"""
family = "logistic"
features = [{", ".join(f'"{name}"' for name in FEATURES)}]
label = "{LABEL}"

[steps]
rounds = 3
norm = 2
clip = 1.5

[privacy]
rho = "0.2"
evaluation = "0.1"
most_rows = 10000
"""
PURPOSE: Final = ("whom an insurer should expect at a physician's", "估计投保人是否就医")

# How many seconds each step takes, about: only the bar goes by it.
STEPS: Final = {
    "making": 6.0,
    "starting": 5.0,
    "registering": 3.0,
    "agreeing": 1.5,
    "asking": 2.0,
    "training": 10.0,
    "releasing": 4.0,
    "refusing": 0.2,
    "exporting": 0.2,
    "stopping": 1.5,
    "verifying": 4.0,
}
