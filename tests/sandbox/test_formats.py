"""Files of a buyer's code as the values of declared shapes: read, rounded, and in one order."""

import json
import math
import random
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.test_typed import values
from tests.sandbox.declaring import COUNT, FILES, MEASURE, OUTPUTS, WEIGHT, output

from unseen.evidence.contracts.cells import Boolean, Choice
from unseen.evidence.contracts.modelled import Network, Trees
from unseen.evidence.contracts.outputs import TypedOutput, received, sent
from unseen.evidence.contracts.typed import Value, decode
from unseen.evidence.errors import ReleaseInvalidError
from unseen.sandbox.formats.encoding import encoded, most_bytes
from unseen.sandbox.formats.numbers import cell_of
from unseen.sandbox.formats.writing import objects, written

MODELS = Path(__file__).parents[1] / "vectors/sandbox"
SCORES = json.loads((MODELS / "scores.json").read_text(encoding="utf-8"))
WAYS = [
    (name, kind)
    for name in OUTPUTS
    for kind in ("json", "csv", "onnx", "safetensors")
    if kind == "json"
    or (kind == "csv" and name in {"by_sex", "unordered"})
    or (kind == "onnx" and name in {"risk", "forest"})
    or (kind == "safetensors" and name == "risk")
]


def said(name: str, found: Any) -> Any:
    """Return what a file of JSON is worth, as objects again."""
    one = OUTPUTS[name]
    return objects(received(one, encoded(one, json.dumps(found).encode())))


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name not in {"risk", "unordered"}])
def test_a_file_says_what_it_says(name: str) -> None:
    expected: Any = FILES[name]
    if name == "mean":
        expected = 3.142
    if name == "forest":
        expected = {"base": [0.5], "trees": sorted(expected["trees"], key=str, reverse=True)}
        found = said(name, FILES[name])
        found["trees"].sort(key=str, reverse=True)
        assert found == expected
        return
    assert said(name, FILES[name]) == expected


@given(data=st.data())
@settings(max_examples=12)
@pytest.mark.parametrize(("name", "kind"), WAYS)
def test_what_is_written_is_read_as_what_it_was(name: str, kind: str, data: st.DataObject) -> None:
    """Reading, writing and reading again is the same as reading once: one form of each value."""
    one = output(name, kind)
    value = decode(one.shape, data.draw(values(one.shape)))
    once = encoded(one, written(one, value))
    again = written(one, received(one, once))
    assert encoded(one, again) == once
    assert written(one, received(one, encoded(one, again))) == again
    assert len(once) == one.sent_bytes
    assert len(again) <= most_bytes(one)


@given(data=st.data())
@settings(max_examples=12)
@pytest.mark.parametrize("name", ["by_sex", "risk", "forest"])
def test_formats_say_the_same(name: str, data: st.DataObject) -> None:
    kinds = [kind for known, kind in WAYS if known == name]
    value = decode(OUTPUTS[name].shape, data.draw(values(OUTPUTS[name].shape)))
    found = {encoded(output(name, kind), written(output(name, kind), value)) for kind in kinds}
    assert len(found) == 1


@given(number=st.floats(-1e6, 1e6), low=st.integers(1, 1 << 20))
def test_low_bits_of_a_number_are_gone(number: float, low: int) -> None:
    kept = cell_of(MEASURE, number)
    assert isinstance(kept, int)
    assert len(str(abs(kept)).rstrip("0")) <= 4
    assert cell_of(MEASURE, kept / 10**6) == kept
    # A change far below the last digit shows at most as one step, where it crosses the middle.
    other = cell_of(MEASURE, number + math.copysign(low * math.ulp(number), number))
    assert isinstance(other, int)
    assert abs(MEASURE.place_of(other) - MEASURE.place_of(kept)) <= 1


@pytest.mark.parametrize(
    ("found", "kept"),
    [(0, 0), (2, 0), (3, 5), (12, 10), (997, 995), (12_344, 12_340), (12_348, 12_350), (7.0, 5)],
)
def test_counts_are_rounded_to_fives(found: float, kept: int) -> None:
    assert cell_of(COUNT, found) == kept


@pytest.mark.parametrize(
    "wrong",
    [math.inf, -math.inf, 1e300, -1e7, 2**64, 10**300, True, "1", [1], {}, math.nan, None, 1 + 2j],
)
def test_what_is_no_number_in_range_is_refused(wrong: object) -> None:
    with pytest.raises(ReleaseInvalidError) as caught:
        cell_of(MEASURE, wrong)
    assert caught.value.clause.startswith("output.")


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_missing_value_is_null_where_one_may_be(missing: object) -> None:
    assert cell_of(replace(MEASURE, optional=True), missing) is None
    for cell in (Boolean(), Choice(of=("a",)), MEASURE):
        with pytest.raises(ReleaseInvalidError):
            cell_of(cell, missing)


def test_hidden_units_and_trees_stand_in_one_order() -> None:
    net: Any = FILES["risk"]
    first, last = net["layers"]
    draw = random.Random(1)
    found = set()
    for _ in range(6):
        order = draw.sample(range(3), 3)
        turned = {
            "weights": [[line[at] for at in order] for line in first["weights"]],
            "bias": [first["bias"][at] for at in order],
        }
        after = {"weights": [last["weights"][at] for at in order], "bias": last["bias"]}
        data = json.dumps({"layers": [turned, after]}).encode()
        found.add(encoded(OUTPUTS["risk"], data))
    assert len(found) == 1
    forest: Any = FILES["forest"]
    for trees in (forest["trees"], forest["trees"][::-1]):
        data = json.dumps({"base": forest["base"], "trees": trees}).encode()
        found.add(encoded(OUTPUTS["forest"], data))
    assert len(found) == 2


