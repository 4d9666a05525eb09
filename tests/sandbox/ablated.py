"""Stage 2 with layers left out: what shows that an attempt works where nothing is in its way.

Runs only where `outer.py` runs it, in a sandbox that is thrown away.
"""

from collections.abc import Callable, Iterator

from unseen.sandbox.inside import main as stage
from unseen.sandbox.inside.plan import Plan


def main(control: int, plan: int, removed: str) -> None:
    """Confine this process but for the layers in `removed`, and run its program."""
    every = stage._layers
    missing = removed.split(",")

    def layers(plan: Plan, control: int) -> Iterator[tuple[str, Callable[[], None]]]:
        for name, apply in every(plan, control):
            if name not in missing:
                yield name, apply

    stage._layers = layers
    stage.main(control, plan)
