"""A node's noise over a vector of several parts: each with its own law, drawn once."""

from fractions import Fraction

import numpy as np
import pytest

from unseen.node.joint.noise import WIDEST, PartsNoise
from unseen.protocols.dp import Distributed
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.secagg.noise import reach
from unseen.protocols.testing import seeded_rng


def test_each_part_has_its_own_law() -> None:
    narrow, wide = Distributed(4, 3, 4000), Distributed(Fraction(10**8), 3, 1000)
    noise = PartsNoise([(narrow, 4000), (wide, 1000)], seeded_rng(1))
    assert noise.reach == reach(wide) > reach(narrow)
    drawn = np.concatenate([noise(1500), noise(3000), noise(500)])
    assert drawn.dtype == np.int64
    assert 3.5 < drawn[:4000].var() < 4.5
    assert 0.8e8 < drawn[4000:].var() < 1.2e8
    with pytest.raises(InputInvalidError, match="once"):
        noise(1)


def test_laws_too_wide_for_a_table_are_drawn_one_by_one() -> None:
    law = Distributed(Fraction(10**24), 3, 64)
    drawn = PartsNoise([(law, 64)], seeded_rng(2))(64)
    assert 10**11 < np.abs(drawn).mean() < 10**13
    with pytest.raises(InputInvalidError, match="wider"):
        PartsNoise([(Distributed(WIDEST * 2, 3, 1), 1)], seeded_rng(2))


def test_two_keys_draw_differently_and_nothing_shows_in_its_name() -> None:
    law = Distributed(100, 3, 32)
    first, second = (PartsNoise([(law, 32)], seeded_rng(seed)) for seed in (3, 4))
    assert repr(first) == "PartsNoise(1 parts left)"
    assert (first(32) != second(32)).any()
