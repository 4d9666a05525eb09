"""Kept measurements: read again, compared, drawn. Figures are made up, so that each is known."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from unseen.bench import comparing, kept, plotting
from unseen.bench.main import app, sizes
from unseen.protocols.errors import InputInvalidError

MACHINE = {"cpu": "A", "cores": 2, "system": "L", "python": "3"}
DOT = re.compile(r'<circle cx="([0-9.]+)" cy="([0-9.]+)"')


def entry(name: str, n: int, laps: list[float], **more: Any) -> dict[str, Any]:
    found = {
        "name": name,
        "run": f"run-{n}",
        "params": {"n": n, "protocol": "ecdh"},
        "units": n,
        "whole": n,
        "repeats": [2 * lap for lap in laps],
        "cpu_repeats": laps,
        "bytes_up": 32 * n,
        "bytes_down": 64 * n,
        "threat_model": "some",
        "machine": MACHINE,
        "commit": "abc",
    }
    return {**found, **more}


def swept(factor: float = 1.0, run: str = "") -> list[dict[str, Any]]:
    found = []
    for n in (10, 100, 1000):
        more = {"run": f"{run}{n}"} if run else {}
        found += [
            entry("psi/ecdh", n, [factor * n, 3 * factor * n, 2 * factor * n], **more),
            entry("psi/ecdh/raw", n, [n, n, n], threat_model="", bytes_up=0, bytes_down=0, **more),
            entry("psi/ecdh/part", n, [5, 15, 10], units=5, **more),
        ]
    return found


def written(path: Path, listed: object) -> Path:
    path.write_text(json.dumps(listed), encoding="utf-8")
    return path


def test_a_part_stands_for_the_whole(tmp_path: Path) -> None:
    read = kept.read([written(tmp_path / "a.json", swept())])
    part = next(one for one in read if one.name == "psi/ecdh/part" and one.units != one.whole)
    assert part.seconds == 10 * 10 / 5
    assert part.bytes_sent == 96 * 10 * 10 / 5
    assert read[0].seconds == 20
    assert [one.own for one in read[:2]] == [True, False]


def test_without_time_of_cpu_it_is_that_of_the_wall(tmp_path: Path) -> None:
    (one,) = kept.read([written(tmp_path / "a.json", [entry("x", 4, [0.0], repeats=[7.0])])])
    assert one.seconds == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[1]",
        "null",
        '[{"name": "x"}]',
        json.dumps([entry("x", 4, [])]),
        json.dumps([entry("x", 4, [1.0], repeats=[])]),
        json.dumps([entry("x", 4, [1.0], repeats=[1.0, 2.0])]),
        json.dumps([entry("x", 4, [-1.0])]),
        json.dumps([entry("x", 4, [float("nan")])]),
        json.dumps([entry("x", 4, [1.0], units=0)]),
        json.dumps([entry("x", 4, [1.0], params=7)]),
    ],
)
def test_what_holds_no_measurements_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputInvalidError) as refused:
        kept.read([path])
    assert refused.value.clause == "bench.file"
    with pytest.raises(InputInvalidError, match="cannot be read"):
        kept.read([tmp_path / "none.json"])


def test_laps_of_one_run_are_set_against_each_other(tmp_path: Path) -> None:
    read = kept.read([written(tmp_path / "a.json", swept())])
    raw, part = comparing.within(read[:3])
    assert (raw.name, raw.against, raw.paired) == ("psi/ecdh/raw", "psi/ecdh", True)
    assert raw.cpu == comparing.Times(1 / 2, 1 / 3, 1)
    assert raw.sent is None
    assert part.cpu == comparing.Times(1, 1, 1)  # lap by lap the same, though laps differ
    assert part.sent == pytest.approx(2)
    (other, _) = comparing.within(read[:3], "psi/ecdh/raw")
    assert other.cpu == comparing.Times(2, 1, 3)
    with pytest.raises(InputInvalidError, match="no run has a case 'none'"):
        comparing.within(read, "none")


def test_laps_of_two_runs_are_not(tmp_path: Path) -> None:
    before = kept.read([written(tmp_path / "a.json", swept())])
    after = kept.read([written(tmp_path / "b.json", swept(2.0, "later-"))])
    first, *_ = comparing.between(before, after)
    assert not first.paired
    assert first.cpu == comparing.Times(2, 2 / 3, 6)
    assert first.wall == first.cpu
    assert first.sent == 1
    assert not list(comparing.notes(before, after))


def test_what_only_one_has_is_named(tmp_path: Path) -> None:
    more = entry("psi/ecdh/new", 10, [1.0], machine={**MACHINE, "cpu": "B"})
    before = kept.read([written(tmp_path / "a.json", swept())])
    after = kept.read([written(tmp_path / "b.json", [*swept(), more])])
    assert list(comparing.notes(before, after)) == [
        "cpu: A against A, B",
        "in one of them alone: psi/ecdh/new",
    ]
    with pytest.raises(InputInvalidError, match="no case with the same parameters"):
        comparing.between(before, after[-1:])


def test_compare_prints_a_row_for_each(tmp_path: Path) -> None:
    one = written(tmp_path / "a.json", swept())
    other = written(tmp_path / "b.json", swept(2.0, "later-"))
    done = CliRunner().invoke(app, ["compare", str(one), str(other)])
    assert done.exit_code == 0
    assert "psi/ecdh n=100 " in done.stdout
    assert "0.67 to 6.00" in done.stdout
    listed = json.loads(CliRunner().invoke(app, ["compare", str(one), "--format", "json"]).stdout)
    assert len(listed) == 6
    assert all(each["paired"] for each in listed)


def test_every_size_is_a_dot_and_every_case_a_law(tmp_path: Path) -> None:
    file = written(tmp_path / "a.json", swept())
    picture = tmp_path / "a.svg"
    done = CliRunner().invoke(app, ["plot", str(file), "--output", str(picture)])
    assert done.exit_code == 0
    drawn = picture.read_text(encoding="utf-8")
    assert "psi/ecdh: 2 n^1.000" in drawn
    assert "psi/ecdh/raw" not in drawn  # a bare limit, not asked for
    series, sizes_each, panels = 2, 3, 2
    assert len(DOT.findall(drawn)) == series * sizes_each * panels + series
    assert "psi/ecdh                            2 n^1.000, +-0.000" in done.stdout
    wanted = ["plot", str(file), "--output", str(picture), "--case", "*/raw", "--format", "json"]
    (law,) = json.loads(CliRunner().invoke(app, wanted).stdout)
    assert (law["name"], law["exponent"]) == ("psi/ecdh/raw", pytest.approx(1))
    assert "bytes sent" not in picture.read_text(encoding="utf-8")


def test_dots_stand_where_their_values_are(tmp_path: Path) -> None:
    read = kept.read([written(tmp_path / "a.json", swept())])
    drawn = plotting.series(read, sizes(), ["psi/ecdh"])
    spots = [(float(x), float(y)) for x, y in DOT.findall(plotting.picture(drawn, ""))][:3]
    gaps = [(b[0] - a[0], a[1] - b[1]) for a, b in itertools.pairwise(spots)]
    assert gaps[0] == pytest.approx(gaps[1], abs=0.2)  # equal factors, equal distances
    assert min(min(gap) for gap in gaps) > 10


@pytest.mark.parametrize("listed", [swept()[:3], [entry("node/batches", 4, [1.0])]])
def test_one_size_makes_no_picture(listed: object, tmp_path: Path) -> None:
    file = written(tmp_path / "a.json", listed)
    refused = CliRunner().invoke(app, ["plot", str(file), "--output", str(tmp_path / "a.svg")])
    assert isinstance(refused.exception, InputInvalidError)
    assert refused.exception.clause == "bench.plot"
    assert not (tmp_path / "a.svg").exists()
