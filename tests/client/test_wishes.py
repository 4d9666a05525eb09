"""What a buyer asked for, held against the terms that come back."""

from dataclasses import replace
from typing import Any

import pytest
from tests.node.conftest import make_terms

from unseen.client.agreements.wishes import Wish
from unseen.client.errors import AnswerInvalidError
from unseen.evidence.contracts.contract import Terms


def wish(terms: Terms) -> Wish:
    """Return the wish that these terms fulfil."""
    return Wish(
        product=terms.product,
        scenario=terms.scenario,
        outputs=terms.outputs,
        units=terms.quota.units,
        per_minute=terms.quota.per_minute,
        start=terms.period.start,
        end=terms.period.until,
        openings=terms.openings,
    )


def test_another_way_than_was_wished_for_is_not_signed() -> None:
    terms = make_terms()
    assert terms.protocol == "oprf_table"
    for way in ("", "oprf_table"):
        found = replace(wish(terms), way=way)
        found.check(terms)
        assert found.message().way == way
    with pytest.raises(AnswerInvalidError) as caught:
        replace(wish(terms), way="lwe_pir").check(terms)
    assert caught.value.clause == "way"


@pytest.mark.parametrize("clause", ["scenario", "product", "region", "order"])
def test_another_clause_is_named(clause: str) -> None:
    terms = make_terms()
    other: dict[str, Any] = {clause: "other"}
    with pytest.raises(AnswerInvalidError) as caught:
        replace(wish(terms), **other).check(terms)
    assert caught.value.clause == clause
