"""Noise over consented rows: an answer is given again while the same people consent, not after."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.promises.consenting import Consenting, make
from tests.promises.oversight import audit
from tests.promises.stage import Stage

from unseen.client.catalog import Prices
from unseen.client.errors import RefusedError
from unseen.evidence.contracts.privacy import units_of
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.node.release.rules import Mode

MENU = """
delta = "0.000001"

[[measure]]
name = "earnings"
text = "Earnings"
column = "earnings"
unit = "USD"
low = 0
high = 60000

[[dimension]]
name = "earns"
text = "Earnings by thousands"
column = "earnings"
edges = [0, 20000, 60000]
"""
RHO = "0.004"


def contract_over(found: Consenting) -> str:
    """Offer the table's people to be counted, and return a contract in force."""
    operator = found.stage.operator
    operator.register_product(
        "counted",
        table="persons",
        kind="statistics",
        title="Persons, counted",
        predicates=parse_definition(MENU.encode()),
        prices=Prices("CNY", 1_000_000, 500_000),
    )
    operator.set_privacy_budget("persons", epsilon="5", delta="0.000001")
    wish = {"outputs": ["earnings", "earns"], "scenario": "tests", "units": 6, "days": 1}
    contract = found.lender.request_contract("counted", **wish, budget="1").id  # type: ignore[arg-type]
    operator.approve(contract)
    found.lender.sign(contract)
    return contract


def spent(found: Consenting) -> int:
    (ledger,) = found.stage.operator.privacy_ledgers("persons")
    return ledger.spent


def test_a_withdrawal_is_another_question_and_all_of_it_is_audited(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    found = make(stage)
    consents = found.give(*range(20))
    contract = contract_over(found)
    asked = found.lender.statistics(contract)
    first = asked.count(by="earns", rho=RHO)
    again = asked.ask(first.question, again=True)
    assert (again.rows, again.privacy) == (first.rows, "0")
    assert spent(found) == units_of(RHO)

    found.hub.import_consents([found.hub.sign_withdrawal(consents[0])])
    later = asked.ask(first.question, again=True)
    assert later.privacy == RHO  # over other rows, so with noise of its own
    assert spent(found) == 2 * units_of(RHO)

    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings
    (total,) = report.privacy
    assert (total.table, total.spent) == ("persons", spent(found))


def test_what_a_person_lets_out_is_charged_then(copy: Callable[[], Stage], tmp_path: Path) -> None:
    stage = copy()
    stage.start()
    found = make(stage)
    found.give(*range(20))
    contract = contract_over(found)
    stage.operator.set_release_mode("aggregate", Mode.REVIEW.value)
    asked = found.lender.statistics(contract)
    with pytest.raises(RefusedError) as caught:
        asked.count(by="earns", rho=RHO)
    assert caught.value.reason == "RELEASE_HELD"
    assert spent(found) == 0
    (review,) = stage.operator.reviews()
    stage.operator.approve_release(review.id)
    assert spent(found) == units_of(RHO)
    (request,) = found.lender.unanswered()
    told = found.lender.fetch_statistic(request)
    assert told.privacy == RHO
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings
