"""Every bench at a tiny size: its shape, and that bytes add up. Nothing here looks at a clock."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from unseen.bench import (
    consent,
    counting,
    dp,
    evidence,
    joint,
    lookup,
    measuring,
    node,
    oprf,
    peers,
    receipt,
    scale,
    score,
    secagg,
    statistics,
    stopping,
)
from unseen.bench.main import BENCHES, app
from unseen.bench.measuring import Measurement
from unseen.bench.parts import part
from unseen.bench.registry import Bench
from unseen.client.joint.rounds import JointSum
from unseen.protocols.errors import InputInvalidError

ELEMENT, PROOF = 32, 64
FLOWER = {"parties": 5, "dim": 1000, "bits": 16, "seed": 0}


def run(bench: Bench, **parameters: int | str) -> dict[str, Measurement]:
    given = [f"{key}={value}" for key, value in parameters.items()]
    found = measuring.run(bench, bench.parameters(given), 1)
    return {item.name: item for item in found}


def test_oprf_sends_an_element_each_way_and_one_proof() -> None:
    found = run(oprf.BENCH, records=4, batch=8)
    evaluate = found["oprf/evaluate"]
    assert (evaluate.bytes_up, evaluate.bytes_down) == (8 * ELEMENT, 8 * ELEMENT + PROOF)
    assert evaluate.rounds == 1
    assert all(found[item.limit].units == item.units for item in found.values() if item.limit)


def test_receipts_fit_their_limit() -> None:
    found = run(receipt.BENCH, leaves=256, receipts=4)
    issue = found["receipt/issue"]
    assert 4 * 1000 < issue.bytes_down <= 4 * 4096
    assert found["receipt/verify"].limit_per_second


def test_consent_updates_what_it_changes_and_folds_every_subject() -> None:
    found = run(consent.BENCH, subjects=60, signed=4, updates=7)
    assert found["consent/root"].units == found["consent/root/signed"].units == 60
    assert found["consent/update"].units == 7
    assert found["consent/update"].target == consent.UPDATE_TARGET
    assert all(found[item.limit].units == item.units for item in found.values() if item.limit)


def test_secagg_sends_the_bytes_of_its_words() -> None:
    found = run(secagg.BENCH, parties=5, dim=1000, peers=0)
    mask = found["secagg/mask"]
    assert (mask.bytes_up, mask.rounds, mask.units) == (4000, 5, 1000)
    assert mask.note == "4 bytes a parameter"
    assert found["secagg/warm-up"].phase == "warm-up"
    assert found["secagg/warm-up"].note.startswith("AES ")
    assert found["secagg/mask/noise"].target == secagg.NOISE_TARGET
    assert all(found[item.limit].units == item.units for item in found.values() if item.limit)
    assert "secagg/unmask/dropped" in found


def test_a_whole_round_goes_over_a_network() -> None:
    found = run(secagg.BENCH, parties=5, dim=1000, peers=0, net="wan:2s,800kbps")
    whole, wan = found["secagg/round"], found["secagg/round/wan"]
    assert whole.bytes_up > 5 * 4000
    assert (whole.bytes_up, whole.bytes_down) == (wan.bytes_up, wan.bytes_down)
    assert whole.rounds == 5
    assert whole.note.startswith("CPU at a party ")
    # Five waits of two seconds but for the last way back; all vectors go into one line.
    least = 4.5 * 2 + 5 * 4000 / 100_000
    assert least < wan.wall_s < least + 2 + 8 * (whole.bytes_up + whole.bytes_down) / 800_000


def test_secagg_of_four_measures_no_drop_out() -> None:
    found = run(secagg.BENCH, parties=4, dim=10, ring=64)  # and no peer in this ring
    assert found["secagg/mask"].bytes_up == 80
    assert "secagg/unmask/dropped" not in found


def off(item: Measurement) -> float:
    return float(item.note.split()[2])


def test_encrypted_scores_come_out_of_every_way() -> None:
    found = run(score.BENCH, features=3, samples=5, few=2)
    server, calls = found["score/server"], found["score/server/sealapi"]
    assert server.units == calls.units == found["score/client"].units == 5
    assert off(server) < 2**-14
    assert off(calls) < 2**-14
    assert (server.bytes_up, server.bytes_down) == (calls.bytes_up, calls.bytes_down)
    assert server.bytes_up == found["score/client"].bytes_up
    assert found["score/server/tutorial"].units == 2
    assert found["score/server/batched"].bytes_up > 3 * 100_000
    assert max(off(found[f"score/server/{way}"]) for way in ("batched", "tutorial")) < 1e-4
    assert found["score/keys"].note.startswith("N 8192, primes of ")
    assert all(found[item.limit].units == item.units for item in found.values() if item.limit)


@pytest.mark.parametrize("given", [{"samples": 0}, {"features": 0}, {"few": 0}, {"precision": 41}])
def test_scores_that_nobody_can_compute_are_an_error(given: dict[str, int]) -> None:
    with pytest.raises(InputInvalidError) as raised:
        run(score.BENCH, **given)
    assert raised.value.clause


def test_scores_are_measured_alone_and_over_several_ciphertexts() -> None:
    found = run(score.BENCH, features=2, samples=8193, baselines=0)
    assert off(found["score/server"]) < 2**-14
    assert not {name for name in found if name.endswith(("sealapi", "batched", "tutorial"))}
    found = run(score.BENCH, features=2, samples=10, baselines=1)
    assert off(found["score/server/sealapi"]) < 2**-14
    assert not {name for name in found if name.endswith(("batched", "tutorial"))}


@pytest.mark.long
def test_a_run_of_scores_is_measured_in_a_process_of_its_own() -> None:
    found = run(score.BENCH, features=1, samples=1_000_000, baselines=0, job=1)["score/job"]
    assert (found.units, len(found.repeats)) == (1_000_000, 1)
    assert "; 123 batches, " in found.note
    assert off(found) < 1e-4
    assert found.peak_rss_mb < 256
    assert found.bytes_up > 100 * found.bytes_down / 123 > 10_000_000


def test_a_run_of_scores_that_no_process_can_do_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InputInvalidError, match=r"the step write .* failed: no word") as raised:
        run(score.BENCH, features=2, samples=5, baselines=0, job=1)
    assert (raised.value.clause, bool(raised.value.remedy)) == ("bench.score", True)


def stand_in(path: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    python = path / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    python.chmod(0o700)
    monkeypatch.setenv(peers.VARIABLE, str(path))


def test_a_peer_is_measured_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"read order && echo $order >> {tmp_path}/orders"
    answers = f"""while {said}; do echo '{{"done": "", "bytes": 8000}}'; done"""
    stand_in(tmp_path, "flwr", answers, monkeypatch)
    found = run(secagg.BENCH, parties=5, dim=1000)
    mask = found["secagg/mask/flower"]
    assert (mask.bytes_up, mask.units, mask.limit) == (8000, 1000, "secagg/mask/aes")
    assert mask.limit_per_second
    assert found["secagg/unmask/dropped/flower"].limit == "secagg/unmask/dropped/aes"
    orders = (tmp_path / "orders").read_text(encoding="utf-8").split("\n")
    assert {"mask", "ready 0", "ready 1", "unmask"} == set(orders) - {""}


def test_a_peer_that_does_not_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, "flwr", "exit 1", monkeypatch)
    with pytest.raises(InputInvalidError, match="does not answer") as caught:
        run(secagg.BENCH, parties=5, dim=10)
    assert caught.value.clause == "bench.peers"


def test_a_peer_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = """while read order; do echo '{"failed": "OSError: no room"}'; done"""
    stand_in(tmp_path, "flwr", says, monkeypatch)
    with pytest.raises(InputInvalidError, match="OSError: no room") as caught:
        run(secagg.BENCH, parties=5, dim=10)
    assert caught.value.clause == "bench.peers"


def test_a_peer_that_is_not_there_is_left_out_in_so_many_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(peers.VARIABLE, str(tmp_path))
    found = run(secagg.BENCH, parties=5, dim=10)
    assert "Flower's SecAgg+ is not measured: install it with ./unseen dev peers flwr" in (
        capsys.readouterr().err
    )
    assert "secagg/mask/flower" not in found


@pytest.mark.slow
@pytest.mark.skipif(peers.python("flwr") is None, reason="./unseen dev peers was not run")
def test_flower_adds_up_what_we_do() -> None:
    with peers.running("flwr", "Flower", FLOWER) as peer:
        assert peer is not None
        assert peer.ask("mask")["bytes"] > 8 * 1000
        for gone in (0, 1):
            peer.ask(f"ready {gone}")
            assert peer.ask("unmask")["error"] < 1e-4


@pytest.mark.slow
@pytest.mark.long
def test_questions_are_answered_by_each_side() -> None:
    found = run(statistics.BENCH, times=1, asked=2, asked_rows=500)
    assert len(found) == 3 * len(statistics.QUESTIONS) + 3
    new, known = found["statistics/node/new"], found["statistics/node/known"]
    assert (new.units, new.limit) == (known.units, known.name)
    assert new.note.startswith("p50 ")
    for name in statistics.QUESTIONS:
        ours = found[f"statistics/{name}"]
        assert ours.limit == f"statistics/{name}/by-hand"
        assert ours.units == found[ours.limit].units == counting.ROWS == statistics.ROWS
        assert ours.peak_rss_mb > 1
        assert "flights" in ours.note


@pytest.mark.slow
@pytest.mark.long
def test_a_round_over_real_nodes_sends_a_vector_of_each() -> None:
    found = run(joint.BENCH, parties=3, dim=2000)
    whole, bare = found["joint/round"], found["joint/round/bare"]
    assert bare.bytes_down == 3 * 2000 * 8
    assert bare.bytes_down < whole.bytes_down < 2 * bare.bytes_down
    assert 3 * 1000 < whole.bytes_up < bare.bytes_down
    assert (whole.units, whole.rounds, whole.limit) == (2000, joint.STEPS, bare.name)
    assert whole.target == joint.TARGET
    assert whole.note.startswith("CPU ")
    assert found["joint/agree"].phase == "set-up"


def test_a_round_of_the_bench_is_held_against_its_parts() -> None:
    names = ("node-001", "node-003")
    total = part(names[0], 50) + part(names[1], 50)
    right = JointSum(total, names, (), bytes(32), {})
    joint.check(right, 2)
    with pytest.raises(RuntimeError, match="another sum"):
        joint.check(right, 3)
    off = total.copy()
    off[7] += 1000
    with pytest.raises(RuntimeError, match="another sum"):
        joint.check(JointSum(off, names, (), bytes(32), {}), 2)


def test_bare_connections_carry_every_byte() -> None:
    size = (1 << 18) + 5  # more than one piece, and not a whole number of them
    assert joint.carry(3, size) == 3 * size


def test_noise_is_drawn_for_every_coordinate() -> None:
    found = run(dp.BENCH, dim=1000, sigma=3, draws=5, budgets=3)
    assert found["dp/gaussian"].units == found["dp/bytes"].units == 1000
    assert found["dp/gaussian/portable"].limit == "dp/bytes"
    assert found["dp/table"].note == "35 entries"
    assert {item.phase for item in found.values()} == {"offline", "set-up", "online"}
    assert found["dp/single"].units == 5


@pytest.mark.slow
@pytest.mark.long
def test_lookup_builds_a_table_within_its_ceiling_and_opens_it() -> None:
    found = run(
        lookup.BENCH, records=300, queries=8, batch=4, memory_mb=512, net="wan:80ms,100mbps"
    )
    for step in ("register", "fill", "merge"):
        built = found[f"lookup/{step}"]
        assert built.phase == "set-up"
        assert 1 < built.peak_rss_mb < 512
    blind = found["lookup/blind"]
    assert (blind.bytes_up, blind.bytes_down) == (8 * ELEMENT, 8 * ELEMENT + 2 * PROOF)
    whole, wan = found["lookup/whole"], found["lookup/whole/wan"]
    assert whole.note == "4 of 8 found"
    assert 2 * 0.08 < wan.wall_s < 2 * 0.08 + 1
    assert found["lookup/merge"].bytes_down == 300 * 17


@pytest.mark.slow
@pytest.mark.long
def test_every_second_subject_of_the_lookup_is_found() -> None:
    parameters = lookup.BENCH.parameters(["records=50", "queries=8", "batch=2"])
    with lookup.groups(parameters) as groups:
        for case in next(groups):
            case.work()
        blind, _, opened, _ = next(groups)
        blind.work()
        opened.prepare()
        opened.work()
        assert opened.note() == "4 of 8 found"


@pytest.mark.slow
@pytest.mark.long
def test_node_answers_batches_and_singles() -> None:
    found = run(
        node.BENCH, batch=4, batches=3, singles=8, singles_in_flight=4, rows=20, batches_in_flight=2
    )
    batches, singles, alone = (
        found[name] for name in ("node/batches", "node/singles", "node/singles/alone")
    )
    assert batches.bytes_up > 3 * 4 * ELEMENT
    assert batches.bytes_down > 3 * (4 * ELEMENT + PROOF)
    assert alone.note == "1.0 lookups a request"
    assert alone.bytes_up >= singles.bytes_up > 8 * ELEMENT
    assert found["node/singles/echo"].bytes_up == found["node/singles/echo"].bytes_down
    assert batches.target == node.BATCH_TARGET
    assert singles.target == node.SINGLE_TARGET


@pytest.mark.slow
@pytest.mark.long
def test_evidence_charges_in_groups() -> None:
    small = {"charges": 40, "in_flight": 8, "leaves": 64, "decisions": 10, "audited": 120}
    found = run(evidence.BENCH, **small, rows=20, askers=2)
    charge = found["evidence/charge"]
    assert charge.note.endswith("charges a commit")
    assert charge.target == evidence.CHARGE_TARGET
    assert charge.limit_per_second
    assert found["evidence/decide"].units == 10
    for name in ("evidence/log", "evidence/log/signed"):
        assert found[name].units == 120
        assert found[name].limit_per_second
    for way in ("revoke", "suspend", "node"):
        stop = found[f"evidence/stop/{way}"]
        assert stop.note.startswith("0 answers after it, 0 after its leaf, ")
        assert (stop.target, stop.limit) == (stopping.TARGET, "evidence/stop/answer")
        assert stop.limit_per_second


def test_the_list_names_every_bench_and_parameter() -> None:
    done = CliRunner().invoke(app, ["list", "--format", "json"])
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    assert [item["name"] for item in listed] == list(BENCHES)
    assert all(item["params"]["seed"] == 0 for item in listed)
    assert all(item["size"] in {"", *item["params"]} for item in listed)
    assert "oprf" in CliRunner().invoke(app, ["list"]).stdout


def test_benches_are_listed_without_numpy() -> None:
    """The client's installation has none; and BLAS is told its threads before it is there."""
    code = "import sys, unseen.bench.main; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("form", ["json", "table"])
