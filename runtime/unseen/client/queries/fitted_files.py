"""Mitchell et al., "Model cards for model reporting", 2019: an encrypted training's model as files.

A card in words, English and Chinese, the model as ONNX and as JSON. Numbers of a model say about
rows what their noise lets through, which the card states. What it says of contract and receipts
can be checked against them; how good the model is, it does not say: nobody has measured it.
"""

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from unseen.client.queries.fitted import Fitted

_TITLES: Final = ("Model of an encrypted training", "密态训练的模型")
_MAKING: Final = {
    False: (
        "Trained under encryption on an operator's rows and labels; the operator saw no weight.",
        "以密态方式在运营方的行与标签上训练；运营方未见任何权重。",
    ),
    True: (
        "Trained under encryption on an operator's columns; the operator saw no label or weight.",
        "以密态方式训练：特征在运营方，标签及其自有列在购买方；运营方未见任何标签与权重。",
    ),
}
_WORDS: Final = {
    "contract": ("contract", "合约"),
    "family": ("family", "模型类型"),
    "label": ("what it predicts", "预测目标"),
    "iterations": ("iterations", "迭代次数"),
    "own_rows": ("rows of the buyer's", "购买方行数"),
    "privacy": ("privacy of a row, in all", "单行的隐私消耗（合计）"),
    "measured": ("how good it is", "模型表现"),
    "norm": ("rows were shortened to", "行的范数上限"),
}
_UNMEASURED: Final = ("not measured: measure it on rows of your own", "未评估：请以自有数据评估")
_COLUMNS: Final = (("column", "weight"), ("列", "权重"))
_UNFIT_TITLES: Final = ("Not for", "不适用于")


def files_of(fitted: "Fitted") -> dict[str, bytes]:
    """Return a model and its card as files, by name.

    The same training makes the same bytes again, under one version of the libraries.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.

    """
    from unseen.protocols.he.models import to_onnx  # noqa: PLC0415 - with vectors' library

    model = _model(fitted)
    return {
        "model.json": _written(model),
        "model.onnx": to_onnx(fitted.model, {"contract": fitted.contract}),
        "card.json": _written(_card(fitted) | {"model": model}),
        "card.md": _markdown(fitted, 0).encode(),
        "card.zh.md": _markdown(fitted, 1).encode(),
    }


def _model(fitted: "Fitted") -> dict[str, Any]:
    """Return intercept and weights, in the units of the columns."""
    layer = fitted.model.layers[0]
    return {
        "family": fitted.family,
        "label": fitted.clause.label.name,
        "intercept": layer.bias[0],
        "weights": [
            {"column": name, **({"value": value} if value is not None else {}), "weight": weight[0]}
            for (name, value), weight in zip(_places(fitted), layer.weights, strict=True)
        ],
    }


def _places(fitted: "Fitted") -> list[tuple[str, str | None]]:
    """Return the column of each weight, and the value that it is an indicator of, if any."""
    return [
        (feature.name, value)
        for feature in fitted.model.features
        for value in (feature.values or (None,))
    ]


def _card(fitted: "Fitted") -> dict[str, Any]:
    clause, spent = fitted.clause, fitted.spent
    return {
        "contract": fitted.contract,
        "family": fitted.family,
        "label": clause.label.name,
        "features": [feature.name for feature in clause.features],
        "own_columns": [feature.name for feature in clause.own],
        "vertical": clause.vertical,
        "own_rows": fitted.rows,
        "norm": clause.norm,
        "own_norm": clause.own_norm,
        "iterations": fitted.iterations,
        "rho": spent.rho,
        "epsilon": spent.epsilon,
        "delta": spent.delta,
        "requests": list(fitted.requests),
    }


def _markdown(fitted: "Fitted", language: int) -> str:
    """Return the card in words: 0 for English, 1 for Chinese."""
    from unseen.protocols.train.card import UNFIT  # noqa: PLC0415 - with vectors' library

    clause, model = fitted.clause, _model(fitted)
    norms = [clause.norm, *([clause.own_norm] if clause.own else [])]
    rows = [
        ("contract", fitted.contract),
        ("family", fitted.family),
        ("label", clause.label.name),
        ("iterations", f"{fitted.iterations:,}"),
        *([("own_rows", f"{fitted.rows:,}")] if clause.vertical else []),
        ("norm", ", ".join(norms)),
        ("privacy", str(fitted.spent.said())),
        ("measured", _UNMEASURED[language]),
    ]
    lines = [f"# {_TITLES[language]}", "", _MAKING[clause.vertical][language], ""]
    lines += [f"- {_WORDS[name][language]}: {_escaped(value)}" for name, value in rows]
    lines += ["", "| {} | {} |".format(*_COLUMNS[language]), "|---|--:|"]
    lines.append(f"| 1 | {model['intercept']:.6g} |")
    for one in model["weights"]:
        name = f"{one['column']} = {one['value']}" if "value" in one else one["column"]
        lines.append(f"| {_escaped(name)} | {one['weight']:.6g} |")
    lines += ["", f"## {_UNFIT_TITLES[language]}", ""]
    lines += [f"- {each[language]}" for each in UNFIT]
    return "\n".join(lines) + "\n"


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _escaped(text: str) -> str:
    """Return what a party wrote so that it is text in Markdown, and stays in its line."""
    one_line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!" else letter for letter in one_line)
