"""Queries from seeds: a second program's numbers, one pass for many, bad input."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.lookup.lwe_pir import client, filters
from unseen.protocols.lookup.lwe_pir.parameters import SECRET, Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.lwe_pir.seeds import Seeded

VECTORS = Path(__file__).parents[2] / "vectors/lookup"
TABLE = json.loads((VECTORS / "lwe_pir_v1.json").read_text(encoding="utf-8"))
VECTOR = json.loads((VECTORS / "lwe_pir_seeds_v1.json").read_text(encoding="utf-8"))
SHAPE = Shape(TABLE["blocks"], TABLE["width"], TABLE["label_bytes"])
PUBLIC = Public.of(bytes.fromhex(TABLE["provider"]), SHAPE)


def unhex(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


def key_of_vector() -> filters.Keyed:
    domain, nonce = bytes.fromhex(TABLE["domain"]), bytes.fromhex(TABLE["nonce"])
    return filters.keyed(SHAPE, domain, nonce, bytes.fromhex(TABLE["keys"][0]["output"]))


def test_a_seed_is_stretched_as_the_second_program_does() -> None:
    stream = Seeded(unhex("seed"))
    assert stream(32) == unhex("stream_first")
    stream(1000 - 32)
    assert stream(32) == unhex("stream_at_1000")


@given(st.lists(st.integers(0, 300), max_size=6))
def test_a_stream_does_not_depend_on_how_it_is_taken(sizes: list[int]) -> None:
    stream = Seeded(unhex("seed"))
    assert b"".join(map(stream, sizes)) == Seeded(unhex("seed"))(sum(sizes))


def test_a_query_from_a_seed_is_the_second_program_s() -> None:
    prepared = client.prepare_each(PUBLIC, [Seeded(unhex("seed"))])
    assert prepared.secrets[0, :12].tolist() == VECTOR["secret_first"]
    queries, _ = client.query(SHAPE, prepared, [(0, key_of_vector())])
    data = queries.astype("<u4").tobytes()
    assert data[:32] == unhex("query_first")
    assert hashlib.sha256(data).hexdigest() == VECTOR["query_sha256"]


def test_queries_prepared_together_are_those_prepared_alone() -> None:
    seeds = [bytes([number]) * 32 for number in range(5)]
    together = client.prepare_each(PUBLIC, [Seeded(seed) for seed in seeds])
    for number, seed in enumerate(seeds):
        alone = client.prepare_each(PUBLIC, [Seeded(seed)])
        assert (together.words[number] == alone.words[0]).all()
        assert (together.secrets[number] == alone.secrets[0]).all()


class TestBadInput:
    @pytest.mark.parametrize("size", [0, 31, 33])
    def test_a_seed_of_another_length_is_refused(self, size: int) -> None:
        with pytest.raises(InputInvalidError):
            Seeded(bytes(size))

    def test_a_seed_is_not_shown(self) -> None:
        assert repr(Seeded(unhex("seed"))) == "Seeded(at 0)"

    def test_no_query_is_not_prepared(self) -> None:
        with pytest.raises(InputInvalidError):
            client.prepare_each(PUBLIC, [])

    def test_a_part_of_another_length_is_not_opened(self) -> None:
        asked = client.Asked(0, key_of_vector(), np.zeros(SECRET, np.int8))
        hint = np.zeros((SHAPE.cell_bytes, SECRET), np.uint16)
        for size in (0, SHAPE.cell_bytes - 1, SHAPE.cell_bytes + 1):
            with pytest.raises(MalformedMessageError):
                client.opened_part(SHAPE, asked, hint, np.zeros(size, np.uint16))
