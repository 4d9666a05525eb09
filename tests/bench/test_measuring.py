import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from unseen.bench import machine, measuring
from unseen.bench.measuring import Measurement
from unseen.bench.registry import Bench, Case, Group, Parameters, Traffic, oprf_bits
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import Transcript

FIELDS = {
    "name",
    "params",
    "cpu_s",
    "wall_s",
    "repeats",
    "bytes_up",
    "bytes_down",
    "rounds",
    "peak_rss_mb",
    "phase",
    "threads",
    "threat_model",
    "security_bits",
    "machine",
    "commit",
}


def spin(count: int) -> None:
    sum(number * number for number in range(count))


def bench(done: list[str], *, once: bool = False) -> Bench:
    @contextmanager
    def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
        size = parameters["size"]

        def work(name: str) -> None:
            done.append(name)
            spin(1000 * size)

        yield iter(
            [
                [
                    Case(
                        name="own",
                        phase="online",
                        units=size,
                        prepare=lambda: done.append("prepare"),
                        work=lambda: work("own"),
                        traffic=lambda: Traffic(size, 2 * size, 1),
                        limit="bare",
                        once=once,
                    ),
                    Case(name="bare", phase="online", units=size, work=lambda: work("bare")),
                ]
            ]
        )

    return Bench("toy", "a toy", {"size": 4, "seed": 0}, groups)


def measured(repeats: int = 3, *, once: bool = False) -> tuple[list[Measurement], list[str]]:
    done: list[str] = []
    toy = bench(done, once=once)
    return list(measuring.run(toy, toy.parameters(["size=5"]), repeats)), done


def test_cases_take_turns_after_one_warm_up_each() -> None:
    _, done = measured(repeats=3)
    assert done == ["prepare", "own", "bare"] * 4


def test_each_lap_is_announced() -> None:
    said: list[str] = []
    toy = bench([], once=True)
    assert len(list(measuring.run(toy, toy.parameters(["size=1"]), 2, said.append))) == 2
    assert said == ["bare, warming up", "own, lap 1 of 1", "bare, lap 1 of 2", "bare, lap 2 of 2"]


def test_what_runs_once_runs_once_and_cold() -> None:
    (own, bare), done = measured(repeats=3, once=True)
    assert done.count("own") == 1
    assert len(own.repeats) == 1
    assert len(bare.repeats) == 3
    assert own.ratio is not None


def test_a_measurement_has_every_field_and_its_params() -> None:
    (own, _), _ = measured()
    found = own.to_json()
    assert found.keys() >= FIELDS
    assert found["params"] == {"size": 5, "seed": 0}
    assert (own.bytes_up, own.bytes_down, own.rounds) == (5, 10, 1)
    assert len(own.repeats) == len(own.cpu_repeats) == 3
    assert own.peak_rss_mb > 1


def test_ratios_are_of_rates_side_by_side() -> None:
    (own, bare), _ = measured()
    pairs = zip(own.repeats, bare.repeats, strict=True)
    assert own.ratio == pytest.approx(sorted(limit / mine for mine, limit in pairs)[1])
    assert own.limit_per_second == bare.per_second
    assert bare.ratio is None
    assert own.per_second == pytest.approx(5 / own.wall_s)


@pytest.mark.parametrize("given", ["other=1", "size=big", "size", "size=1.5"])
def test_a_parameter_that_is_not_one_is_refused(given: str) -> None:
    with pytest.raises(InputInvalidError) as refused:
        bench([]).parameters([given])
    assert refused.value.clause == "bench.set"
    assert "size" in refused.value.remedy


def test_traffic_counts_what_a_transcript_holds() -> None:
    transcript = Transcript()
    for _, sender in itertools.product(range(2), ("client", "server")):
        transcript.record(sender, "message", b"1234", b"5")
    assert Traffic.of(transcript, up="client", down="server", times=3) == Traffic(30, 30, 2)


def test_security_falls_by_half_the_logarithm_of_evaluations() -> None:
    assert [oprf_bits(count) for count in (0, 1, 1 << 20)] == [126, 126, 116]


def test_a_machine_is_described_and_its_processes_are_counted() -> None:
    described = machine.describe()
    assert {"cpu", "cores", "memory_mb", "system", "python", "unseen"} <= described.keys()
    before = machine.cpu_seconds()
    spin(100_000)
    assert machine.cpu_seconds() > before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
def test_one_core_holds_while_it_is_asked_for() -> None:
    allowed = os.sched_getaffinity(0)
    with machine.one_core(-1) as core:
        assert os.sched_getaffinity(0) == {core} <= allowed
    assert os.sched_getaffinity(0) == allowed
    with pytest.raises(InputInvalidError), machine.one_core(1 << 20):
        pass
