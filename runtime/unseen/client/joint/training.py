"""A training over several nodes: one model, fitted by sums of which each node has a part.

    spec = make_training(path.read_bytes(), menu, clause)
    training = JointTraining([a.seat(A), b.seat(B), c.seat(C)])
    model = training.fit().model

The buyer coordinates: it sends every node the present weights, receives the noisy sum of what they
make of their rows, and goes on. What has been absorbed is written down after every step, so that a
client which ends goes on from there; a step that was paid for and whose sum was lost is done, and
paid, once more.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from unseen.client.errors import (
    AnswerInvalidError,
    NodeError,
    RefusedError,
    UnreachableError,
)
from unseen.client.joint.absorbed import Absorbed, Steps, name_of
from unseen.client.joint.rounds import PHASES, STEP_SECONDS, Cohort, JointSum, naming
from unseen.client.joint.trained import Progressed, Released, Trained
from unseen.client.queries.asking import HELD
from unseen.client.session import Progress, no_progress
from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.joint import Joint, Place, honest_range, most_bound
from unseen.evidence.contracts.statistics import Menu, menu_of
from unseen.evidence.contracts.training.clause import (
    KIND,
    charged_text,
    steps_of,
    task_of,
    total_of,
    training_of,
)
from unseen.evidence.contracts.training.file import parse_training
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    from unseen.client.catalog import Product
    from unseen.client.joint.seats import LetOut, Seat
    from unseen.protocols.train import Coordinator, Model, Spec, Step

RING: Final = 64


def one_bar(progress: Progress) -> Progress:
    """Return what hears of the phases of a round and tells of one step, from its first to its last.

    Whoever shows bars would else show six, of which five are those of the step before.
    """
    places = {f"joint {name}": place for place, name in enumerate(PHASES)}

    def told(what: str, done: int, total: int) -> None:
        if what in places:
            progress("this step", places[what] * total + done, len(PHASES) * total)
        else:
            progress(what, done, total)

    return told


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


class JointTraining:
    """The training that the contracts of a joint clause are for. Used by one thread.

    Errors name nodes as those of `Cohort` do. What is done stays done: `fit` goes on from there.
    """

    def __init__(
        self,
        seats: "Sequence[Seat]",
        *,
        progress: Progress = no_progress,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        """Take the seats of all nodes of the clause.

        Raises:
            PlanMismatchError: contracts hold different clauses.
            AnswerInvalidError: the clause is over another training than a contract's; or as
                `Cohort`.
            InputInvalidError: a contract is for another kind, or a node of the roster is missing.

        """
        self._cohort = Cohort(seats, progress=progress, step_seconds=step_seconds)
        self._seats = sorted(seats, key=lambda seat: seat.name)
        self._progress = progress
        self.spec = _training(self._seats)
        self.delta = min(
            (menu_of(seat.terms.parameters).delta for seat in self._seats), key=Fraction
        )
        name = name_of({seat.name: seat.contract for seat in self._seats})
        self._steps = Steps(self._seats[0].home.training(name))

    @property
    def clause(self) -> Joint:
        """The joint clause that all contracts hold."""
        return self._cohort.clause

    def done(self) -> int:
        """Return how many steps have been absorbed before."""
        return self._resumed()[1]

    def state(self) -> Progressed:
        """Return what is trained, and how far it has come."""
        coordinator, done = self._resumed()
        return Progressed(
            spec=self.spec,
            nodes=tuple(seat.name for seat in self._seats),
            steps=len(steps_of(self.spec)),
            done=done,
            spent=coordinator.cost,
            cost=total_of(self.spec),
            delta=self.delta,
        )

    def path(self) -> "tuple[tuple[int, Model], ...]":
        """Return the model of a regression as it stood after each gradient so far, with the cost.

        The cost is the rho of all steps until then at each node, in units of 10^-12. All of it
        follows from sums that are in this home: nothing is asked, and nothing paid.

        Raises:
            InputInvalidError: the training is of trees, which are no model before the last one.

        """
        from unseen.protocols.train import Coordinator, Model  # noqa: PLC0415 - as below

        _ = self.spec.descent
        coordinator = Coordinator(self.spec)
        return tuple(
            (coordinator.cost, Model(self.spec, coordinator.numbers))
            for step in self._absorbed(coordinator)
            if step.kind == "gradient"
        )

    def fit(self) -> Trained:
        """Take all steps that are left, and return the model.

        A unit and privacy at each node for every step; steps done before are not paid again.

        Raises:
            RefusedError, SurvivorsTooFewError, PeerError: as `Cohort.sum`; each names a node.
            AnswerInvalidError: a node charged another privacy than its contract says.
            HomeError: what was kept of the training is damaged, or another process goes on with it.

        """
        with self._steps.alone():
            coordinator, resumed = self._resumed()
            steps = steps_of(self.spec)
            self._progress("training", resumed, len(steps))
            while (step := coordinator.step) is not None:
                found = self._cohort.sum(coordinator.payload(), step.dimension)
                _check_privacy(found, charged_text(step))
                requests = {name: one.request for name, one in found.contributed.items()}
                rows = {
                    name: b64encode(one.receipt.snapshot) for name, one in found.contributed.items()
                }
                kept = Absorbed(found.vector, found.survivors, requests, rows)
                coordinator.absorb(kept.total, len(kept.survivors))
                self._steps.write(step.number, kept)
                self._progress("training", step.number + 1, len(steps))
        return self._trained(coordinator, resumed)

    def release(self, model: "Model") -> Released:
        """Hand the finished model to every node, for its gate; a unit at each that lets it out.

        Where a person has to look first it is held: called again, this asks again under the same
        request, and pays nothing twice. A node that refuses, or does not answer, keeps no other
        from being asked; what each of them said stands in what is returned. Called again, a model
        that the gate or a person refused is handed in anew, which a contract may three times.

        Raises:
            InputInvalidError: it is a model of another training.
            AnswerInvalidError: a node let out other numbers than the model's.

        """
        if model.spec != self.spec:
            raise InputInvalidError(
                "the model is of another training than these contracts'",
                clause="model",
                remedy="name the contract that it was trained under",
            )
        data = model.encode()
        released = Released()
        for number, seat in enumerate(self._seats):
            self._progress("releasing", number, len(self._seats))
            try:
                with naming(seat.name):
                    found = self._endorsed(seat, data)
                    _check_numbers(found, model)
            except RefusedError as error:
                if error.reason == HELD:
                    released.waits[seat.name] = error
                else:
                    released.refused[seat.name] = error
                    if not error.charged and error.retry != "same-id":
                        self._steps.forget(seat.name, data)
            except (UnreachableError, NodeError) as error:
                released.silent[seat.name] = error
            else:
                released.endorsed[seat.name] = found
            released.requests[seat.name] = self._steps.asked(seat.name, data)
        self._progress("releasing", len(self._seats), len(self._seats))
        return released

    def _endorsed(self, seat: "Seat", data: bytes) -> "LetOut":
        if request := self._steps.asked(seat.name, data):
            return seat.endorsed(request)

        def wrote(request: str) -> None:
            self._steps.ask(seat.name, data, request)

        return seat.endorse(data, wrote=wrote)

    def _resumed(self) -> "tuple[Coordinator, int]":
        """Return the coordinator as far as the sums that are kept lead, and how many they are."""
        from unseen.protocols.train import Coordinator  # noqa: PLC0415 - with vectors' library

        coordinator = Coordinator(self.spec)
        done = sum(1 for _ in self._absorbed(coordinator))
        return coordinator, done

    def _absorbed(self, coordinator: "Coordinator") -> "Iterator[Step]":
        """Let a coordinator take the sums that are kept, and yield the step of each."""
        while (step := coordinator.step) is not None:
            kept = self._steps.read(step.number, step.dimension)
            if kept is None:
                return
            coordinator.absorb(kept.total, len(kept.survivors))
            yield step

    def _trained(self, coordinator: "Coordinator", resumed: int) -> Trained:
        from unseen.protocols.train.card import Source  # noqa: PLC0415 - with vectors' library

        every = [self._steps.read(step.number, step.dimension) for step in steps_of(self.spec)]
        kept = [one for one in every if one is not None]
        rows = {name: text for one in kept for name, text in one.snapshots.items()}  # the last ones
        return Trained(
            model=coordinator.model(),
            metrics=coordinator.metrics,
            cost=total_of(self.spec),
            delta=self.delta,
            sources=tuple(
                Source(party=seat.name, contract=seat.contract, commitment=rows.get(seat.name, ""))
                for seat in self._seats
            ),
            units=sum(len(one.requests) for one in kept),
            resumed=resumed,
        )


def _check_numbers(found: "LetOut", model: "Model") -> None:
    if found.value != canonical.encode(list(model.numbers)):
        raise AnswerInvalidError(
            "let out other numbers than the model's",
            clause="release",
            remedy="keep the receipt and show it to the operator",
        )


def _training(seats: "Sequence[Seat]") -> "Spec":
    for seat in seats:
        spec = training_of(seat.terms.parameters) if seat.terms.kind == KIND else None
        if spec is None:
            raise InputInvalidError(
                f"{seat.name}: the contract is for kind {seat.terms.kind}",
                clause="kind",
                remedy="name contracts over products of the kind train",
            )
        if seat.clause.task != task_of(spec):
            raise AnswerInvalidError(
                f"{seat.name}: the joint clause is over another training than its contract's",
                clause="joint.task",
                remedy="do not train under it; ask its operator for another contract",
            )
    found = training_of(seats[0].terms.parameters)
    if found is None:
        raise InputInvalidError("a contract without a training", clause="train")
    return found


def _check_privacy(found: JointSum, agreed: str) -> None:
    """Refuse a sum for which a node charged another privacy than its contract says."""
    for name, one in found.contributed.items():
        if one.receipt.privacy != agreed:
            raise AnswerInvalidError(
                f"{name}: the receipt says that the step cost a rho of {one.receipt.privacy},"
                f" and the training {agreed}",
                clause="receipt.privacy",
                remedy="keep the receipt and show it to the operator",
            )
