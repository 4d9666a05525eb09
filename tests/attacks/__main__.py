"""Print the table of attacks: `./unseen dev attacks`."""

import sys
from collections.abc import Iterator

from tests.attacks.table import ATTACKS, head, measure


def lines() -> Iterator[str]:
    """Yield the table line by line, as it is played."""
    yield from head()
    for attack in ATTACKS:
        yield measure(attack).row()


if __name__ == "__main__":
    for line in lines():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
