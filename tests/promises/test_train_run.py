"""Iterations of encrypted trainings at a real node: what they are, and what is charged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.promises.encrypted import Caring
from tests.promises.oversight import audit
from tests.promises.stage import Stage, serving

from unseen.client.errors import RefusedError
from unseen.evidence.contracts.privacy import UNITS
from unseen.evidence.contracts.states import State
from unseen.evidence.verify import verify_receipt

RHO = UNITS


@pytest.fixture(scope="module")
def caring(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caring]:
    """Return a serving stage that offers trainings."""
    with serving(template.copy(tmp_path_factory.mktemp("training") / "stage")) as found:
        yield Caring.on(found)


def test_each_iteration_is_a_noisy_gradient_charged_once_and_the_contract_ends(
    caring: Caring, tmp_path: Path
) -> None:
    contract, before = caring.contract(), caring.spent()
    asked = caring.asking(contract)
    for number in (1, 2, 3):
        one = asked if number == 1 else asked.afresh()
        one.send()
        answer = one.answered()
        one.check(one.gradient(answer), caring.people)
        facts = verify_receipt(answer.release.receipt, caring.stage.lender._session.trust)
        assert (facts.kind, facts.units, facts.privacy) == ("train", 1, "1")
        assert one.run().value == answer.value
        assert caring.used(contract) == (number, number)
        assert caring.spent() == before + number * RHO
    assert caring.stage.lender.contract(contract).state is State.EXHAUSTED
    with pytest.raises(RefusedError):
        asked.afresh().run()
    report = audit(caring.stage, tmp_path / "export")
    assert report.ok, report.findings
