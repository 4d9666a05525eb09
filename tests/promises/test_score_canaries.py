"""Weights and rows of encrypted scores are planted numbers: found nowhere they were not put."""

import json
import secrets
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.promises.canaries import Found, Scanner
from tests.promises.scoring import PRODUCT, Asking, contract, register
from tests.promises.stage import Stage
from tests.promises.wire import Recorder
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import RefusedError
from unseen.client.jobs import JobNotDoneError
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models import Feature, Model, line

WHOLE = 10**12  # of a column, in units of 10^-9
FEATURES = tuple(Feature(name=name, low=0, high=WHOLE, decimals=9) for name in ("debt", "income"))


def planted(count: int) -> NDArray[np.float64]:
    """Return rows that nobody can guess, of twelve digits each."""
    least = WHOLE // 10
    drawn = [[least + secrets.randbelow(WHOLE - least) for _ in FEATURES] for _ in range(count)]
    return np.array(drawn, np.float64) / 10**9


def drawn_model() -> Model:
    """Return a model whose weights nobody can guess."""
    weights = [(secrets.randbits(52) / 2**52 - 0.5) / 500 for _ in FEATURES]
    return line("linear", FEATURES, weights, secrets.randbits(52) / 2**52)


def written(number: float) -> list[bytes]:
    """Return how a number is likely to be written down, all of 8 bytes or more."""
    whole = round(number * 10**9)
    texts = {repr(number), f"{number:.9f}", str(whole)}
    raw = [struct.pack(order, number) for order in ("<d", ">d")]
    return raw + [text.encode() for text in texts if len(text) >= 10]


def files(*homes: Path) -> list[tuple[str, bytes]]:
    found = [path for home in homes for path in home.rglob("*") if path.is_file()]
    assert len(found) > 10
    return [(str(path), path.read_bytes()) for path in found]


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises((RefusedError, InputInvalidError, JobNotDoneError)) as caught:
        call()
    return f"{caught.value!r} {getattr(caught.value, 'remedy', '')}"


def walk(stage: Stage, rows: NDArray[np.float64], folder: Path) -> tuple[str, list[float]]:
    """Score by each way, bad rows and hostile ones too; return what was read, and the scores."""
    lender, identifier = stage.lender, contract(stage)
    found = lender.score(identifier, rows)
    assert lender.fetch_scores(found.request_id) == found
    beyond = np.append(rows, [[rows[0, 0], -rows[0, 1]]], axis=0)
    shown: list[Any] = [refusal(lambda: lender.score(identifier, beyond))]
    texts = [[f"{number:.9f}x" for number in row] for row in rows.tolist()]
    shown.append(refusal(lambda: lender.score(identifier, texts)))
    hostile = Asking.of(lender, identifier, rows)
    hostile = hostile.over(hostile.data[:-89] + b"\xff" * 8 + hostile.data[-81:], 1)
    hostile.send()
    shown.append(refusal(hostile.answered))
    shown += [lender.usage(identifier), *lender.receipts(identifier), *stage.operator.leaves()]
    shown += [stage.operator.export_product(PRODUCT), lender.export_receipt(found.request_id)]
    shown += [*stage.operator.jobs(identifier), *stage.operator.products()]
    shown += [lender.score_columns(identifier), lender.contract_form(identifier, "both")]
    file, home = folder / "rows.csv", str(stage.party_home("lender"))
    lines = [",".join(f"{number:.9f}" for number in row) for row in rows.tolist()]
    file.write_text("\n".join(["debt,income", *lines]) + "\n")
    stage.close_clients()
    said = ["score", identifier, "--file", str(file), "--home", home, "--format", "json"]
    done = CliRunner().invoke(app, said)
    assert done.exit_code == 0, done.output
    said_of_it = json.loads(done.stdout)
    scores, predicted = said_of_it.pop("scores"), said_of_it.pop("predicted")
    assert scores == predicted  # of a linear model
    return repr([*shown, said_of_it]), [*found.scores.tolist(), *scores]


def test_neither_weights_nor_rows_nor_scores_are_where_they_do_not_belong(
    copy: Callable[[], Stage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, stage = Recorder(), copy()
    monkeypatch.setattr(grpc, "secure_channel", recorder.channel)
    model, rows = drawn_model(), planted(12)
    weights = [number for layer in model.layers for number in layer.numbers()]
    stage.start()
    file = register(stage, tmp_path, model)
    shown, scores = walk(stage, rows, tmp_path)
    stage.stop()
    assert np.abs(np.array(scores[:12]) - model.predictor(rows)).max() <= 1e-4

    numbers = [*weights, *rows.ravel().tolist(), *scores]
    scanner = Scanner(one for number in numbers for one in written(number))
    for own in (file, tmp_path / "rows.csv"):  # where they do belong
        assert scanner.find(own.read_bytes(), own.name)
    places = [
        *((f"sent to {method}", data) for method, data in recorder.sent),
        *((f"received from {method}", data) for method, data in recorder.received),
        *files(stage.home, stage.party_home("lender")),
        ("what the node printed", stage.output.read_bytes()),
        ("what users were shown", shown.encode()),
    ]
    found: list[Found] = []
    for place, data in places:
        found += scanner.find(data, place)
    assert not found
    assert sum(len(data) for _, data in recorder.sent) > 1_000_000
    assert {method for method, _ in recorder.received} >= {
        "/unseen.v1.ScoreService/Run",
        "/unseen.v1.ScoreService/Fetch",
        "/unseen.v1.CatalogService/RegisterProduct",
    }
