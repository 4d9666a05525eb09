"""The names of the files that only runs of intersections have."""

from typing import Final

SET: Final = "set"  # the buyer's elements
MIXED: Final = "mixed"  # the table's elements as they came back
OTHERS: Final = "others"  # the table's elements, to be mixed
DOUBLED: Final = "doubled"  # the buyer's elements once more masked, ascending: never leaves
SHARE: Final = "share"  # sealed: the node's share of a run's key
SNAPSHOT: Final = "snapshot"  # of the rows that were masked
