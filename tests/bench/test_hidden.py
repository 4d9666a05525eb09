"""The bench of a table that stays: every answer opens right, bytes add up. No clock."""

import os
from dataclasses import replace

import numpy as np
import pytest

from unseen.bench import limits, lookup, measuring, simplepir
from unseen.bench.hidden import Table, subject
from unseen.bench.measuring import Measurement
from unseen.bench.net import Tape
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import matrix
from unseen.protocols.lookup.lwe_pir.parameters import SECRET
from unseen.protocols.oprf import server
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import Transcript, seeded_rng

SMALL = ("way=lwe_pir", "records=300", "together=3", "planned=50")


def run(*given: str) -> dict[str, Measurement]:
    found = measuring.run(lookup.BENCH, lookup.BENCH.parameters([*SMALL, *given]), 1)
    return {item.name.removeprefix("lookup/"): item for item in found}


@pytest.fixture
def table() -> Table:
    made = Table(lookup.BENCH.parameters([*SMALL, "label=8"]))
    made.evaluate()
    made.fill()
    made.publish()
    return made


def test_a_built_table_is_measured_phase_by_phase() -> None:
    found = run("net=wan:80ms,100mbps")
    shape = Table(lookup.BENCH.parameters([*SMALL])).shape
    assert shape.label_bytes == 32
    steps = [name for name, item in found.items() if item.phase == "set-up"]
    assert {"lwe_pir/oprf", "lwe_pir/filters", "lwe_pir/hint", "simplepir/hint"} < set(steps)
    assert all(found[name].units == 300 for name in steps[:1])
    assert found["lwe_pir/hint"].bytes_down == shape.hint_bytes
    assert found["lwe_pir/oprf"].note.startswith(f"built; {shape.blocks} x {shape.width} cells")
    alone, batch = found["lwe_pir/server"], found["lwe_pir/batch"]
    for each in (alone, batch):
        sent = (each.bytes_up, each.bytes_down)
        assert sent == (each.units * shape.query_bytes, each.units * shape.answer_bytes)
    assert batch.units == 3
    whole, wan = found["lwe_pir/whole"], found["lwe_pir/whole/wan"]
    assert whole.bytes_up == 32 + shape.query_bytes
    assert whole.bytes_down == 32 + 64 + shape.answer_bytes
    assert (whole.rounds, wan.wall_s > 2 * 0.08) == (2, True)
    assert found["lwe_pir/client"].note == "opened right"
    assert whole.note.endswith("opened right")


def test_each_case_stands_beside_its_limit_in_one_run() -> None:
    found = run()
    for item in found.values():
        if item.limit:
            limit = found[item.limit.removeprefix("lookup/")]
            assert limit.run == item.run
            assert item.limit_per_second
    held = {"oprf", "filters", "hint", "server", "batch", "prepare", "prepare/batch", "client"}
    assert all(found[f"lwe_pir/{name}"].limit for name in held)


def test_a_table_at_random_says_so_and_opens() -> None:
    found = run("synthetic=1", "label=1", "baselines=0")
    assert found["lwe_pir/synthetic"].note.startswith("synthetic: random cells, no OPRF")
    assert not {"lwe_pir/oprf", "lwe_pir/filters"} & found.keys()
    assert not [name for name in found if name.startswith("simplepir")]
    assert found["lwe_pir/whole"].note.endswith("opened right")


def test_every_record_opens_to_its_label_and_nothing_else_passes(table: Table) -> None:
    tape, transcript = Tape(), Transcript()
    for number in (0, 7, 299):
        asked = table.ask(number, tape, transcript)
        total = table.repeat(asked)
        table.check(number, total)
        with pytest.raises(RuntimeError, match="other cells"):
            table.check(number, bytes([total[0] ^ 1]) + total[1:])
        with pytest.raises(RuntimeError, match="other cells"):
            table.check((number + 1) % 300, total)
    assert tape.seconds("buyer") > 0 < tape.seconds("operator")


def test_a_label_that_is_not_the_records_is_seen(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = table.repeat(table.ask(5, Tape(), Transcript()))
    block, key = table.keyed(server.evaluate_input(table.key, subject(5), Mode.VOPRF))
    monkeypatch.setattr(table, "keyed", lambda _: (block, replace(key, pad=bytes(len(key.pad)))))
    with pytest.raises(RuntimeError, match="another label"):
        table.check(5, total)


@pytest.mark.parametrize("given", ["label=9", "planned=0", "together=0", "records=0"])
def test_what_no_table_has_is_refused(given: str) -> None:
    with pytest.raises(InputInvalidError):
        run(given)


def test_the_baseline_opens_every_byte_of_a_column() -> None:
    rows = np.random.default_rng(1).integers(-128, 128, (30, 2048), np.int8)
    key, rng = bytes(16), seeded_rng(2)
    hint = simplepir.hint(key, rows)
    assert hint.shape == (30, simplepir.SECRET)
    for column in (0, 1000, 2047):
        secret, words = simplepir.query(key, 2048, column, rng)
        answer = simplepir.answer(rows, words.reshape(1, -1))[0]
        found = simplepir.opened(secret, hint, answer)
        assert found.tolist() == rows[:, column].view(np.uint8).tolist()


def test_the_baselines_hint_is_the_product_with_its_matrix() -> None:
    rows = np.random.default_rng(1).integers(-128, 128, (3, 300), np.int8)
    whole = np.concatenate([simplepir.tile(bytes(16), 0, 256), simplepir.tile(bytes(16), 256, 44)])
    expected = matrix.product(rows, np.ascontiguousarray(whole.T)).T
    assert (simplepir.hint(bytes(16), rows) == expected).all()
    assert simplepir.SECRET < SECRET


def test_a_blas_is_told_to_use_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    limits.one_thread()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("3", "1")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
