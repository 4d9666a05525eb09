"""Which contract is asked what a table has: by size, by threat model, by wish, or none."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.client.errors import ContractMissingError
from unseen.client.queries.choosing import (
    HOLDS_UNDER,
    LOOKUP,
    WAYS,
    Candidate,
    candidate_of,
    choose,
)
from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.intersection import KIND as RUN
from unseen.evidence.contracts.intersection import Intersection
from unseen.evidence.contracts.rules import THREAT_MODELS
from unseen.evidence.contracts.states import State
from unseen.node.kinds.kind import KINDS
from unseen.protocols.errors import InputInvalidError

RUN_OVER = Candidate("r" * 43, RUN, "ecdh_psi", 100, 50, "parameters.intersect.most")
TABLE = Candidate("t" * 43, LOOKUP, "oprf_table", 100, 100)
HIDDEN = Candidate("h" * 43, LOOKUP, "lwe_pir", 100, 100)
ALL = (RUN_OVER, HIDDEN, TABLE)


def asked(*candidates: Candidate, items: int = 10, few: bool = False, **said: Any) -> Any:
    return choose(candidates, items, table="members", small=lambda _: few, **said)


def missing(*candidates: Candidate, items: int = 10, **said: Any) -> ContractMissingError:
    with pytest.raises(ContractMissingError) as caught:
        asked(*candidates, items=items, **said)
    assert caught.value.remedy
    assert "members" in str(caught.value)
    return caught.value


def test_a_small_set_is_looked_up_and_another_intersected() -> None:
    assert asked(*ALL, few=True).candidate == TABLE  # whose questions read nothing
    assert asked(*ALL).candidate == RUN_OVER
    assert "few" in str(asked(*ALL, few=True).why)
    assert "not few" in str(asked(*ALL).why)


def test_a_buyer_that_is_not_trusted_is_not_given_a_semi_honest_way() -> None:
    found = asked(*ALL, threat_model="malicious-buyer")
    assert found.candidate == TABLE
    assert "malicious-buyer" in str(found.why)
    assert missing(RUN_OVER, threat_model="malicious-buyer").clause == "threat_model"
    assert missing(*ALL, threat_model="malicious").clause == "threat_model"


@pytest.mark.parametrize("candidate", ALL, ids=lambda each: each.way)
def test_the_way_that_is_asked_for_is_taken_or_none(candidate: Candidate) -> None:
    found = asked(*ALL, few=candidate is RUN_OVER, way=candidate.way)
    assert (found.candidate, str(found.why)) == (candidate, "it was asked for")
    others = [each for each in ALL if each is not candidate]
    assert missing(*others, way=candidate.way).clause == "way"


def test_what_is_no_way_and_no_threat_model_is_refused() -> None:
    wrong: tuple[dict[str, Any], ...]
    wrong = ({"way": "ecdh"}, {"threat_model": "covert"}, {"threat_model": ""})
    for said in wrong:
        with pytest.raises(InputInvalidError) as caught:
            asked(*ALL, **said)
        assert caught.value.clause in said


def test_what_has_no_room_is_passed_over_and_said_to_be() -> None:
    full = replace(TABLE, left=3, most=3)
    found = asked(full, RUN_OVER, few=True)
    assert found.candidate == RUN_OVER
    assert "room" in str(found.why)
    error = missing(full, replace(RUN_OVER, most=9), items=10)
    assert error.clause == "parameters.intersect.most"
    assert "3 units left" in str(error)
    assert "9 items in one run" in str(error)
    assert missing(full).clause == "quota.units"


def test_without_a_contract_it_is_said_which_to_ask_for() -> None:
    error = missing()
    assert error.clause == "contract"
    assert "unseen contract request" in error.remedy


def test_the_fullest_of_one_way_is_taken() -> None:
    assert asked(TABLE, replace(TABLE, contract="u" * 43, left=200)).candidate.left == 200


def test_the_node_is_asked_only_where_both_kinds_would_do() -> None:
    calls: list[Candidate] = []

    def small(run: Candidate) -> bool:
        calls.append(run)
        return True

    for some in ([RUN_OVER], [TABLE, HIDDEN]):
        choose(some, 5, table="members", small=small)
    assert calls == []
    choose(ALL, 5, table="members", small=small)
    assert calls == [RUN_OVER]


def test_what_ways_hold_under_is_what_nodes_compile_them_for() -> None:
    assert {name: KINDS[name].holds_under for name in HOLDS_UNDER} == HOLDS_UNDER
    assert {way.protocol for name in HOLDS_UNDER for way in KINDS[name].ways} == {*WAYS}


candidates = st.builds(
    Candidate,
    contract=st.text("abc", min_size=43, max_size=43),
    kind=st.just(LOOKUP),
    way=st.sampled_from(WAYS[1:]),
    left=st.integers(0, 30),
    most=st.integers(0, 30),
    clause=st.just("quota.units"),
) | st.builds(
    Candidate,
    contract=st.text("abc", min_size=43, max_size=43),
    kind=st.just(RUN),
    way=st.just(WAYS[0]),
    left=st.integers(0, 30),
    most=st.integers(0, 30),
    clause=st.just("parameters.intersect.most"),
)


@given(
    own=st.lists(candidates, max_size=5),
    items=st.integers(1, 30),
    few=st.booleans(),
    way=st.sampled_from(("", *WAYS)),
    threat_model=st.sampled_from(THREAT_MODELS),
)
def test_what_is_chosen_may_be_asked_and_nothing_that_may_be_is_refused(
    own: list[Candidate], items: int, few: bool, way: str, threat_model: str
) -> None:
    may = [each for each in own if each.against(items, way, threat_model) is None]
    try:
        found = asked(*own, items=items, few=few, way=way, threat_model=threat_model).candidate
    except ContractMissingError:
        assert not may
        return
    assert found in may
    assert found.left >= items
    assert found.way == (way or found.way)
    if {each.kind for each in may} == {LOOKUP, RUN}:
        assert found.kind == (LOOKUP if few else RUN)


def contract(**said: Any) -> Any:
    """Return as much of a contract as is looked at."""
    given: dict[str, Any] = {
        "kind": LOOKUP,
        "outputs": ("present",),
        "match": (),
        "state": State.ACTIVE,
        "used": 4,
        "table": "members",
        "buyer": "me",
        "per_minute": 20,
        "most": 8,
    }
    given |= said
    clause = Intersection(output="items", most=given["most"])
    terms = SimpleNamespace(
        kind=given["kind"],
        outputs=given["outputs"],
        protocol="ecdh_psi" if given["kind"] == RUN else "oprf_table",
        table=given["table"],
        buyer=given["buyer"],
        quota=Quota(units=20, per_minute=given["per_minute"]),
        parameters={"intersect": clause.to_json()} if given["kind"] == RUN else {},
    )
    plan = SimpleNamespace(match=given["match"])
    return SimpleNamespace(
        id="c" * 43, state=given["state"], terms=terms, plan=plan, units_used=given["used"]
    )


def test_a_contract_serves_if_it_says_of_each_subject_whether_it_is_there() -> None:
    def serves(**said: Any) -> Candidate | None:
        return candidate_of(contract(**said), "members", "me")

    assert serves() == Candidate("c" * 43, LOOKUP, "oprf_table", 16, 16)
    assert serves(outputs=("match",), match=("id",)) is not None
    assert serves(outputs=("rich", "present")) is not None
    run = serves(kind=RUN, outputs=("items",))
    assert run == Candidate("c" * 43, RUN, "ecdh_psi", 16, 8, "parameters.intersect.most")
    slow = serves(kind=RUN, outputs=("items",), per_minute=5)
    assert slow is not None
    assert (slow.most, slow.clause) == (5, "quota.per_minute")
    refused: tuple[dict[str, Any], ...] = (
        {"outputs": ("rich",)},
        {"outputs": ("match",)},  # a predicate that happens to be called so
        {"kind": RUN, "outputs": ("count",)},
        {"kind": "verify"},
        {"table": "others"},
        {"buyer": "another"},
        *({"state": state} for state in State if state is not State.ACTIVE),
    )
    for said in refused:
        assert serves(**said) is None, said
