"""All kinds of runs."""

from unseen.node.intersecting.parts import INTERSECTIONS
from unseen.node.runs.kind import RunKind
from unseen.node.scoring.parts import SCORES
from unseen.node.training.parts import TRAININGS

RUN_KINDS: tuple[RunKind, ...] = (INTERSECTIONS, SCORES, TRAININGS)
