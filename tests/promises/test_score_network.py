"""Scores by a network of squares at a real node: what they are, what is said, what is refused."""

import struct
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from tests.promises import wire
from tests.promises.canaries import Scanner
from tests.promises.scoring import (
    FEATURES,
    NETWORK,
    NETWORK_PRODUCT,
    Asking,
    contract,
    register,
    rows_of,
)
from tests.promises.stage import Stage, serving

from unseen.client.errors import RefusedError
from unseen.client.jobs import JobNotDoneError
from unseen.evidence.contracts.scoring import Wanted
from unseen.evidence.verify import verify_receipt
from unseen.protocols.he.models import Layer, Model, to_onnx
from unseen.v1 import intersect_pb2


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage that offers scores by a network."""
    folder = tmp_path_factory.mktemp("network")
    with serving(template.copy(folder / "stage")) as found:
        register(found, folder, NETWORK, table="network", product=NETWORK_PRODUCT)
        yield found


@pytest.fixture(scope="module")
def identifier(stage: Stage) -> str:
    """Return a contract over scores of the network."""
    return contract(stage, product=NETWORK_PRODUCT)


def test_scores_are_the_network_s_charged_by_their_ciphertexts_and_receipted(
    stage: Stage, identifier: str
) -> None:
    before = stage.lender.usage(identifier).units_used
    rows = rows_of(8_193)  # one more than slots
    found = stage.lender.score(identifier, rows)
    assert np.abs(found.scores - NETWORK.predictor(rows)).max() <= 1e-4
    assert np.abs(found.predicted - NETWORK.predict(rows)).max() <= 1e-4
    assert stage.lender.usage(identifier).units_used == before + 2
    facts = verify_receipt(found.receipt_path.read_text().strip(), stage.lender._session.trust)
    assert (facts.kind, facts.units) == ("score", 2)
    again = stage.lender.score(identifier, rows[:5])
    assert np.abs(again.scores - NETWORK.predictor(rows[:5])).max() <= 1e-4
    (context,) = (stage.home / "scores").glob(f"{identifier}-*/context")
    assert context.stat().st_size > 5_000_000  # the key's, once, with keys for products


def test_what_leaks_of_a_network_is_said_before_it_is_signed(stage: Stage, identifier: str) -> None:
    signed = stage.lender.contract(identifier)
    said = {line.what: line for line in signed.leakage.statements}
    answers, packed, noise = said["answers"], said["packed"], said["noise"]
    assert "this network of 4 columns is a polynomial of degree 2, known after 15" in answers.text
    assert "15 个评分" in answers.text_zh
    assert "8,192 scores a ciphertext, 163,840 in all: enough for all of it" in answers.bound
    assert "each of 16,384 numbers" in packed.bound
    assert "keys for products" in noise.bound
    assert "乘法密钥" in noise.bound_zh
    assert "the 2 units of its hidden layer" in said["shape"].text
    assert "隐藏层的 2 个单元" in said["shape"].text_zh
    assert "a hidden layer of 2" in str(signed)


def test_fifteen_scores_give_the_network_away_as_the_statement_says(
    stage: Stage, identifier: str
) -> None:
    rows = rows_of(400, seed=5)
    rows[:, 0], rows[:, 1] = rows[:, 0].round(2), rows[:, 1].round()
    scores = stage.lender.score(identifier, rows).scores
    seen = np.stack([rows[:, 0] / 3_000, rows[:, 1] / 80_000, rows[:, 2] == 0], axis=1)
    # The second indicator is one less the first, so that a third of the products say nothing new.
    terms = [np.ones(len(rows)), *seen.T]
    terms += [seen[:, i] * seen[:, j] for i in range(3) for j in range(i, 3) if (i, j) != (2, 2)]
    known = np.stack(terms, axis=1)
    assert known.shape[1] <= 15
    stolen = np.linalg.lstsq(known[:200], scores[:200], rcond=None)[0]
    assert np.abs(known[200:] @ stolen - NETWORK.predictor(rows[200:])).max() < 1e-3


def test_what_is_no_ciphertext_or_no_context_is_refused_and_not_charged(
    stage: Stage, identifier: str
) -> None:
    used = stage.lender.usage(identifier).units_used
    asked = Asking.of(stage.lender, identifier, rows_of(5))
    for data, part, clause in (
        (asked.context[:-1], intersect_pb2.PART_CONTEXT, "size"),
        (asked.data[:-1], intersect_pb2.PART_BATCHES, "parameters.score.most"),
    ):
        with pytest.raises(RefusedError) as caught:
            asked.upload(data, part)
        assert caught.value.clause == clause
    spoilt = bytearray(asked.context)
    middle = len(spoilt) - 4_096  # among the words of the last key for products, before its seed
    spoilt[middle : middle + 16] = b"\xff" * 16
    asked = asked.over(asked.data, 1, bytes(spoilt))
    asked.upload(bytes(spoilt), intersect_pb2.PART_CONTEXT)
    asked.upload(asked.data, intersect_pb2.PART_BATCHES)
    with pytest.raises(JobNotDoneError) as failed:
        asked.answered()
    assert failed.value.job.failure == "MALFORMED_MESSAGE"
    assert stage.lender.usage(identifier).units_used == used


def test_neither_rows_nor_weights_nor_scores_cross_the_socket(
    stage: Stage, identifier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(50, seed=9)
    stage.close_clients()
    recorder = wire.Recorder()
    monkeypatch.setattr(grpc, "secure_channel", recorder.channel)
    found = stage.lender.score(identifier, rows)
    stage.close_clients()
    monkeypatch.undo()
    numbers = [*rows[:, :2].ravel().tolist(), *found.scores.tolist(), *found.predicted.tolist()]
    hidden, end = NETWORK.layers
    weights = [one for layer in (hidden.weights, end.weights) for row in layer for one in row]
    planted = [struct.pack(order, one) for one in (*numbers, *weights) for order in ("<d", ">d")]
    crossed = b"".join(data for _, data in (*recorder.sent, *recorder.received))
    assert len(crossed) > 2_000_000
    assert not Scanner(planted).find(crossed, "the socket")
    written = [repr(number).encode() for number in (*weights, *numbers)]
    for text in written:  # what is shorter stands among millions of random bytes by chance
        assert len(text) < 8 or text not in crossed
    assert sum(len(text) >= 8 for text in written) > 100


def test_deeper_networks_are_not_offered(stage: Stage) -> None:
    cubes = (tuple([0.25] * 4),) * 2
    hidden = Layer(((0.001, 0.002),) * 4, (0.0, 0.0), cubes)
    model = Model("logistic", FEATURES, (hidden, Layer(((1.0,),) * 2, (0.0,))))
    path = stage.home.parent / "cubes.onnx"
    path.write_bytes(to_onnx(model, {}))
    labels = {"*": ("public", "2")}
    stage.operator.register_table("cubes", str(path), subject=["constant", "place"], labels=labels)
    wanted = Wanted(features=FEATURES, precision="0.0001", most=8)
    with pytest.raises(RefusedError) as caught:
        stage.operator.register_product(
            "cubes", table="cubes", kind="score", title="Cubes", predicates=wanted
        )
    assert caught.value.clause == "score.layers"
    assert "one hidden layer" in caught.value.remedy
