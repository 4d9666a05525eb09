"""Consents, withdrawals and delegations: who may sign what, and everything that is refused."""

import dataclasses
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW, World, make_signer
from tests.evidence.consents import COLUMNS, Consents, subject

from unseen.evidence import jws
from unseen.evidence.consents.consent import (
    Consent,
    Use,
    Withdrawal,
    read_consent,
    read_withdrawal,
    sign_consent,
    sign_withdrawal,
    verify_consent,
    verify_withdrawal,
)
from unseen.evidence.consents.delegation import (
    Delegation,
    read_delegation,
    sign_delegation,
    verify_chain,
)
from unseen.evidence.consents.subjects import DataSubject
from unseen.evidence.errors import (
    ConsentExpiredError,
    ConsentInvalidError,
    DelegationInvalidError,
    EvidenceError,
    SignatureInvalidError,
)
from unseen.evidence.suite import INTL, signer_id
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn

DAY = timedelta(days=1)


@pytest.fixture
def parties(world: World) -> Consents:
    return Consents(world)


@pytest.fixture
def intl_parties() -> Consents:
    return Consents(World(INTL))


def verified(parties: Consents, token: str, chain: Any = (), at: datetime = NOW) -> Consent:
    return verify_consent(token, chain, parties.suite, parties.hub.public_key, at)


def test_the_hub_signs_for_a_subject_without_a_key_and_says_so(parties: Consents) -> None:
    consent = parties.consent()
    assert (consent.role, consent.chain) == ("hub", ())
    token = sign_consent(parties.hub, consent)
    assert verified(parties, token) == consent == read_consent(token)


def test_a_person_signs_with_a_key_that_the_hub_calls_its_own(parties: Consents) -> None:
    token, chain = parties.own()
    assert verified(parties, token, chain).by == signer_id(parties.person)
    assert read_delegation(chain[0]).key_id == signer_id(parties.person)


def test_a_trustee_signs_for_several_within_its_limits(parties: Consents) -> None:
    link = parties.trusteeship(
        recipients=(signer_id(parties.world.buyer),),
        scenarios=("贷前核验",),
        tables=("enterprises", "others"),
    )
    for number in (1, 2):
        token, chain = parties.trusted(
            (parties.hub, link), signer=parties.trustee, subject=subject(number)
        )
        assert verified(parties, token, chain).subject == subject(number)


def test_a_trustee_passes_on_what_it_got(parties: Consents) -> None:
    first = parties.trusteeship(links=1)
    second = parties.delegation(by=signer_id(parties.trustee), key=parties.helper.public_key)
    token, chain = parties.trusted(
        (parties.hub, first), (parties.trustee, second), signer=parties.helper
    )
    assert verified(parties, token, chain).role == "person"


def test_a_person_delegates_to_a_trustee(parties: Consents) -> None:
    first = parties.delegation(links=1)
    second = parties.trusteeship(by=signer_id(parties.person), links=0, subject=subject(1))
    token, chain = parties.trusted(
        (parties.hub, first), (parties.person, second), signer=parties.trustee
    )
    assert verified(parties, token, chain).role == "trustee"


WRONG_CHAINS: dict[str, tuple[Callable[[Consents], dict[str, Any]], str]] = {
    "another subject": (lambda p: {"subject": subject(2)}, "subject"),
    "another recipient": (
        lambda p: {"recipients": (signer_id(p.world.operator),)},
        "recipients",
    ),
    "another scenario": (lambda p: {"scenarios": ("other",)}, "scenarios"),
    "another table": (lambda p: {"tables": ("other",)}, "tables"),
    "ends before the consent": (lambda p: {"until": NOW + DAY}, "until"),
    "has ended": (lambda p: {"until": NOW}, "until"),
    "by another key": (lambda p: {"by": signer_id(p.trustee)}, "by"),
    "another role": (lambda p: {"role": "company"}, "role"),
}