# What each model of scikit-learn is declared as; a clause where it is refused.
def net(layers: tuple[int, ...], link: str, activation: str = "none") -> Network:
    return Network(
        features=tuple("abcd"), layers=layers, activation=activation, link=link, cell=WEIGHT
    )


def trees(count: int, depth: int, *, outputs: int = 1, link: str = "identity") -> Trees:
    return Trees(
        features=tuple("abcd"),
        trees=count,
        depth=depth,
        outputs=outputs,
        link=link,
        threshold=WEIGHT,
        leaf=WEIGHT,
    )


KINDS: dict[str, tuple[Network | Trees, str]] = {
    "linear": (net((1,), "identity"), ""),
    "ridge_scaled": (net((1,), "identity"), ""),
    "lasso": (net((1,), "identity"), ""),
    "logistic": (net((1,), "logistic"), ""),
    "logistic_scaled": (net((1,), "logistic"), ""),
    "multinomial": (net((3,), "softmax"), ""),
    "poisson": (net((1,), "exp"), ""),
    "mlp_regressor": (net((3, 1), "identity", "relu"), ""),
    "mlp_classifier": (net((3, 2, 1), "logistic", "tanh"), ""),
    "tree_regressor": (trees(1, 3), ""),
    "tree_classifier": (trees(1, 3), ""),
    "forest": (trees(4, 3), ""),
    "forest_classifier": (trees(4, 3, outputs=3), ""),
    "boosting": (trees(4, 2), ""),
    "boosting_classifier": (trees(4, 2, link="logistic"), ""),
    "deep_tree": (trees(1, 6), "output.tree"),
    "neighbours": (net((1,), "logistic"), "output.attribute"),
    "kernel": (net((1,), "logistic"), "output.operator"),
    "gaussian_process": (net((1,), "identity"), "output.attribute"),
    "naive_bayes": (net((1,), "logistic"), "output.operator"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_model_of_scikit_learn_is_what_it_was_or_refused(name: str) -> None:
    shape, clause = KINDS[name]
    one = TypedOutput(name=name, format="onnx", shape=shape)
    data = (MODELS / f"{name}.onnx").read_bytes()
    if clause:
        with pytest.raises(ReleaseInvalidError) as caught:
            encoded(one, data)
        assert caught.value.clause == clause
        return
    value = received(one, encoded(one, data))
    file = written(one, value)
    known = SCORES[name]
    rows = [[struct.unpack("f", struct.pack("f", n))[0] for n in row] for row in known["rows"]]
    found = onnxruntime.InferenceSession(file).run(None, {"rows": rows})[0].tolist()
    for score, expected in zip(found, known["scores"], strict=True):
        whole = expected if isinstance(expected, list) else [expected]
        wanted = whole[-1:] if len(score) == 1 else whole
        assert score == pytest.approx(wanted, rel=0.01, abs=0.01)


@given(data=st.data())
@settings(max_examples=8)
@pytest.mark.parametrize("name", ["risk", "forest"])
def test_our_file_means_the_value_to_another_program(name: str, data: st.DataObject) -> None:
    one = output(name, "onnx")
    value = decode(one.shape, data.draw(values(one.shape)))
    rows = [[0.5, 1.5], [-2.0, 3.0], [100.0, -7.0]]
    found = onnxruntime.InferenceSession(written(one, value)).run(None, {"rows": rows})[0]
    for row, score in zip(rows, found[:, 0].tolist(), strict=True):
        assert score == pytest.approx(meant(value, row), rel=1e-3, abs=1e-3)


def meant(value: Value, row: list[float]) -> float:
    """Return what a value means for a row, from the text of its declaration alone."""
    found = objects(value)
    if isinstance(value.shape, Network):
        units = row
        for place, layer in enumerate(found["layers"]):
            columns = zip(*layer["weights"], strict=True)
            sums = [
                math.fsum(a * b for a, b in zip(units, line, strict=True)) + bias
                for line, bias in zip(columns, layer["bias"], strict=True)
            ]
            units = sums if place else [max(one, 0.0) for one in sums]
        (score,) = units
        return 1 / (1 + math.exp(-score)) if score > -700 else 0.0
    total: float = found["base"][0]
    for tree in found["trees"]:
        while "leaf" not in tree:
            at = row["ab".index(tree["feature"])]
            tree = tree["left" if at <= tree["at"] else "right"]  # noqa: PLW2901 - walks down
        total += tree["leaf"][0]
    return total


def test_safetensors_are_those_of_the_library() -> None:
    one = output("risk", "safetensors")
    value = received(one, encoded(OUTPUTS["risk"], json.dumps(FILES["risk"]).encode()))
    found = safetensors.numpy.load(written(one, value))
    layers = objects(value)["layers"]
    for at, layer in enumerate(layers):
        assert found[f"layers.{at}.weight"].T.tolist() == layer["weights"]
        assert found[f"layers.{at}.bias"].tolist() == layer["bias"]
    theirs = safetensors.numpy.save(found, metadata={"secret": "text"})
    assert encoded(one, theirs) == sent(value)


def test_parsers_load_little() -> None:
    """What runs in the second sandbox needs no library beside our own and Python's."""
    program = "import sys, unseen.sandbox.formats.encoding; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    for name in ("numpy", "onnx", "google.protobuf", "pyarrow", "duckdb", "grpc", "socket", "ssl"):
        assert name not in loaded
    assert "unseen.node" not in loaded


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_value_has_as_many_bytes(name: str) -> None:
    one = OUTPUTS[name]
    data = json.dumps(FILES[name], ensure_ascii=False).encode()
    assert len(encoded(one, data)) == one.sent_bytes
    assert sent(received(one, encoded(one, data))) == encoded(one, data)
