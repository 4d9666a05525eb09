"""One model over all nodes: agreed on, fitted, held beside the pooled one, and let out."""

from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consortium import Member, agreed, bars, say
from drawn import picture
from pooled import Comparison, Pooled
from unseen.cli.progress import board
from unseen.client.joint.training import JointTraining, make_clause, make_training
from unseen.evidence.contracts.privacy import epsilon_text
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.contracts.training.clause import names_of
from unseen.protocols.dp.zcdp import UNIT, epsilon_of
from unseen.protocols.train import Model
from unseen.protocols.train.files import INPUT


def fit(
    epsilon: str, file: bytes, definition: Definition, members: Sequence[Member]
) -> JointTraining:
    """Have a contract signed at each node, and take every step of the training."""
    menu = definition.menu
    clause = make_clause([member.place for member in members], file, menu)
    spec = make_training(file, menu, clause)
    features, label = len(spec.features), spec.label.name
    say(f"One model over all: {spec.family}, {label} by {features} features, epsilon {epsilon}.")
    seats = agreed(members, lambda one: one.agree(names_of(spec), clause, epsilon, spec))
    with board() as shown:
        training = JointTraining(seats, progress=shown.report)
        training.fit()
    state = training.state()
    print(f"  {state.steps} steps, each a sum over {len(members)} nodes, masked and with noise;")
    print(f"  each charged once at each node: epsilon {epsilon_text(state.spent, state.delta)}")
    return training


def compare(title: str, training: JointTraining, pooled: Pooled, drawing: Path) -> None:
    """Print how good the model is beside the pooled one, and draw what each step bought."""
    trained = training.fit()  # all steps are done: nothing is paid
    beside = Comparison(pooled, training.spec)
    joint, other = beside.of(trained.model), beside.pooled
    say("How good it is, on people that neither model was fitted on.")
    print(f"  joint and pooled: computed here from {beside.rows:,} held-out rows, for comparison")
    print("              joint    pooled   difference")
    for name, ours, its in (("AUC", joint.auc, other.auc), ("loss", joint.loss, other.loss)):
        print(f"  {name:8}  {ours:7.4f}  {its:8.4f}  {ours - its:+11.4f}")
    print(f"  {'epsilon':8}  {epsilon_text(trained.cost, trained.delta):>7}  {'no bound':>8}")
    if (metrics := trained.metrics) and metrics.auc is not None:
        print(f"  what the buyer is told, with noise: AUC {metrics.auc:.4f} ± {metrics.spread:.4f}")
    chance = Fraction(trained.delta)
    steps = [
        (float(epsilon_of(cost * UNIT, chance)), beside.of(model))
        for cost, model in training.path()
    ]
    drawing.write_text(picture(title, steps, other), encoding="utf-8")
    print(f"  what each step bought: {drawing}")


def let_out(
    training: JointTraining, members: Sequence[Member], purpose: tuple[str, str], folder: Path
) -> None:
    """Have every node look at the model, past a person; then write it for other programs."""
    say("The nodes look at the finished model, and a person at each lets it out.")
    trained = training.fit()
    held = training.release(trained.model).held
    with bars("reviewing", len(held)) as move:
        for member in members:
            (review,) = member.operator.reviews(waiting=True)
            member.operator.approve_release(review.id)
            move()
    released = training.release(trained.model)
    print(f"  held at {len(held)} nodes, then let out by {', '.join(released.receipts)}")
    folder.mkdir(exist_ok=True)
    for name, data in trained.files(purpose).items():
        (folder / name).write_bytes(data)
    print(f"  model, ONNX, safetensors and card: {folder}")
    _load(folder / "model.onnx", trained.model)


def _load(file: Path, model: Model) -> None:
    """Load the ONNX file as any program would, and hold what it says against the model."""
    if find_spec("onnxruntime") is None:
        print("  onnxruntime is not installed: the file is not loaded")
        return
    import onnxruntime  # noqa: PLC0415 - not everybody has it

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    rows = _corners(model)
    (said,) = session.run(None, {INPUT: rows})
    off = float(np.abs(said[:, 0] - model.predict(rows)).max())
    print(f"  loaded in onnxruntime: {len(rows)} rows, off by {off:.0e} at most")


def _corners(model: Model) -> NDArray[np.float64]:
    """Return made-up rows: every feature at its least, and each of them once at its most."""
    features = model.spec.features
    low = np.array([0 if each.values else each.low / 10**each.decimals for each in features])
    high = np.array(
        [
            len(each.values) - 1 if each.values else each.high / 10**each.decimals
            for each in features
        ]
    )
    return np.where(np.eye(1 + len(features), len(features), -1) > 0, high, low)
