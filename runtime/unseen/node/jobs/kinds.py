"""The kinds of jobs that this node runs, by name. A new kind is one `JobKind` more."""

from types import MappingProxyType

from unseen.node.catalog.snapshots import SNAPSHOT
from unseen.node.contracts.further import BUILD
from unseen.node.intersecting.running import INTERSECT
from unseen.node.scoring.running import SCORE
from unseen.node.training.running import TRAIN

KINDS = MappingProxyType({kind.name: kind for kind in (BUILD, SNAPSHOT, INTERSECT, SCORE, TRAIN)})
