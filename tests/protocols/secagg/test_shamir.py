"""Shamir's shares: any threshold of them, no fewer, and nothing malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.secagg import shamir
from unseen.protocols.testing import seeded_rng

BIG = shamir.PRIME.to_bytes(32)


@given(count=st.integers(1, 12), seed=st.integers(0, 2**32), data=st.data())
def test_any_threshold_of_shares_gives_the_secret(
    count: int, seed: int, data: st.DataObject
) -> None:
    threshold = data.draw(st.integers(1, count))
    rng = seeded_rng(seed)
    secret = shamir.random_secret(rng)
    points = range(1, count + 1)
    shares = dict(zip(points, shamir.split(secret, threshold, points, rng), strict=True))
    chosen = data.draw(st.permutations(points))[:threshold]
    assert shamir.combine({point: shares[point] for point in chosen}) == secret


@given(seed=st.integers(0, 2**32))
def test_fewer_shares_fit_every_secret(seed: int) -> None:
    rng = seeded_rng(seed)
    one, other = shamir.random_secret(rng), shamir.random_secret(rng)
    first, second, third = shamir.split(one, 3, (1, 2, 3), rng)
    # There is a third share under which the same two belong to any other secret.
    wanted = shamir.weights((1, 2, 3))
    numbers = [int.from_bytes(share) for share in (first, second)]
    known = sum(w * n for w, n in zip(wanted[:2], numbers, strict=True))
    gap = (int.from_bytes(other) - known) * pow(wanted[2], -1, shamir.PRIME)
    forged = (gap % shamir.PRIME).to_bytes(32)
    assert shamir.combine({1: first, 2: second, 3: forged}) == other
    assert shamir.combine({1: first, 2: second, 3: third}) == one


def test_a_secret_over_the_prime_is_drawn_again() -> None:
    drawn = iter([BIG, b"\xff" * 32, bytes(32)])
    assert shamir.random_secret(lambda count: next(drawn)) == bytes(32)


@pytest.mark.parametrize(
    ("secret", "threshold", "points"),
    [
        (BIG, 1, (1,)),
        (b"short", 1, (1,)),
        (bytes(32), 3, (1, 2)),
        (bytes(32), 0, (1, 2)),
        (bytes(32), 2, (1, 1)),
        (bytes(32), 1, (0,)),
    ],
)
def test_what_cannot_be_shared_is_refused(
    secret: bytes, threshold: int, points: tuple[int, ...]
) -> None:
    with pytest.raises(InputInvalidError):
        shamir.split(secret, threshold, points, seeded_rng(1))


@pytest.mark.parametrize("share", [BIG, b"", bytes(31), bytes(33)])
def test_what_is_no_share_is_refused(share: bytes) -> None:
    with pytest.raises(InputInvalidError):
        shamir.combine({1: share})
