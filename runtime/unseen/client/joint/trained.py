"""A finished training as people see it, and as files for other programs."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unseen.client.cards import Card, Row
from unseen.client.errors import RefusedError, WireError
from unseen.evidence.contracts.privacy import epsilon_text
from unseen.evidence.contracts.training.clause import ATTACK_BAR

if TYPE_CHECKING:
    from unseen.client.joint.seats import LetOut
    from unseen.protocols.train import Metrics, Model, Spec
    from unseen.protocols.train.card import Card as ModelCard
    from unseen.protocols.train.card import Source

_VAGUE: Final = 0.1  # a spread of the area by which a good model and a useless one look alike


def files_of(model: "Model", card: "ModelCard") -> dict[str, bytes]:
    """Return a model and its card as files, by name; those of other programs name the card.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.

    """
    from unseen.protocols.train.card_words import to_markdown  # noqa: PLC0415 - vectors' library
    from unseen.protocols.train.files import to_onnx, to_safetensors  # noqa: PLC0415
    from unseen.protocols.train.picture import to_svg  # noqa: PLC0415

    notes = {"card": card.digest}
    return {
        "model.json": model.encode(),
        "model.onnx": to_onnx(model, notes),
        "model.safetensors": to_safetensors(model, notes),
        "card.json": card.encode(),
        "card.md": to_markdown(card).encode(),
        "card.zh.md": to_markdown(card, chinese=True).encode(),
        "picture.svg": to_svg(card).encode(),
    }


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
        return files_of(self.model, self.card(purpose))

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
    """What became of a model at each node, by name: let out, held for a person, refused, silent.

    `requests` has the id of the request that a node is asked with again, where there is one.
    """

    endorsed: "dict[str, LetOut]" = field(default_factory=dict)
    waits: dict[str, RefusedError] = field(default_factory=dict)
    refused: dict[str, RefusedError] = field(default_factory=dict)
    silent: dict[str, WireError] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)

    @property
    def receipts(self) -> dict[str, Path]:
        """Return where the receipts lie of the nodes that have let the model out."""
        return {name: found.path for name, found in self.endorsed.items()}

    @property
    def held(self) -> tuple[str, ...]:
        """Return the nodes where a person has to look first."""
        return tuple(self.waits)

    @property
    def complete(self) -> bool:
        """Return whether every node has let the model out."""
        return not (self.waits or self.refused or self.silent)

    def card(self, card: "ModelCard") -> "ModelCard":
        """Return a model card with the nodes that have let the model out, and their bars."""
        from unseen.protocols.train.card import Endorsement  # noqa: PLC0415 - vectors' library

        return replace(
            card,
            endorsed=tuple(
                Endorsement(
                    party=name, request=each.request, leaf=each.receipt.index, bar=ATTACK_BAR
                )
                for name, each in sorted(self.endorsed.items())
            ),
        )

    def _title(self) -> str:
        return "Released model"

    def _rows(self) -> Iterator[Row]:
        yield "let out by", tuple(self.endorsed) or "no node yet"
        for name, error in self.waits.items():
            yield f"held at {name}", f"{_said(name, error)}; request {self.requests[name]}"
        for name, error in self.refused.items():
            yield f"not let out by {name}", f"{_said(name, error)}; {error.remedy}"
        for name, silence in self.silent.items():
            yield f"no answer of {name}", f"{_said(name, silence)}; say it again when it is back"
        yield "receipts", tuple(str(path) for path in self.receipts.values())


def _said(name: str, error: WireError) -> str:
    """Return what a node said, without its name, which stands beside it."""
    return str(error).removeprefix(f"{name}: ")


@dataclass(frozen=True, slots=True, repr=False)
class Progressed(Card):
    """How far a training has come; `spent` and `cost` are rho at each node, in parts of 10^12.

    `silent` are nodes that could not be asked: what is told lies in this home.
    """

    spec: "Spec"
    nodes: tuple[str, ...]
    steps: int
    done: int
    spent: int
    cost: int
    delta: str
    silent: dict[str, WireError] = field(default_factory=dict)

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
        for name, silence in self.silent.items():
            yield f"no answer of {name}", f"{_said(name, silence)}; the rest is as this home has it"