@pytest.mark.parametrize("case", WRONG_CHAINS)
def test_a_chain_that_does_not_reach_is_refused(parties: Consents, case: str) -> None:
    changes, clause = WRONG_CHAINS[case]
    link = parties.delegation(**changes(parties))
    signer = parties.trustee if case == "by another key" else parties.hub
    token, chain = parties.trusted((signer, link), signer=parties.person)
    if case == "another role":
        consent = dataclasses.replace(read_consent(token), role="person")
        token = sign_consent(parties.person, consent)
    with pytest.raises((DelegationInvalidError, ConsentInvalidError)) as caught:
        verified(parties, token, chain)
    assert caught.value.clause == clause


def test_a_recipient_does_not_consent_by_another_key(parties: Consents) -> None:
    """A buyer that is a trustee would delegate to a second key of its own and consent with that."""
    buyer = parties.world.buyer
    first = parties.trusteeship(key=buyer.public_key, links=1)
    second = parties.trusteeship(by=signer_id(buyer), key=parties.helper.public_key, links=0)
    links = ((parties.hub, first), (buyer, second))
    token, chain = parties.trusted(*links, signer=parties.helper)
    with pytest.raises(ConsentInvalidError, match="consent to itself") as caught:
        verified(parties, token, chain)
    assert caught.value.clause == "recipient"
    token, chain = parties.trusted(
        (parties.hub, parties.trusteeship(recipients=(signer_id(parties.hub),))),
        signer=parties.trustee,
        recipient=signer_id(parties.hub),
    )
    with pytest.raises(ConsentInvalidError, match="consent to itself"):
        verified(parties, token, chain)


def test_a_chain_has_no_more_links_than_each_one_allows(parties: Consents) -> None:
    first = parties.trusteeship(links=0)
    second = parties.delegation(by=signer_id(parties.trustee), key=parties.helper.public_key)
    token, chain = parties.trusted(
        (parties.hub, first), (parties.trustee, second), signer=parties.helper
    )
    with pytest.raises(DelegationInvalidError, match="links are more"):
        verified(parties, token, chain)


def test_a_chain_has_at_most_four_links(parties: Consents) -> None:
    signers = [parties.hub, *(make_signer(parties.suite, number) for number in range(30, 35))]
    tokens = [
        sign_delegation(
            before,
            parties.trusteeship(by=signer_id(before), key=after.public_key, links=3),
        )
        for before, after in itertools.pairwise(signers)
    ]
    key = parties.hub.public_key
    assert len(verify_chain(tokens[:4], parties.suite, key, NOW)) == 4
    with pytest.raises(DelegationInvalidError, match="exceed 4"):
        verify_chain(tokens, parties.suite, key, NOW)


def test_a_chain_is_the_one_that_the_consent_names(parties: Consents) -> None:
    token, chain = parties.own()
    other = sign_delegation(parties.hub, parties.delegation(nonce=bytes([9]) * 16))
    for wrong in ((), (other,), (*chain, other)):
        with pytest.raises(ConsentInvalidError) as caught:
            verified(parties, token, wrong)
        assert caught.value.clause == "chain"


def test_a_signature_by_another_key_is_refused(parties: Consents) -> None:
    stranger = parties.world.stranger
    forged = jws.sign(stranger, "unseen-consent", parties.consent().to_json())
    with pytest.raises(SignatureInvalidError):
        verified(parties, forged)
    token, _ = parties.own()
    link = jws.sign(stranger, "unseen-delegation", parties.delegation().to_json())
    with pytest.raises(SignatureInvalidError):
        verified(parties, token, (link,))


def test_the_hub_s_own_consent_is_by_the_hub_s_key(parties: Consents) -> None:
    consent = parties.consent(by=signer_id(parties.person))
    with pytest.raises(ConsentInvalidError) as caught:
        verified(parties, sign_consent(parties.person, consent))
    assert caught.value.clause == "by"


def test_a_consent_is_in_time_or_refused(parties: Consents) -> None:
    token = sign_consent(parties.hub, parties.consent())
    until = parties.consent().until
    verified(parties, token, at=until - timedelta(seconds=1))
    with pytest.raises(ConsentExpiredError):
        verified(parties, token, at=until)
    ahead = parties.consent(given_at=NOW + timedelta(minutes=16))
    with pytest.raises(ConsentInvalidError, match="future"):
        verified(parties, sign_consent(parties.hub, ahead))


