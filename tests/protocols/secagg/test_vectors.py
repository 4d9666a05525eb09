"""Masks and shares are those of the vectors, which another program computed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.protocols.kernels import aes
from unseen.protocols.kernels.words import zeros
from unseen.protocols.secagg import Member, Round, keying, shamir
from unseen.protocols.secagg.ring import from_ring, to_ring

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/secagg/masks_shares_v1.json").read_text(encoding="utf-8")
)


def parameters(ring: int) -> Round:
    members = tuple(Member(one["name"], bytes.fromhex(one["key"])) for one in VECTORS["members"])
    return Round(
        plan_hash=bytes.fromhex(VECTORS["plan_hash"]),
        round_id=bytes.fromhex(VECTORS["round_id"]),
        context=bytes.fromhex(VECTORS["context"]),
        members=members,
        dimension=VECTORS["dimension"],
        bound=VECTORS["bound"],
        ring=ring,
    )


@pytest.mark.parametrize("vector", VECTORS["rounds"], ids=lambda vector: f"ring {vector['ring']}")
def test_masks_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    found = parameters(vector["ring"])
    assert found.digest.hex() == vector["digest"]
    secrets = [bytes.fromhex(one) for one in vector["mask_secrets"]]
    keys = [keying.public_key(secret) for secret in secrets]
    assert [key.hex() for key in keys] == vector["mask_keys"]
    total: Any = zeros(6, vector["ring"])
    for i, values in enumerate(vector["values"]):
        own = bytes.fromhex(vector["self_secrets"][i])
        promise = keying.commit(found, b"self", (i,), own)
        assert promise.hex() == vector["self_commitments"][i]
        seeds = [keying.self_seed(found, i, own)]
        assert seeds[0].hex() == vector["self_seeds"][i]
        for j, key in enumerate(keys):
            if j != i:
                shared = keying.agree(found, secrets[i], j, key)
                seeds.append(keying.pair_seed(found, shared, (i, keys[i]), (j, key)))
                low, high = sorted((i, j))
                assert seeds[-1].hex() == vector["pair_seeds"][f"{low} {high}"]
        words = to_ring(found, "north", np.array(values), None)
        minus = [False] + [i > j for j in range(3) if j != i]
        aes.add_streams(words, seeds, minus)
        assert [str(word) for word in words] == vector["masked"][i]
        total += words
    selves = [bytes.fromhex(seed) for seed in vector["self_seeds"]]
    aes.add_streams(total, selves, [True] * 3)
    assert from_ring(total).tolist() == [sum(row) for row in zip(*vector["values"], strict=True)]


@pytest.mark.parametrize("vector", VECTORS["shares"], ids=lambda v: f"threshold {v['threshold']}")
def test_shares_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    drawn = iter(bytes.fromhex(one) for one in vector["random"])

    def rng(count: int) -> bytes:
        found = next(drawn)
        assert len(found) == count
        return found

    secret, points = bytes.fromhex(vector["secret"]), vector["points"]
    shares = shamir.split(secret, vector["threshold"], points, rng)
    assert [share.hex() for share in shares] == vector["shares"]
    last = points[-vector["threshold"] :]
    some = {point: bytes.fromhex(vector["shares"][points.index(point)]) for point in last}
    assert shamir.combine(some) == secret
