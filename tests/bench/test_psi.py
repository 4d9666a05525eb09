"""The bench of intersections: what it finds and counts, its peers, its network. No clock."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unseen.bench import filed, items, measuring, peers, psi, psi_peers
from unseen.bench.main import app
from unseen.bench.measuring import Measurement
from unseen.bench.naive import Naive
from unseen.bench.pairs import Pair
from unseen.bench.registry import Settings
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng, Steps

ELEMENT = 32
ALONE = ("peers=0",)
STAND_IN = """#!/bin/sh
while read order; do
    echo "$order" >> {orders}
    echo '{{"done": "", "found": 10, "up": 700, "down": 90, "rounds": 1}}'
done
"""


def run(*given: str) -> dict[str, Measurement]:
    found = measuring.run(psi.BENCH, psi.BENCH.parameters(["n=40", "common=25", *given]), 1)
    return {item.name: item for item in found}


def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in psi_peers.RUNS:
        python = tmp_path / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(STAND_IN.format(orders=tmp_path / name / "orders"), encoding="utf-8")
        python.chmod(0o700)
    monkeypatch.setenv(peers.VARIABLE, str(tmp_path))


def test_intersections_find_what_both_sets_have() -> None:
    found = run(*ALONE)
    for name, up, down in (
        ("psi/ecdh", 40, 80),
        ("psi/cardinality", 80, 40),
        ("psi/ecdh/naive", 40, 80),
    ):
        assert found[name].note == "10 in both"
        assert (found[name].bytes_up // ELEMENT, found[name].bytes_down // ELEMENT) == (up, down)
        assert found[name].limit_per_second


def test_sums_are_of_what_both_sets_have() -> None:
    found = run(*ALONE, "protocol=sum")["psi/sum"]
    assert found.note == "10 in both"
    assert found.rounds == 2
    assert found.bytes_up > 40 * (1 + 3) * ELEMENT  # the items, and the provider's with theirs
    assert found.bytes_down > 40 * 3 * ELEMENT


def test_nobody_learns_the_sum_over_no_item() -> None:
    assert "psi/sum" not in run(*ALONE, "common=0", "baselines=0")
    with pytest.raises(InputInvalidError):
        run(*ALONE, "common=0", "protocol=sum")


def test_one_protocol_alone_and_no_baselines() -> None:
    assert set(run(*ALONE, "protocol=cardinality")) == {"psi/cardinality", "psi/cardinality/raw"}
    assert "psi/ecdh/naive" not in run(*ALONE, "baselines=0")


def test_a_network_adds_its_round_trips_and_its_bytes() -> None:
    found = run(*ALONE, "protocol=ecdh", "baselines=0", "net=wan:2s,8kbps")
    plain, wan = found["psi/ecdh"], found["psi/ecdh/wan"]
    least = 2 + (plain.bytes_up + plain.bytes_down) / 1000
    assert least < wan.wall_s < least + 1 + plain.cpu_s
    assert wan.params["net"] == "wan:2s,8kbps"
    assert (wan.bytes_up, wan.bytes_down) == (plain.bytes_up, plain.bytes_down)


def test_all_sizes_of_a_sweep_are_run() -> None:
    asked = ["run", "psi", "--sweep", "3,5", "--set", "peers=0", "--repeats", "1"]
    done = CliRunner().invoke(app, [*asked, "--format", "json"])
    listed = json.loads(done.stdout)
    assert {item["params"]["n"] for item in listed if item["name"] == "psi/ecdh"} == {3, 5}


@pytest.mark.parametrize(
    ("asked", "clause"),
    [
        (["run", "receipt", "--sweep", "3,5"], "bench.sweep"),
        (["run", "psi", "--sweep", "3,big"], "bench.set"),
        (["run", "oprf", "--protocol", "a:B"], "bench.protocol"),
        (["run", "psi", "--set", "protocol=other"], "bench.set"),
        (["run", "psi", "--set", "n=0"], "bench.set"),
        (["run", "psi", "--set", "common=101"], "bench.set"),
        (["run", "psi", "--set", "net=far"], "bench.net"),
    ],
)
def test_what_cannot_be_run_is_refused(asked: list[str], clause: str) -> None:
    refused = CliRunner().invoke(app, asked).exception
    assert isinstance(refused, InputInvalidError)
    assert refused.clause == clause
    assert refused.remedy


def test_a_wrong_result_is_no_result() -> None:
    class Wrong(Naive):
        def first(self, given: Sequence[bytes], rng: Rng) -> Steps:
            found = yield from super().first(given, rng)
            return found[1:]

    def note(*learnt: object) -> str:
        if learnt[0] != (2,):
            raise RuntimeError("wrong")
        return "right"

    given = items.sets(3, 1)
    right, wrong = Pair(Naive(), given, 0, note), Pair(Wrong(), given, 0, note)
    right.run()
    assert right.note() == "right"
    wrong.run()
    with pytest.raises(RuntimeError, match="wrong"):
        wrong.note()


def test_files_carry_the_same_bytes_as_memory() -> None:
    held = run(*ALONE, "baselines=0")
    files = run(*ALONE, "held=files", "net=wan:2s,8kbps")
    for name in ("psi/ecdh", "psi/cardinality", "psi/sum"):
        one, other = held[name], files[f"{name}/files"]
        assert (one.bytes_up, one.bytes_down) == (other.bytes_up, other.bytes_down)
        assert (one.rounds, one.limit) == (other.rounds, other.limit)
        assert other.note == "10 in both; 256 MB for a step"
        assert files[f"{name}/files/wan"].wall_s > 2
        assert name not in files


@pytest.mark.parametrize("method", ["ecdh", "cardinality", "sum"])
def test_files_that_give_another_result_are_no_result(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = filed.Filed(method, 40, 10, 64, 0)
    right.run()
    wrong = filed.Filed(method, 40, 10, 64, 0)
    monkeypatch.setattr(wrong, "_items", lambda start: right._items(start + bool(start)))
    with pytest.raises(RuntimeError, match="over files"):
        wrong.run()


def test_peers_stand_beside_in_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins(tmp_path, monkeypatch)
    found = run()
    for runs in psi_peers.RUNS.values():
        for each in runs:
            one = found[f"{each.beside}/{each.name}"]
            assert (one.bytes_up, one.bytes_down, one.note) == (700, 90, "10 in both")
            assert one.run == found[each.beside].run
            assert one.limit == f"{each.beside}/raw"
    orders = (tmp_path / "spu" / "orders").read_text(encoding="utf-8").split("\n")
    assert {"run rr22", "count rr22", "run fourq", "count kkrt"} <= set(orders)


def test_a_peer_that_finds_something_else_is_no_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins(tmp_path, monkeypatch)
    with pytest.raises(RuntimeError, match="openmined-psi finds 10, not 20"):
        run("common=50", "protocol=cardinality")


def test_what_somebody_brings_stands_beside_one_protocol() -> None:
    found = run(*ALONE, "own=unseen.bench.naive:Naive", "baselines=0")
    assert [name for name in found if name.endswith("Naive")] == ["psi/ecdh/Naive"]


@pytest.mark.slow
@pytest.mark.parametrize("name", psi_peers.RUNS)
def test_installed_peers_find_the_same(name: str) -> None:
    if peers.python(name) is None:
        pytest.skip(f"./unseen dev peers {name} was not run")
    settings = Settings({"n": 400, "common": 25})
    with peers.running(name, name, settings) as peer:
        assert peer is not None
        for each in psi_peers.RUNS[name]:
            assert peer.ask(each.order)["found"] == 100


def test_files_that_give_another_sum_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    run_of = filed.Filed("sum", 40, 10, 64, 0)
    run_of.run()
    assert run_of.note().startswith("10 in both")
    monkeypatch.setattr(items, "BEYOND", 7)
    with pytest.raises(RuntimeError, match="another sum"):
        run_of.note()
