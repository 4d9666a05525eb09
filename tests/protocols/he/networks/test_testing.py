"""The suite for networks' schemes passes those that are here, and finds out wrong ones."""

from typing import Any

import pytest
from tests.protocols.he.networks.cases import planned

from unseen.protocols.he.networks import clear, tenseal_scheme
from unseen.protocols.he.networks.scheme import NetworkScheme
from unseen.protocols.he.networks.testing import check_scheme
from unseen.protocols.testing import seeded_rng

WHOLE, PARAMETERS = planned()


@pytest.mark.parametrize("scheme", [clear.SCHEME, tenseal_scheme.SCHEME], ids=lambda one: one.name)
def test_schemes_pass(scheme: NetworkScheme[Any]) -> None:
    check_scheme(scheme, PARAMETERS, WHOLE, seeded_rng(5))


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
        return super().encrypt(columns.clip(-1, 1))


class Bent:
    def __init__(self, node: clear.ClearNode, what: str) -> None:
        self.node, self.what = node, what

    def scored(self, ciphertexts: Any, model: Any) -> Any:
        if self.what == "count":
            ciphertexts = [*ciphertexts, ciphertexts[0]][:3]
        if self.what == "error" and not ciphertexts[0]:
            raise KeyError
        if self.what == "model" and model != WHOLE:
            model = WHOLE
        total = self.node.scored(ciphertexts, model)
        return tuple(one + (self.what == "score") * (1 << 120) for one in total)

    def private(self, total: Any, rng: Any) -> bytes:
        return self.node.private(total, rng)


@pytest.mark.parametrize("what", ["bounds", "context", "error", "count", "score", "model"])
def test_wrong_schemes_are_found_out(what: str) -> None:
    with pytest.raises(AssertionError):
        check_scheme(Wrong(what), PARAMETERS, WHOLE, seeded_rng(1))


def test_the_twin_that_is_bent_nowhere_passes() -> None:
    check_scheme(Wrong("nothing"), PARAMETERS, WHOLE, seeded_rng(1))
