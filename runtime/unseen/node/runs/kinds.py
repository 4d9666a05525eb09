"""All kinds of runs."""

from unseen.node.intersecting.parts import INTERSECTIONS
from unseen.node.runs.kind import RunKind

RUN_KINDS: tuple[RunKind, ...] = (INTERSECTIONS,)
