"""What the node decides, counts and lets out is frozen and takes no further fields."""

import pytest
from tests.evidence.values import changeable, extensible, modules_with_values

NODE = "runtime/unseen/node"


@pytest.mark.parametrize(
    "name",
    [
        name
        for folder in ("contracts", "metering", "release")
        for name in modules_with_values(f"{NODE}/{folder}")
    ],
)
def test_a_value_stays_as_it_was_made(name: str) -> None:
    assert changeable(name) == set()
    assert extensible(name) == set()
