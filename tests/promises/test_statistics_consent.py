"""Statistics over rows with consent: who is counted, and by which root the log says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.consenting import Consenting, make, refused
from tests.promises.oversight import audit
from tests.promises.stage import Stage, serving

from unseen.client.catalog import Prices
from unseen.client.statistics import Statistics
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.exports.credential import read_credential

MENU = b"""
[[dimension]]
name = "earnings"
text = "Earnings of a year"
column = "earnings"
edges = [0, 20000, 50000, 100000]

[[filter]]
name = "born"
text = "born before 2001"
expression = "\xe5\x87\xba\xe7\x94\x9f\xe6\x97\xa5\xe6\x9c\x9f < DATE '2001-01-01'"

[partition]
by = []
"""
GIVEN = 40


@pytest.fixture
def consenting(template: Stage, tmp_path: Path) -> Iterator[Consenting]:
    """Return a stage whose people are counted where they consent, which forty do."""
    with serving(template.copy(tmp_path / "stage")) as stage:
        found = make(stage)
        stage.operator.register_product(
            "counted",
            table="persons",
            kind="statistics",
            title="People by earnings",
            predicates=parse_definition(MENU),
            prices=Prices(),
        )
        stage.operator.set_privacy_budget("persons", epsilon="4", delta="0.000001")
        yield found


def signed(found: Consenting) -> tuple[Statistics, str]:
    """Return a contract in force over what forty people consent to, and one of the consents."""
    consents = found.give(*range(GIVEN))
    contract = found.lender.request_contract(
        "counted", outputs=["earnings", "born"], scenario="tests", units=20, days=1
    )
    assert contract.terms.consent is not None
    found.stage.operator.approve(contract.id)
    return found.lender.statistics(found.lender.sign(contract.id).id), consents[0]


def roots(found: Consenting) -> list[str]:
    leaves = found.stage.operator.leaves()
    return [str(leaf.fields["root"]) for leaf in leaves if leaf.type == "consent.root"]


def released(found: Consenting) -> list[str]:
    """Return the roots that the releases of the log name."""
    leaves = found.stage.operator.leaves()
    return [str(leaf.fields.get("consent_root")) for leaf in leaves if leaf.type == "release"]


def total(answer: Any) -> Any:
    (row,) = answer.rows
    return row[-1]


def test_only_who_consents_is_counted(consenting: Consenting, tmp_path: Path) -> None:
    ask, one = signed(consenting)
    exact = ask.partition()
    assert total(exact) == GIVEN  # of 64
    token = consenting.lender.export_receipt(exact.request_id)
    assert read_credential(token, consenting.lender._session.trust).kind == "statistics"
    noisy = ask.count(rho="0.01")
    assert total(ask.count(rho="0.01")) == total(noisy)  # the same question, the same noise
    consenting.hub.withdraw_consent(one)
    error = refused(lambda: ask.partition(again=True))
    assert error.reason == "PARTITION_PINNED"  # whoever withdrew would be told from the two
    assert total(ask.count(rho="0.01", again=True)) is not None
    known = roots(consenting)
    assert {*released(consenting)} == {*known[-2:]}
    assert audit(consenting.stage, tmp_path / "export").findings == ()


def test_what_was_held_is_charged_under_the_root_it_was_counted_by(
    consenting: Consenting, tmp_path: Path
) -> None:
    (ask, one), stage = signed(consenting), consenting.stage
    stage.operator.set_release_mode("aggregate", "review")
    assert refused(lambda: ask.count(rho="0.01")).reason == "RELEASE_HELD"
    by = roots(consenting)[-1]
    consenting.hub.withdraw_consent(one)
    assert roots(consenting)[-1] != by
    (review,) = stage.operator.reviews()
    stage.operator.approve_release(review.id)
    assert released(consenting) == [by]
    assert audit(stage, tmp_path / "export").findings == ()
