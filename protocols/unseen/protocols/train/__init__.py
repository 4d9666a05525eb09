"""Models from the rows of several parties: secure sums, noise, and nothing else of any row.

    task = Spec(family=..., features=..., label=..., steps=..., privacy=...)   signed by everybody
    coordinator = Coordinator(task)
    while step := coordinator.step:                  # kind, dimension, bound, sigma2, cost
        payload = coordinator.payload()              # bytes to every party; digest is the context
        vector = local_step(task, payload, name, features, labels)      # at a party
        ...                                          # masked, with step.noise(rng); see secagg
        coordinator.absorb(total, survivors)
    coordinator.model(), coordinator.metrics, coordinator.smallest_leaf, coordinator.cost

A party finds the step of a payload by `step_of`, charges `step.cost` units of 10^-12 (zCDP), and
runs a round with `step.dimension` and the task's ring; `step.bound` is what its vector needs, and
`bound_of(task)` holds for all steps. `driver.drive_train` does all of it in one process.

    attack.membership     what a party finds when it attacks the model with its own rows
    card.card_of          what goes with a model; for people card_words.to_markdown, picture.to_svg
    files.to_onnx, to_safetensors      the model for other programs (`unseen[train]`)
"""

from unseen.protocols.train.evaluation import Metrics
from unseen.protocols.train.model import Model
from unseen.protocols.train.schedule import Step, bound_of, cost_of, schedule
from unseen.protocols.train.spec import Boosting, Descent, Feature, Privacy, Spec
from unseen.protocols.train.steps import Coordinator, local_step, step_of

__all__ = [
    "Boosting",
    "Coordinator",
    "Descent",
    "Feature",
    "Metrics",
    "Model",
    "Privacy",
    "Spec",
    "Step",
    "bound_of",
    "cost_of",
    "local_step",
    "schedule",
    "step_of",
]
