"""A finished training as people see it, and as files for other programs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unseen.client.cards import Card, Row
from unseen.evidence.contracts.privacy import epsilon_text

if TYPE_CHECKING:
    from unseen.protocols.train import Metrics, Model, Spec
    from unseen.protocols.train.card import Card as ModelCard
    from unseen.protocols.train.card import Source

_VAGUE: Final = 0.1  # a spread of the area by which a good model and a useless one look alike


@dataclass(frozen=True, slots=True, repr=False)
class Trained(Card):
    """A finished training: the model, how good it is, what it cost and who took part.

    Its numbers come out of sums with noise, so whatever is done with them costs nobody more. They
    are the buyer's own: no node has looked at the model or vouches for it.
    """

    model: "Model"
    metrics: "Metrics | None"
    cost: int  # rho at each node, in units of 10^-12
    delta: str
    sources: "tuple[Source, ...]"
    units: int
    resumed: int  # steps that were done before

    def card(self, purpose: tuple[str, str]) -> "ModelCard":
        """Return the model card; `purpose` says what the model is for, in English and Chinese."""
        from unseen.protocols.train.card import card_of  # noqa: PLC0415 - with vectors' library

        return card_of(
            self.model,
            self.sources,
            cost=self.cost,
            delta=self.delta,
            metrics=self.metrics,
            attacks=(),
            purpose=purpose,
        )

    def files(self, purpose: tuple[str, str]) -> dict[str, bytes]:
        """Return the model for other programs and people, by name of the file.

        The same training makes the same bytes again, under one version of the libraries.

        Raises:
            InputInvalidError: `unseen[train]` is not installed.

        """
        from unseen.protocols.train.card_words import to_markdown  # noqa: PLC0415
        from unseen.protocols.train.files import to_onnx, to_safetensors  # noqa: PLC0415

        card = self.card(purpose)
        notes = {"card": card.digest}
        return {
            "model.json": self.model.encode(),
            "model.onnx": to_onnx(self.model, notes),
            "model.safetensors": to_safetensors(self.model, notes),
            "card.json": card.encode(),
            "card.md": to_markdown(card).encode(),
            "card.zh.md": to_markdown(card, chinese=True).encode(),
        }

    def _title(self) -> str:
        return "Trained model"

    def _rows(self) -> Iterator[Row]:
        spec = self.model.spec
        yield "family", spec.family
        yield "features", tuple(feature.name for feature in spec.features)
        yield "label", spec.label.name
        yield "parameters", len(self.model.numbers)
        if (metrics := self.metrics) is not None:
            yield "held-out rows", f"about {max(round(metrics.rows), 0):,}"
            if metrics.auc is not None:
                spread = metrics.spread or 0
                told = f"{metrics.auc:.3f} ± {spread:.3f}"
                yield "area under curve", told + (", too noisy to tell" if spread > _VAGUE else "")
            if metrics.loss is not None:
                yield "loss", f"{metrics.loss:.3f}"
            if metrics.explained is not None:
                yield "variance explained", f"{metrics.explained:.3f}"
        yield "nodes", tuple(source.party for source in self.sources)
        epsilon = epsilon_text(self.cost, self.delta)
        yield "privacy", f"at each node epsilon {epsilon} at delta {self.delta}, of all steps"
        yield "paid for", f"{self.units:,} units over all nodes"


@dataclass(frozen=True, slots=True, repr=False)
class Released(Card):
    """What became of a model at each node: let out, with a receipt, or held for a person there."""

    receipts: Mapping[str, Path]
    requests: Mapping[str, str]
    held: tuple[str, ...]

    def _title(self) -> str:
        return "Released model"

    def _rows(self) -> Iterator[Row]:
        yield "let out by", tuple(self.receipts) or "no node yet"
        if self.held:
            yield "waits at", tuple(f"{name}: {self.requests[name]}" for name in self.held)
        yield "receipts", tuple(str(path) for path in self.receipts.values())


@dataclass(frozen=True, slots=True, repr=False)
class Progressed(Card):
    """How far a training has come; `spent` and `cost` are rho at each node, in parts of 10^12."""

    spec: "Spec"
    nodes: tuple[str, ...]
    steps: int
    done: int
    spent: int
    cost: int
    delta: str

    def _title(self) -> str:
        return "Training"

    def _rows(self) -> Iterator[Row]:
        yield "family", self.spec.family
        yield "features", tuple(feature.name for feature in self.spec.features)
        yield "label", self.spec.label.name
        yield "nodes", self.nodes
        yield "steps", f"{self.done:,} of {self.steps:,} are done"
        epsilon = epsilon_text(self.cost, self.delta)
        yield "privacy", f"at each node epsilon {epsilon} at delta {self.delta}, of all steps"
