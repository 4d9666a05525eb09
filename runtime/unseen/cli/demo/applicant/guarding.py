"""What keeps a buyer from asking about everybody, and what a regulator sees where it has to."""

from typing import TYPE_CHECKING, Any

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.agreeing import refuse_everybody
from unseen.cli.demo.applicant.cast import Scene
from unseen.cli.demo.applicant.texts import told
from unseen.cli.demo.checks import check

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract

_SAYS = {True: "consistent", False: "inconsistent", None: "no_usable_result"}


def guess(scene: Scene, contract: "Contract") -> dict[str, Any]:
    """Let a clerk at the bank try one birthday after another, and the bank ask for everybody."""
    screen, buyer = scene.screen, scene.buyer
    screen.doing("guessing")
    before = buyer.do("usage", contract=contract.id)["units_used"]
    first, last, number = script.GUESSED
    subjects = [(first, last, date, number) for date in script.GUESSES]
    answer = buyer.ask("lookup_many", contract=contract.id, subjects=subjects)
    error = answer.get("error", {})
    check(
        error.get("reason") == "QUOTA_EXHAUSTED" and error.get("clause") == "quota.units",
        f"guesses are refused by the quota, not {answer}",
    )
    after = buyer.do("usage", contract=contract.id)["units_used"]
    check(before == after and not error["charged"], "a refusal is not charged")
    everybody = refuse_everybody(scene)
    screen.section(told("guessed"))
    screen.say(
        told(
            "guessed.what", name=f"{first} {last}", guesses=len(subjects), left=script.UNITS - after
        )
    )
    rows = [(told(name), error[name]) for name in ("message", "reason", "clause", "remedy")]
    screen.panel(told("refused.title"), [*rows, (told("charged"), told("no"))], "red")
    screen.say(told("guessed.everybody", rows=script.PEOPLE))
    rows = [(told(name), everybody[name]) for name in ("message", "reason", "clause", "remedy")]
    screen.panel(told("refused.title"), rows, "red")
    return {"refusal": error, "everybody": everybody}


def open_one(scene: Scene, contract: "Contract", answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Let the regulator order one query to be opened, and hold the answer against the bank's."""
    screen, regulator = scene.screen, scene.regulator
    screen.doing("opening_one")
    order = regulator.order_openings(contract.id, reason=told("opened.reason"), sample=1)
    said = scene.buyer.do("answer", order=order.id)
    check(not said["failed"] and len(said["opened"]) == 1, f"the bank opens one query, {said}")
    (finding,) = regulator.open_order(order.id).findings
    check(finding.outcome.value == "opened", f"what was opened holds: {finding.why}")
    (shown,) = finding.shown
    by_request = {each["request"]: each for each in answers}
    check(finding.request in by_request, "it is one of the questions asked")
    told_before = by_request[finding.request]
    subject = [str(value) for value in shown.subject]
    verdict = _SAYS[shown.verdicts[script.OUTPUT]]
    check(subject == told_before["subject"], "the regulator is shown whom the bank asked about")
    check(verdict == told_before["answers"][script.OUTPUT], "and what the bank was told")
    screen.section(told("opened"))
    screen.say(told("opened.what", count=len(answers)))
    screen.facts(
        [
            (told("opened.order"), order.id),
            (told("opened.drawn"), told("opened.drawn.is", request=finding.request)),
            (told("opened.entry"), told("opened.entry.is", entry=finding.release)),
            (told("opened.subject"), " / ".join(subject)),
            (told("opened.answer"), told(verdict)),
        ]
    )
    screen.say(told("opened.why"))
    return {
        "opened": {
            "order": order.id,
            "request": finding.request,
            "entry": finding.release,
            "subject": subject,
            "answer": verdict,
        }
    }
