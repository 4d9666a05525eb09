"""Running a bench: laps of all cases of a group in turn, and what came out of them."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from unseen.bench import machine
from unseen.bench.registry import Bench, Case, Group, Phase, Settings

Value = str | int | float | None | list[float] | dict[str, str | int]


Begun = Callable[[str], None]
"""Told what begins, in a few words."""


def _unseen(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One lap's seconds: on the wall, and of CPU in all processes that belong to the case."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One case's figures. `wall_s` and `cpu_s` are the medians of a lap of `units` units.

    `repeats` and `cpu_repeats` are the raw laps. `ratio` says which part of its limit's rate the
    case reaches: the median over laps, each taken with the limit's lap beside it. `ratio_cpu` is
    the same by CPU time, which a busy machine disturbs less. Cases of one `run` were measured in
    turn, lap by lap. `whole` is how many units make what a user would want at once.
    """

    name: str
    run: str
    phase: Phase
    params: dict[str, int | str]
    units: int
    whole: int
    cpu_s: float
    wall_s: float
    repeats: list[float]
    cpu_repeats: list[float]
    per_second: float
    limit: str
    limit_per_second: float | None
    ratio: float | None
    ratio_cpu: float | None
    target: str
    note: str
    bytes_up: int
    bytes_down: int
    rounds: int
    peak_rss_mb: float
    threads: int
    threat_model: str
    security_bits: int
    machine: dict[str, str | int]
    commit: str

    def to_json(self) -> dict[str, Value]:
        """Return the figures as one object."""
        return asdict(self)


def run(
    bench: Bench, parameters: Settings, repeats: int, begun: Begun = _unseen
) -> Iterator[Measurement]:
    """Yield the measurements of a bench, group by group; `begun` is told of each lap.

    Raises:
        InputInvalidError: the machine cannot run it.

    """
    described, commit = machine.describe(), machine.commit()
    with bench.groups(parameters) as groups:
        for group in groups:
            machine.reset_peak()
            laps = run_group(group, repeats, begun)
            about = _About(secrets.token_hex(8), parameters.together(), described, commit)
            for case in group:
                yield _measurement(case, group, laps, about)


def run_group(group: Group, repeats: int, begun: Begun = _unseen) -> dict[str, list[Lap]]:
    """Return the laps of each case, by name: warm-up left out, cases run in turn."""
    laps: dict[str, list[Lap]] = {case.name: [] for case in group}
    for case in group:
        if not case.once:
            begun(f"{case.name}, warming up")
            _lap(case)
    for number in range(repeats):
        for case in group:
            if number == 0 or not case.once:
                begun(f"{case.name}, lap {number + 1} of {1 if case.once else repeats}")
                laps[case.name].append(_lap(case))
    return laps


def _lap(case: Case) -> Lap:
    case.prepare()
    pids = case.processes()
    cpu, wall = machine.cpu_seconds(pids), time.perf_counter()
    case.work()
    took = Lap(time.perf_counter() - wall, machine.cpu_seconds(pids) - cpu)
    return Lap(case.virtual(), 0.0) if case.virtual else took


@dataclass(frozen=True, slots=True)
class _About:
    """What all cases of a group have in common."""

    run: str
    parameters: dict[str, int | str]
    machine: dict[str, str | int]
    commit: str


def _measurement(
    case: Case, group: Group, laps: dict[str, list[Lap]], about: _About
) -> Measurement:
    own = laps[case.name]
    wall = median(lap.wall for lap in own)
    limit = next((other for other in group if other.name == case.limit), None)
    beside = laps[limit.name] if limit else []
    traffic = case.traffic()
    peak = case.peak_rss_mb() if case.peak_rss_mb else machine.peak_rss_mb(case.processes())
    return Measurement(
        name=case.name,
        run=about.run,
        phase=case.phase,
        params=about.parameters,
        units=case.units,
        whole=case.whole or case.units,
        cpu_s=median(lap.cpu for lap in own),
        wall_s=wall,
        repeats=[lap.wall for lap in own],
        cpu_repeats=[lap.cpu for lap in own],
        per_second=case.units / wall,
        limit=case.limit,
        limit_per_second=limit.units / median(lap.wall for lap in beside) if limit else None,
        ratio=_ratio(case, limit, [lap.wall for lap in own], [lap.wall for lap in beside]),
        ratio_cpu=_ratio(case, limit, [lap.cpu for lap in own], [lap.cpu for lap in beside]),
        target=case.target,
        note=case.note(),
        bytes_up=traffic.up,
        bytes_down=traffic.down,
        rounds=traffic.rounds,
        peak_rss_mb=round(peak, 1),
        threads=case.threads,
        threat_model=case.threat_model,
        security_bits=case.security_bits,
        machine=about.machine,
        commit=about.commit,
    )


def _ratio(
    case: Case, limit: Case | None, own: Sequence[float], beside: Sequence[float]
) -> float | None:
    pairs = list(zip(own, beside, strict=False))  # a case that ran once has one lap
    if limit is None or not all(mine for mine, _ in pairs):
        return None
    return median((other / limit.units) / (mine / case.units) for mine, other in pairs)