def test_run_prints_what_it_measured(form: str) -> None:
    sizes = ["--set", "records=2", "--set", "batch=2", "--repeats", "2"]
    done = CliRunner().invoke(app, ["run", "oprf", *sizes, "--format", form])
    assert done.exit_code == 0
    if form == "json":
        listed = json.loads(done.stdout)
        assert {item["name"] for item in listed} >= {"oprf/bulk", "oprf/evaluate"}
        assert all(len(item["repeats"]) == 2 for item in listed)
    else:
        assert "oprf/evaluate" in done.stdout
        assert "records=2" in done.stdout


def test_an_unknown_bench_is_refused() -> None:
    refused = CliRunner().invoke(app, ["run", "nothing"]).exception
    assert getattr(refused, "clause", "") == "bench.name"


@pytest.mark.long
def test_scale_builds_one_table_by_any_number_of_workers() -> None:
    found = run(scale.BENCH, records=5_000)
    assert list(found) == [
        *("scale/read", "scale/build/local", "scale/build/one", "scale/build/many")
    ]
    assert {item.units for item in found.values()} == {5_000}
    assert (found["scale/build/many"].limit, found["scale/build/many"].threads) == (
        "scale/build/one",
        2,
    )
    assert all("busiest worker" in item.note for item in found.values())  # and tables are equal
