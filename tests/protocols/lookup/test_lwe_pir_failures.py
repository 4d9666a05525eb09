"""How often a hidden lookup comes out wrong: lookups simulated, against the law that docs state.

Every lookup is a real query and a real answer. What the law says of a byte being wrong cannot be
seen in a lifetime; that noise follows the law where it can be seen, three and four deviations out,
and that of so many lookups none is wrong, can.
"""

import math
from typing import Any

import numpy as np
import pytest

from unseen.protocols.lookup.lwe_pir import client, filters, parameters, server
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.testing import seeded_rng

SHAPE = Shape(1, 1024, 1)
DOMAIN = b"a domain of these tests"
KEYS = 780
BATCH = 1000
UNITS = parameters.deviation(SHAPE.width) / 2**16  # a deviation, in the units of answers


class Seen:
    """What came out of lookups: wrong labels, and bytes whose noise passed so many deviations."""

    def __init__(self) -> None:
        self.lookups, self.wrong, self.bytes = 0, 0, 0
        self.beyond = {3: 0, 4: 0}
        self.largest = 0.0


def simulate(lookups: int, tables: int, seed: int) -> Seen:
    """Ask so many tables alike: of one alone, its own bytes would widen or narrow all noise."""
    seen = Seen()
    for number in range(tables):
        ask_one(lookups // tables, 1000 * seed + number, seen)
    return seen


def ask_one(lookups: int, seed: int, seen: Seen) -> None:
    rng, chance = seeded_rng(seed), np.random.default_rng(seed)
    outputs = chance.integers(0, 256, (KEYS, 64), dtype=np.uint8)
    labels = chance.integers(0, 256, (KEYS, 1), dtype=np.uint8)
    block = server.build_rows(SHAPE, DOMAIN, outputs, labels, rng)
    public = Public.of(b"registry", SHAPE)
    hint = server.hint(public, block.rows)
    keys = [filters.keyed(SHAPE, DOMAIN, block.nonce, each.tobytes()) for each in outputs]
    sums = np.stack([block.rows[:, list(key.cells)].sum(axis=1, dtype=np.uint8) for key in keys])
    pads = np.stack([np.frombuffer(key.pad, np.uint8) for key in keys])
    for start in range(0, lookups, BATCH):
        who = chance.integers(0, KEYS, min(BATCH, lookups - start))
        prepared = client.prepare(public, len(who), rng)
        queries, asked = client.query(SHAPE, prepared, [(0, keys[each]) for each in who])
        answers = server.answer(block.rows, queries).astype(np.int64)
        left = answers - prepared.secrets.astype(np.int64) @ hint.T.astype(np.int64)
        opened = ((left + 128) >> 8).astype(np.uint8)
        first = client.open_answer(SHAPE, asked[0], hint, answers[0].astype(np.uint16))
        assert first == labels[who[0]].tobytes()
        note(seen, opened, left - (sums[who].astype(np.int64) << 8))
        plain = opened - pads[who]
        right = (plain[:, :8] == 0).all(axis=1) & (plain[:, 8:] == labels[who]).all(axis=1)
        seen.lookups += len(who)
        seen.wrong += int((~right).sum())


def note(seen: Seen, opened: Any, noise: Any) -> None:
    away = np.abs((noise + (1 << 15)) % (1 << 16) - (1 << 15)) / UNITS
    seen.bytes += opened.size
    seen.largest = max(seen.largest, float(away.max()))
    for deviations in seen.beyond:
        seen.beyond[deviations] += int((away > deviations).sum())


def check(seen: Seen) -> None:
    assert seen.wrong == 0
    for deviations, found in seen.beyond.items():
        # Noise is whole: what passes a limit is a half beyond the whole number below it.
        passed = (math.floor(deviations * UNITS) + 0.5) / UNITS
        expected = seen.bytes * math.erfc(passed / math.sqrt(2))
        assert abs(found - expected) < 6 * math.sqrt(expected) + 3, (deviations, found, expected)
    # The furthest of so many, by the same law; a byte is wrong from 14 on.
    bound = math.sqrt(2 * math.log(seen.bytes)) + 1.5
    assert seen.largest < bound < 2.0**23 / parameters.deviation(SHAPE.width)


def test_lookups_follow_the_law() -> None:
    check(simulate(6000, tables=6, seed=1))


@pytest.mark.long
def test_a_million_lookups_are_right() -> None:
    seen = simulate(1_000_000, tables=100, seed=2)
    assert seen.lookups == 1_000_000
    check(seen)
