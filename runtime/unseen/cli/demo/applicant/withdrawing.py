"""Somebody withdraws, and is "no usable result" from then on, like somebody who is not there."""

import time
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.asking import asked
from unseen.cli.demo.applicant.cast import Scene
from unseen.cli.demo.applicant.texts import told
from unseen.cli.demo.checks import check

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract

_PAUSE = 0.1
_SECONDS = 60.0


def withdraw(scene: Scene, contract: "Contract", before: str) -> dict[str, Any]:
    """Let the first applicant withdraw, and the bank ask again; `before` is its first request."""
    screen, hub = scene.screen, scene.hub
    screen.doing("withdrawing")
    person = scene.resident(script.WITHDRAWS.person)
    (consent,) = hub.consents(script.TABLE, person)
    epoch, start = _newest(scene, contract), time.monotonic()
    hub.withdraw_consent(consent.id)
    _rebuilt(scene, contract, epoch)
    seconds = time.monotonic() - start
    following, _ = asked(scene, contract, script.NEXT)
    after, _ = asked(scene, contract, script.WITHDRAWS, "no_usable_result")
    could = [_could(scene, person, request) for request in (before, after["request"])]
    check(could == [True, False], f"the row served before and not after: {could}")
    name = script.WITHDRAWS.name
    screen.section(told("withdrawn", name=name))
    screen.say(told("withdrawn.what", name=name, seconds=f"{seconds:.1f}", latency=script.LATENCY))
    screen.facts(
        [
            (script.NEXT.name, told(script.NEXT.answer)),
            (name, told("no_usable_result")),
        ]
    )
    screen.say(told("withdrawn.same"), told("withdrawn.proof", name=name))
    return {"withdrawn": {"seconds": round(seconds, 2), "answers": [following, after]}}


def _could(scene: Scene, person: tuple[str, ...], request: str) -> bool | None:
    """Return whether a job could use somebody's row, by a proof that anybody can check."""
    _, proof = scene.hub.prove_consent(script.TABLE, person, job=request)
    return proof.permitted


def _rebuilt(scene: Scene, contract: "Contract", epoch: int) -> None:
    give_up = time.monotonic() + _SECONDS
    while _newest(scene, contract) <= epoch:
        check(time.monotonic() < give_up, "a new table is there in time")
        scene.screen.tick()
        time.sleep(_PAUSE)


def _newest(scene: Scene, contract: "Contract") -> int:
    """Return the number of the contract's newest epoch, as the log has it."""
    leaves = scene.operator.leaves()
    epochs = [
        int(str(leaf.fields["epoch"]))
        for leaf in leaves
        if leaf.type == "manifest.published" and leaf.fields["contract"] == contract.id
    ]
    return max(epochs)