def test_documents_of_two_suites_do_not_mix(intl_parties: Consents) -> None:
    from tests.evidence.conftest import DUMMY

    other, p = Consents(World(DUMMY)), intl_parties
    token = sign_consent(other.hub, other.consent())
    with pytest.raises(ConsentInvalidError, match="suite"):
        verify_consent(token, (), p.suite, p.hub.public_key, NOW)
    link = sign_delegation(other.hub, other.delegation())
    with pytest.raises(DelegationInvalidError):
        verify_chain((link,), p.suite, p.hub.public_key, NOW)
    with pytest.raises(ConsentInvalidError):
        verify_withdrawal(other.withdrawal(other.hub), p.suite, {})


def test_a_signer_signs_only_in_its_own_name(parties: Consents) -> None:
    with pytest.raises(ConsentInvalidError):
        sign_consent(parties.person, parties.consent())
    with pytest.raises(DelegationInvalidError):
        sign_delegation(parties.person, parties.delegation())
    withdrawal = read_withdrawal(parties.withdrawal(parties.hub))
    with pytest.raises(ConsentInvalidError):
        sign_withdrawal(parties.person, withdrawal)


def test_the_id_is_of_what_is_signed_and_not_of_the_signature(parties: Consents) -> None:
    consent = parties.consent()
    assert consent.id() == read_consent(sign_consent(parties.hub, consent)).id()
    assert consent.id() != parties.consent(nonce=bytes(16)).id()


def test_a_withdrawal_is_by_somebody_who_may(parties: Consents) -> None:
    keys = {signer_id(parties.hub): parties.hub.public_key}
    token = parties.withdrawal(parties.hub)
    assert verify_withdrawal(token, parties.suite, keys).id == parties.consent().id()
    with pytest.raises(ConsentInvalidError, match="nobody"):
        verify_withdrawal(parties.withdrawal(parties.person), parties.suite, keys)
    payload: Any = jws.peek(token).payload
    forged = jws.sign(parties.person, "unseen-consent-withdrawal", payload)
    with pytest.raises(SignatureInvalidError):
        verify_withdrawal(forged, parties.suite, keys)


USES: dict[str, dict[str, Any]] = {
    "another recipient": {"recipient": "A" * 43},
    "another scenario": {"scenario": "other"},
    "another table": {"table": "other"},
    "another product": {"product": "other"},
    "too late": {"at": NOW + timedelta(days=30)},
    "too early": {"at": NOW - timedelta(hours=2)},
}


def use(parties: Consents, **changes: Any) -> Use:
    fields: dict[str, Any] = {
        "recipient": signer_id(parties.world.buyer),
        "scenario": "贷前核验",
        "table": "enterprises",
        "product": "overdue-check",
        "at": NOW,
        "once": False,
    }
    return Use(**fields | changes)


@pytest.mark.parametrize("case", USES)
def test_a_consent_covers_what_it_says_and_nothing_else(parties: Consents, case: str) -> None:
    consent = parties.consent(products=("overdue-check",))
    assert consent.covers(use(parties))
    assert not consent.covers(use(parties, **USES[case]))


def test_a_consent_for_a_table_covers_every_product(parties: Consents) -> None:
    assert parties.consent().covers(use(parties, product="any"))


def test_a_consent_for_once_covers_only_where_once_serves(parties: Consents) -> None:
    once = parties.consent(once=True)
    assert not once.covers(use(parties))
    assert once.covers(use(parties, once=True))


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"role": "witness"}, "role"),
        ({"by": "x"}, "by"),
        ({"chain": (bytes(32),)}, "chain"),
        ({"chain": (bytes(31),)}, "chain"),
        ({"chain": tuple(bytes([n]) * 32 for n in range(5))}, "chain"),
        ({"role": "person"}, "chain"),
        ({"recipient": "x"}, "recipient"),
        ({"scenario": "a b"}, "scenario"),
        ({"table": ""}, "table"),
        ({"products": ("a", "a")}, "products"),
        ({"products": ["a"]}, "products"),
        ({"products": ("a/b",)}, "products"),
        ({"once": 1}, "once"),
        ({"until": NOW - DAY}, "until"),
        ({"notice": b""}, "notice"),
        ({"nonce": bytes(15)}, "nonce"),
        ({"subject": "subject 1"}, "subject"),
        ({"subject": DataSubject(COLUMNS, ("a", "b"))}, "subject.value"),
    ],
    ids=str,
)
def test_refuses_clauses_out_of_range(
    parties: Consents, changes: dict[str, Any], clause: str
) -> None:
    with pytest.raises(ConsentInvalidError) as caught:
        parties.consent(**changes)
    assert caught.value.clause == clause


