"""Runs of encrypted scores at a real node: what comes back, what is refused, what is charged."""

from collections.abc import Iterator

import numpy as np
import pytest
from tests.promises.scoring import MODEL, Asking, contract, register, rows_of
from tests.promises.stage import Stage, serving

from unseen.client.errors import RefusedError
from unseen.client.jobs import JobNotDoneError
from unseen.v1 import intersect_pb2


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage that offers scores."""
    folder = tmp_path_factory.mktemp("scores")
    with serving(template.copy(folder / "stage")) as found:
        register(found, folder)
        yield found


def test_scores_are_those_of_the_model_and_charged_once(stage: Stage) -> None:
    identifier = contract(stage)
    rows = rows_of(9_000)
    asked = Asking.of(stage.lender, identifier, rows)
    assert asked.request.units == 2
    asked.send()
    answer = asked.answered()
    found = asked.scores(answer, len(rows))
    assert np.abs(found - MODEL.predictor(rows)).max() <= 1e-4
    assert asked.run().value == answer.value
    assert stage.lender.contract(identifier).units_used == 2


def test_a_ciphertext_that_is_none_fails_the_job_and_is_not_charged(stage: Stage) -> None:
    identifier = contract(stage)
    asked = Asking.of(stage.lender, identifier, rows_of(5))
    broken = bytearray(asked.data)
    broken[200:208] = b"\xff" * 8  # a word above its prime
    asked = asked.over(bytes(broken), 1)
    asked.send()
    with pytest.raises(JobNotDoneError) as caught:
        asked.answered()
    assert caught.value.job.failure == "MALFORMED_MESSAGE"
    assert stage.lender.contract(identifier).units_used == 0
    with pytest.raises(RefusedError):
        asked.fetch()


@pytest.mark.parametrize("cut", ["context", "batches"])
def test_what_has_not_been_sent_is_said(stage: Stage, cut: str) -> None:
    asked = Asking.of(stage.lender, contract(stage), rows_of(5))
    if cut == "context":
        asked.upload(asked.data, intersect_pb2.PART_BATCHES)
    else:
        asked.upload(asked.context, intersect_pb2.PART_CONTEXT)
    with pytest.raises(RefusedError) as caught:
        asked.run()
    assert caught.value.clause == cut


def test_parts_that_do_not_belong_to_the_ring_are_refused(stage: Stage) -> None:
    asked = Asking.of(stage.lender, contract(stage), rows_of(5))
    context, batches = intersect_pb2.PART_CONTEXT, intersect_pb2.PART_BATCHES
    for data, part, changes, clause in (
        (asked.context[:-1], context, {}, "size"),
        (asked.context, context, {"request": "0" * 32}, "request"),
        (asked.data[:-1], batches, {}, "parameters.score.most"),
        (asked.data * 9, batches, {}, "parameters.score.most"),
        (asked.data, intersect_pb2.PART_SET, {}, "part"),
    ):
        with pytest.raises(RefusedError) as caught:
            asked.upload(data, part, **changes)
        assert caught.value.clause == clause
