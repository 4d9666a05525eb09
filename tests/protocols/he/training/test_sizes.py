"""How long messages are, held against messages as they are made."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.he.training.tasks import Bench, task_of

from unseen.protocols.he.training import sizes
from unseen.protocols.he.training.chain import SLOTS, chain_of

CHAINS = [chain_of(task_of(kind)) for kind in ("logistic", "vertical labels", "vertical linear")]


@pytest.mark.parametrize("kind", ["logistic", "linear", "vertical labels", "vertical linear"])
def test_messages_are_as_long_as_said(kind: str) -> None:
    bench = Bench(task_of(kind))
    chain, task, keys = bench.chain, bench.task, bench.keys
    own, weights = np.zeros((3, task.own_columns)), np.zeros(task.width)
    assert len(bench.context) == sizes.context_bytes(chain)
    sent = keys.weights(weights)
    assert len(sent) == sizes.weights_bytes(chain)
    if task.vertical:
        assert len(keys.block(own, np.zeros(3))) == sizes.block_bytes(chain)
    scores = b""
    if task.own_columns:
        scores = keys.scores(own, weights[task.columns :])
    assert len(scores) == sizes.scores_bytes(chain)
    assert len(sent + scores) == sizes.asked_bytes(chain, SLOTS if scores else 0)
    answer = bench.trainer.answer(bench.trainer.arithmetic.sums(), np.random.default_rng(1).bytes)
    assert len(answer) == sizes.answer_bytes(chain)


@given(rows=st.integers(1, 1 << 24), each=st.sampled_from([1, 32]), chain=st.sampled_from(CHAINS))
def test_a_length_says_for_how_many_rows_it_is(rows: int, each: int, chain: "object") -> None:
    assert isinstance(chain, type(CHAINS[0]))
    size = sizes.rows_bytes(chain, rows, each)
    assert sizes.rows_in(chain, size, each) == rows
    for other in (size - 1, size + 1):
        found = sizes.rows_in(chain, other, each)
        assert found is None or sizes.rows_bytes(chain, found, each) == other
    assert sizes.rows_in(chain, size + 1, 32) is None or each == 1


@pytest.mark.parametrize("size", [-1, 0, 1, 31, 32])
def test_too_short_a_length_is_for_no_number(size: int) -> None:
    assert sizes.rows_in(CHAINS[0], size, 32) is None
