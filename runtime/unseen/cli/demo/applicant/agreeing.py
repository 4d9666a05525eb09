"""One contract: what the label demands is in it, and what leaks is signed with it."""

from typing import TYPE_CHECKING, Any

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.cast import Scene
from unseen.cli.demo.applicant.texts import headings, told
from unseen.cli.demo.checks import check
from unseen.cli.demo.stage import leak_rows

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract


def agree(scene: Scene) -> "Contract":
    """Let the bank ask, the operator and the bank sign; show what both have signed."""
    screen, buyer = scene.screen, scene.buyer
    screen.doing("agreeing")
    wish = _wish(script.UNITS)
    bare = buyer.ask("request", **wish | {"order": ""}).get("error", {})
    check(bare.get("clause") == "order", f"without an order there is no contract, but {bare}")
    wished = buyer.do("request", **wish)
    scene.operator.approve(wished["id"])
    signed = buyer.do("sign", contract=wished["id"])
    check(signed["state"] == "active", "the contract is active once both have signed")
    contract = scene.operator.contract(wished["id"])
    terms = contract.terms
    check(terms.protocol == script.WAY, f"the way is {script.WAY}, and not {terms.protocol}")
    check(terms.consent is not None and terms.order == script.ORDER, "consent and order are in it")
    check(terms.regulator == scene.regulator.profile.key_id, "it names the regulator")
    data, service = scene.money(terms.prices.data_fee), scene.money(terms.prices.service_fee)
    screen.section(told("agreed"))
    screen.say(told("agreed.what", contract=contract.id))
    screen.facts(
        [
            (told("agreed.question"), told("agreed.question.is")),
            (told("agreed.consent"), told("agreed.consent.is")),
            (told("agreed.order"), told("agreed.order.is", order=script.ORDER)),
            (told("agreed.way"), told("agreed.way.is", way=script.WAY)),
            (told("agreed.openings"), told("agreed.openings.is")),
            (told("agreed.quota"), told("agreed.quota.is", units=script.UNITS, days=script.DAYS)),
            (told("agreed.price"), told("agreed.price.is", data=data, service=service)),
        ]
    )
    screen.say(told("leaks"))
    screen.table(headings("leaks.head"), leak_rows(contract.leakage, told))
    return contract


def refuse_everybody(scene: Scene) -> dict[str, Any]:
    """Let the bank ask for a contract about everybody; return the refusal."""
    answer = scene.buyer.ask("request", **_wish(script.PEOPLE))
    error: dict[str, Any] = answer.get("error", {})
    check(error.get("clause") == "quota.units", f"nobody may ask about everybody, but {answer}")
    return error


def _wish(units: int) -> dict[str, Any]:
    return {
        "product": script.PRODUCT,
        "outputs": [script.OUTPUT],
        "scenario": script.SCENARIO,
        "units": units,
        "days": script.DAYS,
        "order": script.ORDER,
        "openings": True,
    }
