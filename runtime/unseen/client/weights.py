"""What a model that is held says, as the person reads it who decides: by feature, not by place."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from unseen.client.cards import Row
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.training.clause import training_of
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json
    from unseen.protocols.train import Model, Spec

_WHOLE = 10**9  # weights and leaves are whole numbers of this part


def model_rows(terms: Terms, value: "Json") -> tuple[Row, ...]:
    """Return what the numbers of a contract's model say, line by line, in English and Chinese.

    Empty where they are no model of the contract's training, or none can be read on this machine;
    then the numbers themselves have to be looked at.
    """
    try:
        spec = training_of(terms.parameters)
        if spec is None or not isinstance(value, list):
            return ()
        from unseen.protocols.train import Model  # noqa: PLC0415 - with vectors' library

        numbers = tuple(each for each in value if type(each) is int)
        if len(numbers) != len(value):
            return ()
        model = Model(spec, numbers)
        return tuple(_trees(model) if spec.family == "boosting" else _weights(model))
    except UnseenError:  # another model, or no library for vectors here
        return ()


def _weights(model: "Model") -> Iterator[Row]:
    yield _heading(model, "of features from -1 to 1", "特征取值为 -1 至 1")
    intercept, *weights = model.numbers
    yield "intercept", _part(intercept)
    for name, weight in zip(_columns(model.spec), weights, strict=True):
        yield "weight", f"{_part(weight)}  {name}"


def _trees(model: "Model") -> Iterator[Row]:
    trees = model.trees
    yield _heading(model, f"{len(trees)} trees", f"{len(trees)} 棵树")
    used = Counter(column for tree in trees for column in tree.columns)
    for place, name in enumerate(_columns(model.spec)):
        yield "splits", f"{used[place]:,}  {name}"
    leaves = [leaf for tree in trees for leaf in tree.leaves]
    yield "leaves of trees", f"{len(leaves):,}, {_part(min(leaves))} to {_part(max(leaves))}"


def _heading(model: "Model", words: str, words_zh: str) -> Row:
    family, count = model.spec.family, len(model.numbers)
    return "says", f"a {family} model, {count:,} numbers, {words}（{count:,} 个参数，{words_zh}）"


def _columns(spec: "Spec") -> Iterator[str]:
    """Yield a name for each number that a model sees of a row."""
    for feature in spec.features:
        if feature.values:
            yield from (f"{feature.name} = {value}" for value in feature.values)
        else:
            yield feature.name


def _part(number: int) -> str:
    return f"{number / _WHOLE:+.4f}"
