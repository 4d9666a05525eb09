"""A training over several nodes: one model, fitted by sums of which each node has a part.

    spec = make_training(path.read_bytes(), menu, clause)
    training = JointTraining([a.seat(A), b.seat(B), c.seat(C)], folder)
    model = training.fit()

The buyer coordinates: it sends every node the present weights, receives the noisy sum of what they
make of their rows, and goes on. What has been absorbed is written down after every step, so that a
client which ends goes on from there; a step is paid when its sum is known to be made, and a sum
that was paid for and lost is paid again with its step.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from unseen.evidence.contracts.joint import Joint, Place, honest_range, most_bound
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.training.clause import task_of
from unseen.evidence.contracts.training.file import parse_training
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    from unseen.client.catalog import Product
    from unseen.protocols.train import Spec

RING: Final = 64


def make_training(data: bytes, menu: Menu, clause: Joint) -> "Spec":
    """Return the training that the TOML `data` says, over a menu and the nodes of a clause.

    Raises:
        ContractInvalidError: not TOML, or no training over this menu; the clause names the field.
        InputInvalidError: this machine has no library for vectors.

    """
    return parse_training(data, menu, len(clause.nodes), clause.honest)


def make_clause(
    nodes: Sequence[Place], data: bytes, menu: Menu, *, honest: int | None = None
) -> Joint:
    """Return a clause over the training of `data` for these nodes, in a ring of 64 bits.

    `honest` of those left are vouched for; without it as many as may be: all that have to be left.
    Raises as `make_training`, and where nodes are too few or one stands there twice.
    """
    ordered = tuple(sorted(nodes, key=lambda place: place.name))
    least = honest_range(len(ordered))[1] if honest is None else honest
    spec = parse_training(data, menu, len(ordered), least)
    return Joint(
        nodes=ordered,
        honest=least,
        ring=spec.privacy.ring,
        bound=most_bound(len(ordered), spec.privacy.ring),
        task=task_of(spec),
    )


def offered(products: "Iterable[Product]", name: str) -> Menu:
    """Return the menu of the product called `name`.

    Raises:
        InputInvalidError: no product of the kind `train` is called so.

    """
    for each in products:
        if each.name == name and each.kind == "train" and each.menu is not None:
            return each.menu
    raise InputInvalidError(
        f"no training is offered over a product called {name}",
        clause="product",
        remedy="see: unseen product list",
    )
