"""A menu of statistics with everything in it, and what stands behind its names."""

from unseen.evidence.contracts.statistics import Dimension, Filter, Measure, Menu, Partition
from unseen.evidence.contracts.statistics.definition import Condition, Definition, Join, Origin

REGION = Dimension(name="region", text="region of residence", values=("north", "south", "西部"))
AGE = Dimension(name="age", text="age in years", edges=(0, 18, 65, 120))
COST = Measure(
    name="cost",
    text="cost of care",
    unit="yuan",
    decimals=2,
    low=0,
    high=1_000_000,
    edges=(0, 5, 9),
)
STAY = Measure(name="stay", text="days in hospital", unit="days", decimals=0, low=-3, high=60)
ADULT = Filter(name="adult", text="at least 18 years old")
INSURED = Filter(name="insured", text="has an insurance in force")
EXACT = Partition(by=("region",), where=("adult",), measures=("cost",))
MENU = Menu(
    dimensions=(REGION, AGE),
    measures=(COST, STAY),
    filters=(ADULT, INSURED),
    rows_per_person=3,
    partition=EXACT,
    joined=("insurances",),
)
DEFINITION = Definition(
    menu=MENU,
    columns=(
        Origin(name="region", column="region"),
        Origin(name="age", column="age"),
        Origin(name="cost", column="cost"),
        Origin(name="stay", column="days"),
    ),
    conditions=(
        Condition(name="adult", expression="age >= 18", columns=("age",)),
        Condition(name="insured", expression="active", table="insurances", columns=("active",)),
    ),
    person=("patient",),
    join=Join(table="insurances", on=(("patient", "holder"),)),
)
FILE = """
delta = 0.000001
person = ["patient"]
rows_per_person = 3

[[dimension]]
name = "region"
text = "region of residence"
column = "region"
values = ["north", "south", "西部"]

[[dimension]]
name = "age"
text = "age in years"
column = "age"
edges = [0, 18, 65, 120]

[[measure]]
name = "cost"
text = "cost of care"
column = "cost"
unit = "yuan"
decimals = 2
low = 0
high = 10_000.00
edges = [0, 0.05, 0.09]

[[measure]]
name = "stay"
text = "days in hospital"
column = "days"
unit = "days"
low = -3
high = 60

[[filter]]
name = "adult"
text = "at least 18 years old"
expression = "age >= 18"

[[filter]]
name = "insured"
text = "has an insurance in force"
expression = "active"
table = "insurances"

[partition]
by = ["region"]
where = ["adult"]
measures = ["cost"]

[join]
table = "insurances"
on = [["patient", "holder"]]
"""
