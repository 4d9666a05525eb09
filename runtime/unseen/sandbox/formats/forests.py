"""ONNX tree ensembles (ai.onnx.ml TreeEnsembleRegressor and Classifier, 1 to 4), as their trees.

Only splits of the form "at most" are read. How often a branch was taken (`nodes_hitrates`) says how
many rows stand behind a leaf and is left behind, as names and labels are.
"""

from dataclasses import dataclass
from typing import Any, Final

from unseen.evidence.contracts.modelled import MAX_DEPTH, Trees
from unseen.sandbox.formats.graphs import ML, Graph, Node
from unseen.sandbox.formats.models import Split, Tree
from unseen.sandbox.formats.numbers import refuse

MAX_NODES: Final = 1 << 16
_COLUMNS: Final = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_values",
    "nodes_truenodeids",
    "nodes_falsenodeids",
)
_LEFT_OUT: Final = ("nodes_hitrates", "classlabels_int64s", "classlabels_strings")
_KINDS: Final = {"TreeEnsembleRegressor": "target", "TreeEnsembleClassifier": "class"}
_LINKS: Final = {b"NONE": "identity", b"LOGISTIC": "logistic", b"SOFTMAX": "softmax"}
_FUNCTIONS: Final = {"Sigmoid": "logistic", "Softmax": "softmax", "Exp": "exp"}
_PASSING: Final = frozenset({("", "Identity"), ("", "Cast"), (ML, "ZipMap")})
_Place = tuple[int, int]  # a tree's id, a node's


def trees_of_graph(shape: Trees, graph: Graph) -> tuple[list[float], list[Tree]]:
    """Return what is added to all, and the trees of a graph that is one ensemble.

    Raises:
        ReleaseInvalidError: it is of other operators, links or rows.

    """
    if graph.width != len(shape.features):
        refuse("input", "rows of another width than declared")
    node, link = _ensemble(graph)
    kind = _KINDS[node.name[1]]
    known = {*_COLUMNS, *_LEFT_OUT, "nodes_missing_value_tracks_true", "base_values"}
    known |= {f"{kind}_{name}" for name in ("treeids", "nodeids", "ids", "weights")}
    known |= {"post_transform", "aggregate_function", "n_targets"}
    if not node.attributes.keys() <= known or any(_list(node, "nodes_missing_value_tracks_true")):
        refuse("attribute", "an attribute that is not read here")
    own = _LINKS.get(node.attributes.get("post_transform", b"NONE"))
    if kind == "target" and own != "identity":
        refuse("activation", "a regression under a link, which programs read in two ways")
    links = [one for one in (own, link) if one != "identity"]
    if links != [one for one in (shape.link,) if one != "identity"]:
        refuse("activation", "trees under another link than declared")
    reading = _Reading(node, kind, shape.outputs)
    trees = reading.trees()
    share = 1.0
    if node.attributes.get("aggregate_function", b"SUM") != b"SUM":
        if node.attributes["aggregate_function"] != b"AVERAGE" or not trees:
            refuse("attribute", "leaves that are not added up")
        share = 1.0 / len(trees)
    base = _list(node, "base_values") or [0.0] * shape.outputs
    return base, [_scaled(tree, share) for tree in trees]


def _ensemble(graph: Graph) -> tuple[Node, str]:
    """Return the one ensemble that stands between the rows and the scores, and a link after it."""
    wanted, link = graph.score(), "identity"
    node = graph.giving(wanted)
    for _ in graph.nodes:
        function = _FUNCTIONS.get(node.name[1]) if node and not node.name[0] else None
        if node is None or not (node.name in _PASSING or function):
            break
        if len(node.inputs) != 1 or (function and link != "identity") or not _plain(node):
            refuse("operator", "an operator of another form, or two functions")
        link = function or link
        wanted = node.inputs[0]
        node = graph.giving(wanted)
    if node is None or node.name[0] != ML or node.name[1] not in _KINDS:
        refuse("operator", "an operator that is not read here")
    at = int(node.name[1] == "TreeEnsembleClassifier")  # its other output is a label
    if node.inputs != (graph.start,) or node.outputs.index(wanted) != at:
        refuse("operator", "an ensemble of other rows, or its labels")
    return node, link


