"""Outputs as contracts declare them, and files that say the same thing in each format."""

from dataclasses import replace

from unseen.evidence.contracts.cells import Boolean, Choice, Number
from unseen.evidence.contracts.modelled import Network, Trees
from unseen.evidence.contracts.outputs import TypedOutput
from unseen.evidence.contracts.shape import Shape
from unseen.evidence.contracts.typed import Histogram, Regression, Scalar, Table, Vector

MEASURE = Number(use="measure", low=-(10**12), high=10**12, decimals=6, digits=4)
WEIGHT = replace(MEASURE, use="parameter")
COUNT = Number(use="count", low=0, high=10**6, digits=4)
SHAPES: dict[str, tuple[Shape, str]] = {
    "yes": (Scalar(cell=Boolean()), "json"),
    "mean": (Scalar(cell=MEASURE), "json"),
    "line": (Vector(cell=replace(MEASURE, optional=True), length=3), "json"),
    "ages": (Histogram(cell=COUNT, bins=("0-17", "18-64", "65+")), "json"),
    "effects": (
        Regression(
            terms=("intercept", "吸烟"), estimate=MEASURE, error=MEASURE, rows=COUNT, fit=MEASURE
        ),
        "json",
    ),
    "by_sex": (
        Table(
            columns=(
                ("sex", Choice(of=("f", "m", "x"))),
                ("people", replace(COUNT, optional=True)),
                ("mean", MEASURE),
                ("listed", Boolean()),
            ),
            max_rows=3,
        ),
        "json",
    ),
    "unordered": (Table(columns=(("mean", MEASURE),), max_rows=4), "json"),
    "risk": (
        Network(
            features=("a", "b"), layers=(3, 1), activation="relu", link="logistic", cell=WEIGHT
        ),
        "json",
    ),
    "forest": (
        Trees(
            features=("a", "b"),
            trees=2,
            depth=2,
            outputs=1,
            link="identity",
            threshold=WEIGHT,
            leaf=WEIGHT,
        ),
        "json",
    ),
}
OUTPUTS = {
    name: TypedOutput(name=name, format=kind, shape=shape) for name, (shape, kind) in SHAPES.items()
}
FILES: dict[str, object] = {
    "yes": True,
    "mean": 3.14159,
    "line": [1.5, None, -2.25],
    "ages": {"0-17": 100, "18-64": 205, "65+": 55},
    "effects": {"terms": {"intercept": [1.5, 0.25], "吸烟": [-3.0, 0.5]}, "rows": 800, "fit": 0.5},
    "by_sex": [
        {"sex": "f", "people": 400, "mean": 61.5, "listed": True},
        {"sex": "m", "people": None, "mean": 71.25, "listed": False},
    ],
    "unordered": [[3.5], [1.5], [2.5]],
    "risk": {
        "layers": [
            {"weights": [[1.5, -2.0, 0.25], [0.5, 0.75, -1.0]], "bias": [0.5, 0.25, -0.5]},
            {"weights": [[1.0], [2.0], [3.0]], "bias": [0.125]},
        ]
    },
    "forest": {
        "base": [0.5],
        "trees": [
            {
                "feature": "b",
                "at": 1.5,
                "left": {"leaf": [1.0]},
                "right": {
                    "feature": "a",
                    "at": 0.5,
                    "left": {"leaf": [2.0]},
                    "right": {"leaf": [3.0]},
                },
            },
            {"leaf": [0.25]},
        ],
    },
}


def output(name: str, kind: str = "") -> TypedOutput:
    """Return a declared output, written in another format where one is named."""
    return replace(OUTPUTS[name], format=kind) if kind else OUTPUTS[name]
