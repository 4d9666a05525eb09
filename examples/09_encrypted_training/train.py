"""Two models fitted on encrypted weights, by parties that show each other no row, label or weight.

    .venv/bin/python examples/09_encrypted_training/train.py [--epsilon N] [--picture FILE]

Both parties in one process, without a node: what passes between them are bytes. NHEFS: a buyer's
model over a clinic's people. RAND health: an insurer has labels and plans, a practice has persons.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from fractions import Fraction
from math import log2
from pathlib import Path
from typing import Final

from unseen.bench.drawing import BOTTOM, Panel, dot, frame, line, path, sheet, text
from unseen.bench.persons import Study, nhefs, rand
from unseen.protocols.he.training.chain import chain_of
from unseen.protocols.he.training.disclosure import what_training_teaches

STUDIES: Final[dict[str, Callable[[int], Study]]] = {
    "NHEFS, a secret model": nhefs,
    "RAND health, vertical": rand,
}
EPSILONS: Final = (1, 2, 4, 8)
COLOURS: Final = ("#1f5fa8", "#b4531a")
WIDTH: Final = 560
HEIGHT: Final = 350

WHO = {
    "gradients": ("the buyer learns", "买方获知"),
    "counts": ("the provider learns", "数据方获知"),
    "semi-honest": ("the buyer could learn", "买方"),
}


def main() -> int:
    """Train both, say what came of it, and draw if asked to."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--epsilon", type=int, default=4, choices=EPSILONS)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    for name, study in STUDIES.items():
        tell(name, study(given.epsilon))
    if given.picture:
        found = {
            name: [(epsilon, study(epsilon).encrypted().auc) for epsilon in EPSILONS]
            for name, study in STUDIES.items()
        }
        clear = {name: study(1).clear() for name, study in STUDIES.items()}
        given.picture.write_text(picture(found, clear), encoding="utf-8")
    return 0


def tell(name: str, study: Study) -> None:
    """Train once, and print what passed and how good the model is."""
    found, task = study.encrypted(), study.task
    up, down = (found.transcript.bytes_from(party) for party in ("first", "second"))
    print(f"{name}: {study.rows:,} rows, {task.width} columns, {task.own_columns} the buyer's")
    print(f"  {task.iterations} iterations, epsilon {study.epsilon} (rho {float(found.rho):.6f})")
    print(f"  an iteration: {up // task.iterations:,} bytes up, {down // task.iterations:,} down")
    print("  area under the curve on a fifth of the rows that was held out:")
    print(f"    encrypted, with noise {found.auc:.4f}")
    print(f"    clear, without        {study.clear():.4f}")
    for lesson in what_training_teaches(chain_of(task), Fraction(1 / study.rows**1.1)):
        who, who_zh = WHO[lesson.what]
        print(f"  {who} {lesson.text}\n    {lesson.bound}")
        print(f"  {who_zh}{lesson.text_zh}\n    {lesson.bound_zh}")
    print()


def picture(found: dict[str, list[tuple[int, float]]], clear: dict[str, float]) -> str:
    """Return an SVG of areas under the curve by epsilon; the dashed lines are clear training."""
    panel = Panel(60, 530, 0.5, 0.9)
    lines = frame(panel, "Area under the curve", [0.5, 0.6, 0.7, 0.8, 0.9], 1)
    for number, (name, points) in enumerate(found.items()):
        colour = COLOURS[number]
        spots = [(_by_epsilon(panel, epsilon), panel.y(auc)) for epsilon, auc in points]
        y = panel.y(clear[name])
        lines.append(line((panel.left, y), (panel.right, y), colour, dashed=True))
        lines += [path(spots, colour), *(dot(spot, colour) for spot in spots)]
        lines.append(dot((panel.left + 200 * number + 5, HEIGHT - 12), colour))
        lines.append(text(panel.left + 200 * number + 16, HEIGHT - 8, name))
    for epsilon in EPSILONS:
        lines.append(text(_by_epsilon(panel, epsilon), BOTTOM + 18, f"{epsilon}", "middle"))
    lines.append(text(panel.x(0.5), BOTTOM + 36, "epsilon; dashed: in the clear", "middle"))
    return sheet(WIDTH, HEIGHT, lines)


def _by_epsilon(panel: Panel, epsilon: int) -> float:
    """Return where an epsilon from 1 to 8 stands: by its logarithm."""
    return panel.x(0.1 + 0.8 * log2(epsilon) / 3)


if __name__ == "__main__":
    sys.exit(main())
