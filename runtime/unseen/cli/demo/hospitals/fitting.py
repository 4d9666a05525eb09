"""One model over three hospitals: trained although a node is killed, and let out by three gates."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.checks import check
from unseen.cli.demo.hospitals import script
from unseen.cli.demo.hospitals.cast import Hospital, Scene
from unseen.cli.demo.hospitals.texts import headings, told

if TYPE_CHECKING:
    from unseen.client.reviews import Review

TRAINING, _, GONE = script.REPORTS
_LOSS = 0.1  # of the area under the curve, that noise at this budget costs in no run


class Accident:
    """Kills a node when a given step has begun, and starts it again when it is missed."""

    def __init__(self, scene: Scene) -> None:
        """Do nothing yet."""
        self._scene = scene
        self._hospital = scene.hospitals[script.KILLED]
        self._since = time.monotonic()
        self._done = 0
        self._steps = 0
        self._killed = self._back = False
        self.events: list[tuple[float, str, Mapping[str, object]]] = []

    @property
    def steps(self) -> int:
        """How many steps the training has."""
        return self._steps

    def __call__(self, where: str) -> None:
        """Hear where the insurer is; it waits until this returns."""
        self._scene.screen.tick()
        what, _, of = where.partition(" ")
        if what == TRAINING:
            self._done, self._steps = map(int, of.split("/"))
            if self._done == self._steps:
                self._note("event.done")
            elif not self._done or self._done == script.KILLED_AT:
                self._note("event.step", number=self._done + 1, steps=self._steps)
        elif what == GONE:
            check(of == script.KILLED, f"no other node drops out, and {of} did")
            self._revive()
        elif of == script.KILLED and self._done == script.KILLED_AT and not self._killed:
            self._kill()

    def check(self) -> None:
        """Refuse a training in which the node was not killed, or did not come back."""
        check(self._killed and self._back, f"{script.KILLED} was killed, and came back")

    def _kill(self) -> None:
        node, self._killed = self._hospital.node, True
        node.kill()
        self._note("event.killed", name=script.KILLED, pid=node.pid)

    def _revive(self) -> None:
        check(self._killed and not self._back, "a node drops out once, and by the accident")
        self._note("event.gone", name=script.KILLED)
        node = self._hospital.node = self._scene.start(script.KILLED)
        check(
            node.wait_until_ready(self._scene.screen.tick) == self._hospital.address,
            f"{script.KILLED} answers where it did",
        )
        self._back = True
        self._note("event.back", name=script.KILLED, pid=node.pid)

    def _note(self, what: str, **found: object) -> None:
        self.events.append((time.monotonic() - self._since, what, found))


def fit(scene: Scene) -> dict[str, Any]:
    """Let the insurer train, with an accident on the way."""
    screen = scene.screen
    screen.doing("training")
    contracts, accident = scene.contracts(script.MODEL), Accident(scene)
    with scene.buyer.heard(accident):
        done = scene.buyer.do("fit", contracts=contracts, output=str(scene.folder.model))
    accident.check()
    used = {name: each.contract(script.MODEL).units_used for name, each in scene.hospitals.items()}
    steps = accident.steps
    check({*used.values()} == {steps}, f"each node has charged {steps} units, not {used}")
    screen.section(told("fitted"))
    screen.say(told("fitted.what", features=", ".join(script.FEATURES), steps=steps))
    screen.table(
        headings("fitted.head"),
        [(f"{at:.1f}", told(what, **found)) for at, what, found in accident.events],
    )
    screen.say(told("fitted.charged", units=steps))
    events = [
        {"second": round(at, 2), "what": what.removeprefix("event."), **found}
        for at, what, found in accident.events
    ]
    return {"model": done, "steps": steps, "events": events}


def release(scene: Scene, model: str) -> dict[str, Any]:
    """Hand the model to every node, let each operator decide, and fetch it with its receipts."""
    screen = scene.screen
    screen.doing("releasing")
    contracts = scene.contracts(script.MODEL)
    asked = scene.buyer.do("release", contracts=contracts, model=model)
    check(tuple(asked["held"]) == script.HOSPITALS, "every node holds the model for a person")
    decided = [_signed(each) for each in scene.hospitals.values()]
    found = scene.buyer.do("release", contracts=contracts, model=model)
    check(not found["held"], "every node lets the model out")
    check({*found["receipts"]} == {*script.HOSPITALS}, "each with a receipt")
    numbers = {tuple(each.value) if isinstance(each.value, list) else () for each in decided}
    check(len(numbers) == 1 and () not in numbers, "all operators have read the same numbers")
    rules = sorted({finding.rule for each in decided for finding in each.findings})
    screen.section(told("released"))
    screen.say(told("released.how", rules=", ".join(rules), numbers=len(numbers.pop())))
    rows = [
        (name, told("operator"), Path(found["receipts"][name]).name) for name in script.HOSPITALS
    ]
    screen.table(headings("released.head"), rows)
    return {"released": found["receipts"], "rules": rules}


def _signed(hospital: Hospital) -> "Review":
    """Return the model as its operator was shown it, before signing."""
    (waiting,) = hospital.operator.reviews(waiting=True)
    shown = hospital.operator.review(waiting.id)
    check(shown.type == "model" and shown.shown, f"the operator of {hospital.name} reads a model")
    hospital.operator.approve_release(waiting.id)
    return shown


def judge(scene: Scene, found: Mapping[str, Any]) -> dict[str, Any]:
    """Show how good the model is, beside the same regression on all rows in one place."""
    from unseen.cli.demo.hospitals import truth
    from unseen.protocols.train import Model

    screen = scene.screen
    model = Model.decode(Path(found["model"]).read_bytes())
    own = {name: each.own for name, each in scene.hospitals.items()}
    joint, pooled = truth.areas(model, own)
    check(joint > pooled - _LOSS, f"an area of {joint:.3f} is near {pooled:.3f}")
    auc, spread = found["auc"], found["spread"]
    screen.section(told("good"))
    rows = [
        (f"{auc:.3f} ± {spread:.3f}", told("good.measured")),
        (f"{joint:.3f}", told("good.joint")),
        (f"{pooled:.3f}", told("good.pooled")),
    ]
    screen.table(headings("good.head"), rows)
    change = round(joint - pooled, 3) + 0.0  # no minus before a nought
    screen.say(told("good.only", change=f"{change:+.3f}"))
    return {"auc": {"measured": auc, "spread": spread, "joint": joint, "pooled": pooled}}