def _plain(node: Node) -> bool:
    """Return whether an operator after an ensemble does nothing else than it seems to."""
    get = node.attributes.get
    return get("axis", -1) in (-1, 1) and (node.name[1] != "Cast" or get("to") in (1, 11))


def _list(node: Node, name: str) -> list[Any]:
    found = node.attributes.get(name, [])
    if type(found) is not list:
        refuse("attribute", "an attribute of another type")
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    feature: int
    leaf: bool
    threshold: float
    left: _Place
    right: _Place


class _Reading:
    """The nodes of an ensemble by their places, and the numbers of its leaves."""

    def __init__(self, node: Node, kind: str, outputs: int) -> None:
        self._rows = _rows(node)
        self._leaves: dict[_Place, dict[int, float]] = {}
        columns = [_list(node, f"{kind}_{name}") for name in ("treeids", "nodeids", "ids")]
        weights = _list(node, f"{kind}_weights")
        if any(len(column) != len(weights) for column in columns):
            refuse("attribute", "attributes of different lengths")
        names = sorted(set(columns[2]))
        # Two classes of which one is declared: the second, of which the first is the rest.
        first = int(outputs == 1 and names == [0, 1] and kind == "class")
        if len(names) == 1 and kind == "class":
            first = names[0]
        for tree, at, output, weight in zip(*columns, weights, strict=True):
            numbers = self._leaves.setdefault((tree, at), {})
            if output in numbers or (tree, at) not in self._rows:
                refuse("leaf", "a leaf twice, or of no node")
            numbers[output] = weight
        self._outputs = range(first, first + outputs)
        if not {*names} <= {*self._outputs, *range(first)}:
            refuse("outputs", "another number of outputs than declared")
        self._seen: set[_Place] = set()

    def trees(self) -> list[Tree]:
        below = {place for row in self._rows.values() for place in _below(row)}
        roots = [place for place in self._rows if place not in below]
        if len({tree for tree, _ in roots}) != len(roots):
            refuse("tree", "a tree with two roots")
        found = [self._tree(root, 0) for root in sorted(roots)]
        if len(self._seen) != len(self._rows):
            refuse("tree", "a node that no root leads to")
        return found

    def _tree(self, place: _Place, depth: int) -> Tree:
        row = self._rows.get(place)
        if row is None or place in self._seen or depth > MAX_DEPTH:
            refuse("tree", "a node that is not there, is met twice, or lies too deep")
        self._seen.add(place)
        if row.leaf:
            numbers = self._leaves.get(place, {})
            return tuple(numbers.get(output, 0.0) for output in self._outputs)
        if place in self._leaves:
            refuse("leaf", "a split that is a leaf as well")
        left, right = (self._tree(one, depth + 1) for one in (row.left, row.right))
        return Split(row.feature, row.threshold, left, right)


def _below(row: _Row) -> tuple[_Place, ...]:
    return () if row.leaf else (row.left, row.right)


def _rows(node: Node) -> dict[_Place, _Row]:
    columns = {name: _list(node, name) for name in _COLUMNS}
    count = len(columns["nodes_treeids"])
    if not 1 <= count <= MAX_NODES or any(len(column) != count for column in columns.values()):
        refuse("attribute", "attributes of different lengths, or too many nodes")
    found: dict[_Place, _Row] = {}
    for tree, at, feature, mode, value, yes, no in zip(*columns.values(), strict=True):
        if mode not in (b"LEAF", b"BRANCH_LEQ"):
            refuse("tree", "a split of another form than at most")
        if (tree, at) in found:
            refuse("tree", "a node twice")
        found[tree, at] = _Row(feature, mode == b"LEAF", value, (tree, yes), (tree, no))
    return found


def _scaled(tree: Tree, share: float) -> Tree:
    if isinstance(tree, tuple):
        return tuple(number * share for number in tree)
    return Split(
        tree.feature, tree.threshold, _scaled(tree.left, share), _scaled(tree.right, share)
    )
