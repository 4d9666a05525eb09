"""The suite for schemes passes those that are here, and finds out those that are wrong."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import clear, tenseal_scheme
from unseen.protocols.he.parameters import Demand, choose
from unseen.protocols.he.scheme import HeScheme
from unseen.protocols.he.testing import check_scheme
from unseen.protocols.testing import seeded_rng

PARAMETERS = choose(
    Demand(
        columns=3,
        grid=10,
        weight_bits=12,
        sum_bits=14,
        reach_bits=25,
        precision_bits=14,
        responses=4,
    )
)


@settings(deadline=None, max_examples=6)
@given(
    columns=st.integers(1, 8),
    grid=st.integers(0, 20),
    bits=st.integers(0, 20),
    seed=st.integers(0, 1 << 30),
)
@pytest.mark.parametrize("scheme", [clear.SCHEME, tenseal_scheme.SCHEME], ids=lambda one: one.name)
def test_schemes_pass(scheme: HeScheme[Any], columns: int, grid: int, bits: int, seed: int) -> None:
    demand = replace(
        PARAMETERS.demand,
        columns=columns,
        grid=grid,
        weight_bits=bits,
        sum_bits=bits + 2,
        reach_bits=grid + bits + 3,
    )
    check_scheme(scheme, choose(demand), seeded_rng(seed))


class Wrong(clear.ClearScheme):
    """The twin with one thing wrong."""

    def __init__(self, what: str) -> None:
        self.what = what

    def owner(self, parameters: Any, secret: bytes | None = None) -> Any:
        found = super().owner(parameters, secret)
        return Careless(parameters) if self.what == "bounds" else found

    def opened(self, parameters: Any, context: bytes) -> Any:
        if self.what == "context":
            return clear.ClearNode(parameters)
        return Bent(super().opened(parameters, context), self.what)


class Careless(clear.ClearOwner):
    def encrypt(self, columns: Any) -> list[bytes]:
        return super().encrypt(columns.clip(-1024, 1024))


class Bent:
    def __init__(self, node: clear.ClearNode, what: str) -> None:
        self.node, self.what = node, what

    def check(self, ciphertext: bytes) -> None:
        if self.what == "error" and not ciphertext:
            raise KeyError
        if self.what != "check" or len(ciphertext) < 1000:
            self.node.check(ciphertext)

    def weighted(self, ciphertexts: Any, weights: Any, bias: int) -> Any:
        if self.what == "score":
            bias += 1 << 12
        if self.what == "weights":
            weights = [min(weight, 1 << 13) for weight in weights]
        return self.node.weighted(ciphertexts, weights, bias)

    def private(self, weighted: Any, rng: Any) -> bytes:
        return self.node.private(weighted, rng)


@pytest.mark.parametrize("what", ["bounds", "context", "error", "check", "score", "weights"])
def test_wrong_schemes_are_found_out(what: str) -> None:
    with pytest.raises(AssertionError):
        check_scheme(Wrong(what), PARAMETERS, seeded_rng(1))


def test_the_twin_that_is_bent_nowhere_passes() -> None:
    check_scheme(Wrong("nothing"), PARAMETERS, seeded_rng(1))
    with pytest.raises(MalformedMessageError):
        Wrong("nothing").opened(PARAMETERS, b"")
