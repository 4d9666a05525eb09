"""All kinds of runs."""

from unseen.node.intersecting.parts import INTERSECTIONS
from unseen.node.runs.kind import RunKind
from unseen.node.scoring.parts import SCORES

RUN_KINDS: tuple[RunKind, ...] = (INTERSECTIONS, SCORES)
