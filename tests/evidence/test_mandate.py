"""Mandates: signed by their grantor, narrowed on the way down, withdrawn by their grantor alone."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW, World
from tests.evidence.registry import Registry

from unseen.evidence import jws
from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.errors import (
    CanonicalError,
    EvidenceError,
    MandateInvalidError,
    SignatureInvalidError,
)
from unseen.evidence.registry.mandate import (
    TIERS,
    Mandate,
    peek_mandate,
    peek_withdrawal,
    sign_mandate,
    verify_mandate,
    verify_withdrawal,
    withdraw,
)
from unseen.evidence.registry.permission import (
    MAX_CHAIN,
    Use,
    chain_of,
    check_terms,
    cover,
    permission,
)
from unseen.evidence.suite import INTL, signer_id

DAY = timedelta(days=1)


@pytest.fixture
def registry(world: World) -> Registry:
    return Registry(world)


def test_is_read_under_its_grantors_key(registry: Registry) -> None:
    _, token, mandate = registry.signed()
    assert peek_mandate(token) == mandate
    assert verify_mandate(token, registry.authority.public_key) == mandate
    for other in (registry.world.operator, registry.world.stranger):
        with pytest.raises(MandateInvalidError, match="grantor") as caught:
            verify_mandate(token, other.public_key)
        assert caught.value.clause == "grantor"


def test_is_signed_by_its_grantor_alone(registry: Registry) -> None:
    with pytest.raises(MandateInvalidError, match="grantor"):
        sign_mandate(registry.world.operator, registry.mandate())


def test_a_token_edited_after_signing_fails(registry: Registry) -> None:
    _, token, mandate = registry.signed()
    head, _, signature = token.split(".")
    wider = jws.sign(registry.authority, "unseen-mandate", mandate.to_json() | {"tables": ["all"]})
    with pytest.raises(SignatureInvalidError):
        verify_mandate(f"{head}.{wider.split('.')[1]}.{signature}", registry.authority.public_key)
    other = jws.sign(registry.authority, "unseen-contract", mandate.to_json())
    with pytest.raises(SignatureInvalidError):  # signed as a document of another type
        verify_mandate(other, registry.authority.public_key)
    with pytest.raises(CanonicalError):
        peek_mandate(token[:-1] + "=")


@pytest.mark.parametrize(
    ("clause", "changes"),
    [
        ("grantor", {"grantor": "x"}),
        ("grantee", {"grantee": ""}),
        ("tier", {"tier": "tertiary"}),
        ("title", {"title": ""}),
        ("tables", {"tables": ()}),
        ("tables", {"tables": ["enterprises"]}),
        ("tables", {"tables": ("a", "a")}),
        ("tables", {"tables": ("a b",)}),
        ("tables", {"tables": tuple(str(number) for number in range(257))}),
        ("scenarios", {"scenarios": ()}),
        ("scenarios", {"scenarios": tuple(str(number) for number in range(65))}),
        ("kinds", {"kinds": ("steal",)}),
        ("kinds", {"kinds": ("verify", "verify")}),
        ("period", {"until": NOW - 10 * DAY}),
        ("period.from", {"start": "2026-01-01"}),
        ("period.until", {"until": None}),
        ("parent", {"parent": bytes(31)}),
        ("nonce", {"nonce": b""}),
        ("suite", {"suite": 1}),
    ],
    ids=str,
)
def test_a_field_out_of_range_is_named(
    registry: Registry, clause: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(MandateInvalidError) as caught:
        registry.mandate(**changes)
    assert caught.value.clause == clause


def test_nobody_grants_to_himself(registry: Registry) -> None:
    with pytest.raises(MandateInvalidError, match="grantee"):
        registry.mandate(grantee=signer_id(registry.authority))


class TestWithdrawal:
    def test_is_by_the_grantor_and_about_one_mandate(self, registry: Registry) -> None:
        identifier, token, mandate = registry.signed()
        key = registry.authority.public_key
        paper = withdraw(registry.authority, token, "评估不合格", NOW)
        found = verify_withdrawal(paper, identifier, mandate, key)
        assert (found.mandate, found.reason, found.time) == (identifier, "评估不合格", NOW)
        assert peek_withdrawal(paper) == found
        with pytest.raises(MandateInvalidError, match="mandate is another"):
            verify_withdrawal(paper, bytes(32), mandate, key)
        with pytest.raises(MandateInvalidError, match="grantor"):
            verify_withdrawal(paper, identifier, mandate, registry.world.operator.public_key)

    def test_is_refused_to_everybody_else(self, registry: Registry) -> None:
        _, token, _ = registry.signed()
        with pytest.raises(MandateInvalidError, match="grantor"):
            withdraw(registry.world.operator, token, "no", NOW)
        with pytest.raises(MandateInvalidError, match="reason"):
            withdraw(registry.authority, token, "", NOW)

    def test_a_forged_one_fails(self, registry: Registry) -> None:
        identifier, token, mandate = registry.signed()
        paper = withdraw(registry.authority, token, "enough", NOW)
        forged = jws.sign(
            registry.world.operator, "unseen-mandate-withdrawal", jws.peek(paper).payload
        )
        with pytest.raises(SignatureInvalidError):
            verify_withdrawal(forged, identifier, mandate, registry.authority.public_key)
        with pytest.raises(EvidenceError):  # a mandate is not its withdrawal
            verify_withdrawal(token, identifier, mandate, registry.authority.public_key)


class TestNesting:
    def test_a_chain_permits_what_all_its_links_permit(self, registry: Registry) -> None:
        identifier, token, mandate = registry.signed()
        child = registry.nested(token)
        known = {identifier: mandate, b"child": child}
        found = permission(chain_of(b"child", known))
        assert found.mandates == (identifier, b"child")
        assert found.authority == signer_id(registry.authority)
        assert found.grantee == signer_id(registry.second)
        assert found.tier == "secondary"
        assert found.tables == {"enterprises"}
        assert found.scenarios == {"贷前核验"}
        assert found.kinds == {"verify", "lookup"}  # the child names none: the parent's
        assert (found.start, found.until) == (child.start, child.until)
        assert found.covers(child.start)
        assert not found.covers(child.until)
        alone = permission(chain_of(identifier, {identifier: registry.mandate(kinds=())}))
        assert alone.kinds == set(KINDS)

    @pytest.mark.parametrize(
        ("clause", "changes"),
        [
            ("tables", {"tables": ("enterprises", "people")}),
            ("scenarios", {"scenarios": ("marketing",)}),
            ("kinds", {"kinds": ("lookup", "train")}),
            ("period", {"start": NOW - 11 * DAY}),
            ("period", {"until": NOW + 101 * DAY}),
            ("tier", {"tier": "primary"}),
            ("tier", {"tier": "authority"}),
        ],
        ids=str,
    )
    def test_what_is_wider_than_its_parent_is_refused(
        self, registry: Registry, clause: str, changes: dict[str, Any]
    ) -> None:
        identifier, token, mandate = registry.signed()
        child = registry.nested(token, **changes)
        with pytest.raises(MandateInvalidError) as caught:
            chain_of(b"child", {identifier: mandate, b"child": child})
        assert caught.value.clause == clause

    def test_the_grantee_of_the_parent_gives_on_and_nobody_else(self, registry: Registry) -> None:
        identifier, token, mandate = registry.signed()
        child = registry.nested(token, grantor=signer_id(registry.world.stranger))
        with pytest.raises(MandateInvalidError, match="grantor"):
            chain_of(b"child", {identifier: mandate, b"child": child})

    def test_a_second_tier_gives_nothing_on(self, registry: Registry) -> None:
        assert TIERS["secondary"] == ()
        identifier, token, mandate = registry.signed(tier="secondary")
        with pytest.raises(MandateInvalidError, match="tier"):
            chain_of(b"child", {identifier: mandate, b"child": registry.nested(token)})

    def test_a_missing_link_is_refused(self, registry: Registry) -> None:
        _, token, _ = registry.signed()
        with pytest.raises(MandateInvalidError, match="parent is not known"):
            chain_of(b"child", {b"child": registry.nested(token)})
        for nothing in (b"", b"x"):
            with pytest.raises(MandateInvalidError, match="id is not known"):
                chain_of(nothing, {})

    def test_a_chain_has_an_end(self, registry: Registry) -> None:
        known: dict[bytes, Mandate] = {}
        keys = [registry.authority, registry.bureau] * MAX_CHAIN
        parent = b""
        for number in range(MAX_CHAIN + 1):
            grantor, grantee = keys[number : number + 2]
            known[bytes([number]) * 32] = registry.mandate(
                grantor=signer_id(grantor),
                grantee=signer_id(grantee),
                tier="authority",
                parent=parent,
            )
            parent = bytes([number]) * 32
        assert len(chain_of(bytes([MAX_CHAIN - 1]) * 32, known)) == MAX_CHAIN
        with pytest.raises(MandateInvalidError, match="more than 3"):
            chain_of(bytes([MAX_CHAIN]) * 32, known)

    def test_suites_do_not_mix_in_a_chain(self, registry: Registry) -> None:
        identifier, token, mandate = registry.signed()
        other = "dummy" if registry.world.suite is INTL else "intl"
        child = registry.nested(token, suite=other)
        with pytest.raises(MandateInvalidError, match="suite"):
            chain_of(b"child", {identifier: mandate, b"child": child})


class TestUse:
    @pytest.mark.parametrize(
        ("clause", "changes"),
        [
            ("", {}),
            ("grantee", {"operator": "another"}),
            ("tables", {"table": "people"}),
            ("scenarios", {"scenario": "marketing"}),
            ("kinds", {"kind": "train"}),
        ],
        ids=str,
    )
    def test_is_refused_by_the_clause_that_it_reaches_beyond(
        self, registry: Registry, clause: str, changes: dict[str, Any]
    ) -> None:
        identifier, _, mandate = registry.signed()
        granted = permission(chain_of(identifier, {identifier: mandate}))
        fields = {
            "operator": signer_id(registry.world.operator),
            "table": "licences",
            "scenario": "benefits",
            "kind": "verify",
        }
        assert Use(**fields | changes).refused_by(granted) == clause

    def test_an_authority_operates_nothing_itself(self, registry: Registry) -> None:
        identifier, _, mandate = registry.signed(tier="authority")
        granted = permission(chain_of(identifier, {identifier: mandate}))
        use = Use(signer_id(registry.world.operator), "licences", "benefits", "verify")
        assert use.refused_by(granted) == "grantee"


spans = st.tuples(st.integers(0, 30), st.integers(1, 30))


@given(wanted=spans, given_spans=st.lists(spans, max_size=6))
def test_what_covers_a_period_leaves_no_gap_and_is_as_little_as_can_be(
    wanted: tuple[int, int], given_spans: list[tuple[int, int]]
) -> None:
    registry = Registry(World(INTL))
    granted = []
    for start, length in given_spans:
        times = {"start": NOW + start * DAY, "until": NOW + (start + length) * DAY}
        identifier, _, mandate = registry.signed(**times)
        granted.append(permission(chain_of(identifier, {identifier: mandate})))
    begin, end = NOW + wanted[0] * DAY, NOW + sum(wanted) * DAY
    days = [begin + number * DAY for number in range(wanted[1])]
    bare = next((day for day in days if not any(one.covers(day) for one in granted)), None)
    chosen, reached = cover(granted, begin, end)
    assert set(chosen) <= set(granted)
    assert (None if reached >= end else reached) == bare
    assert all(any(one.covers(day) for one in chosen) for day in days if day < reached)
    for left_out in chosen:
        fewer = [one for one in chosen if one is not left_out]
        assert cover(fewer, begin, end)[1] < min(reached, end)


class TestTerms:
    def test_a_contract_within_its_mandates_names_its_authority(self, registry: Registry) -> None:
        identifier, _, mandate = registry.signed()
        terms = registry.world.terms(mandates=(identifier,))
        found = check_terms(terms, {identifier: mandate})
        assert found == {signer_id(registry.authority)}

    def test_mandates_may_follow_each_other(self, registry: Registry) -> None:
        period = registry.world.terms().period
        middle = NOW + 10 * DAY
        first, _, one = registry.signed(until=middle)
        second, _, two = registry.signed(start=middle)
        known = {first: one, second: two}
        assert check_terms(registry.world.terms(mandates=(first, second)), known)
        with pytest.raises(MandateInvalidError, match="period"):
            check_terms(registry.world.terms(mandates=(second,)), known)
        with pytest.raises(MandateInvalidError, match="period"):
            check_terms(registry.world.terms(mandates=(first,)), known)
        assert period.until > middle

    @pytest.mark.parametrize(
        ("clause", "changes"),
        [
            ("tables", {"tables": ("licences",)}),
            ("scenarios", {"scenarios": ("benefits",)}),
            ("kinds", {"kinds": ("verify",)}),
            ("grantee", {"tier": "authority"}),
        ],
        ids=str,
    )
    def test_a_contract_outside_is_refused(
        self, registry: Registry, clause: str, changes: dict[str, Any]
    ) -> None:
        identifier, _, mandate = registry.signed(**changes)
        terms = registry.world.terms(mandates=(identifier,))
        with pytest.raises(MandateInvalidError) as caught:
            check_terms(terms, {identifier: mandate})
        assert caught.value.clause == clause
        with pytest.raises(MandateInvalidError, match="not known"):
            check_terms(terms, {})