def test_the_recipient_does_not_consent_itself(parties: Consents) -> None:
    with pytest.raises(ConsentInvalidError, match="recipient is the signer"):
        parties.consent(recipient=signer_id(parties.hub))


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"role": "hub"}, "role"),
        ({"links": 4}, "links"),
        ({"links": True}, "links"),
        ({"subject": None}, "subject"),
        ({"recipients": ("x",)}, "recipients"),
        ({"scenarios": ("a", "a")}, "scenarios"),
        ({"tables": ("a b",)}, "tables"),
        ({"nonce": b""}, "nonce"),
    ],
    ids=str,
)
def test_refuses_delegations_out_of_range(
    parties: Consents, changes: dict[str, Any], clause: str
) -> None:
    with pytest.raises(DelegationInvalidError) as caught:
        parties.delegation(**changes)
    assert caught.value.clause == clause
    with pytest.raises(DelegationInvalidError, match="own"):
        parties.delegation(key=parties.hub.public_key)


def test_what_limits_nothing_is_not_written(parties: Consents) -> None:
    for limit in ("recipients", "scenarios", "tables"):
        assert limit not in parties.delegation().to_json()
        with pytest.raises(DelegationInvalidError):
            Delegation.from_json(parties.delegation().to_json() | {limit: []})
    assert "subject" not in parties.trusteeship().to_json()
    assert "products" not in parties.consent().to_json()
    with pytest.raises(ConsentInvalidError):
        Consent.from_json(parties.consent().to_json() | {"products": []})


def test_a_withdrawal_of_a_consent_says_nothing_of_others(parties: Consents) -> None:
    with pytest.raises(ConsentInvalidError) as caught:
        Withdrawal(
            suite=parties.suite.id,
            by=signer_id(parties.hub),
            target="consent",
            id=bytes(32),
            at=NOW,
            consents=True,
        )
    assert caught.value.clause == "consents"


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (SubjectColumn("n", "integer"), "042"),
        (SubjectColumn("n", "integer"), "x"),
        (SubjectColumn("n", "date"), "2020-13-01"),
        (SubjectColumn("n", "string"), "a\u0301"),
    ],
)
def test_a_subject_is_written_in_one_way(
    parties: Consents, column: SubjectColumn, text: str
) -> None:
    wrong: Any = [{"name": column.name, "type": column.type, "value": text}]
    with pytest.raises(EvidenceError) as caught:
        Consent.from_json(parties.consent().to_json() | {"subject": wrong})
    assert text not in str(caught.value)


def test_subjects_have_a_value_for_each_column() -> None:
    with pytest.raises(SubjectInvalidError):
        DataSubject.of(COLUMNS, ("one",))
    assert "subject 1" not in repr(subject(1))


@given(st.text(max_size=20), st.integers(-(2**63), 2**63 - 1), st.dates())
def test_any_subject_survives_its_writing(text: str, number: int, day: Any) -> None:
    columns = (
        SubjectColumn("a", "string"),
        SubjectColumn("b", "integer"),
        SubjectColumn("c", "date"),
    )
    try:
        found = DataSubject.of(columns, (text, str(number), day.isoformat()))
    except SubjectInvalidError:
        assert any(0xD800 <= ord(character) < 0xE000 for character in text)
        return
    parties = Consents(World(INTL))
    consent = parties.consent(subject=found)
    assert Consent.from_json(consent.to_json()).subject == found
