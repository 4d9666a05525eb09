"""Joint logistic regression under noise, beside the same on pooled rows: how good, how long.

`units` of the cases that compare are splits; `note` has the mean area under the curve.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import mean
from typing import TYPE_CHECKING

from unseen.bench.registry import SEED, Bench, Case, Group, Parameters, Traffic
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    from unseen.bench.training import Judged, Table
    from unseen.protocols.train.driver import Outcome

DEFAULTS = {"splits": 20, "epsilon": 0, "seed": SEED}
MODEL = "who sees all sums and chooses all payloads; every party adds its noise and keeps it"
TARGETS = {
    "rand": "within 0.01 of pooled at epsilon 4",
    "german": "within 0.03 of pooled at epsilon 4",
}
_EPSILON = 4  # of the training under masks
_ROUNDS = 5  # of a secure sum


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench: one a table.

    Raises:
        InputInvalidError: numpy or pyarrow is not installed, or there is no `examples/data`.

    """
    try:
        from unseen.bench import training  # noqa: PLC0415 - needs numpy
    except ModuleNotFoundError:
        raise InputInvalidError(
            "this bench needs numpy", clause="bench.train", remedy="install unseen[kernels]"
        ) from None
    one = parameters["epsilon"]
    epsilons = (one,) if one else training.EPSILONS
    yield (group(table(), epsilons, parameters) for table in (training.rand, training.german))


def group(table: "Table", epsilons: tuple[int, ...], parameters: Parameters) -> Group:
    """Train at each epsilon over all splits, on pooled rows beside it, and once under masks."""
    seeds = range(parameters["seed"], parameters["seed"] + parameters["splits"])
    pooled: list[Judged] = []
    outcome: list[Outcome] = []

    def together() -> None:
        pooled[:] = [table.pooled(seed) for seed in seeds]

    def masked() -> None:
        outcome[:] = [table.train(_EPSILON, seeds[0], masked=True)]

    limit = f"train/{table.name}/pooled"
    return [
        Case(
            name=limit,
            phase="online",
            units=len(seeds),
            work=together,
            once=True,
            note=lambda: _means(pooled),
        ),
        *(_joint(table, epsilon, seeds, pooled) for epsilon in epsilons),
        Case(
            name=f"train/{table.name}/masked",
            phase="online",
            units=1,
            work=masked,
            once=True,
            threat_model=MODEL,
            traffic=lambda: Traffic(up=outcome[0].bytes_sent, rounds=_ROUNDS * outcome[0].steps),
            note=lambda: f"{len(table.parties)} parties, {outcome[0].steps} secure sums",
        ),
    ]


def _joint(table: "Table", epsilon: int, seeds: range, pooled: "list[Judged]") -> Case:
    found: list[Judged] = []

    def work() -> None:
        found[:] = [table.joint(epsilon, seed) for seed in seeds]

    def note() -> str:
        apart = [one.auc - other.auc for one, other in zip(found, pooled, strict=True)]
        worst = f"AUC {mean(apart):+.4f} (worst split {min(apart):+.4f})"
        more = mean(one.loss - other.loss for one, other in zip(found, pooled, strict=True))
        return f"{_means(found)}; {worst}, loss {more:+.4f}"

    return Case(
        name=f"train/{table.name}/epsilon-{epsilon}",
        phase="online",
        units=len(seeds),
        work=work,
        once=True,
        limit=f"train/{table.name}/pooled",
        target=TARGETS[table.name] if epsilon == _EPSILON else "",
        threat_model=MODEL,
        note=note,
    )


def _means(judged: "Sequence[Judged]") -> str:
    areas, losses = [one.auc for one in judged], [one.loss for one in judged]
    return f"AUC {mean(areas):.4f}, loss {mean(losses):.4f}"


BENCH = Bench(
    "train", "joint logistic regression under noise beside pooled rows, real data", DEFAULTS, groups
)
