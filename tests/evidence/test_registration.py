"""Certificates: bound to what they register, handed on by their holder, checked years later."""

import copy
from typing import Any

import pytest
from tests.evidence.conftest import NOW, ORIGIN, World
from tests.evidence.registry import Registry

from unseen.evidence import canonical, jws
from unseen.evidence.errors import (
    EvidenceError,
    RegistrationInvalidError,
    SignatureInvalidError,
    SnapshotMismatchError,
    TrustMissingError,
)
from unseen.evidence.registry.certificate import (
    Certificate,
    Held,
    Rows,
    issued_leaf,
    sign_certificate,
    transferred_leaf,
    verify_certificate,
)
from unseen.evidence.registry.registration import (
    MAX_TRANSFERS,
    make_bundle,
    verify_bundle,
    verify_opened,
)
from unseen.evidence.suite import INTL, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.protocols.errors import PeerError


@pytest.fixture
def registry(world: World) -> Registry:
    return Registry(world)


class TestCertificate:
    def test_is_signed_by_its_node_and_read_under_its_key(self, registry: Registry) -> None:
        world, certificate = registry.world, registry.certificate()
        token = sign_certificate(world.node, certificate)
        assert verify_certificate(token, world.suite, world.node.public_key) == certificate
        with pytest.raises(RegistrationInvalidError, match="node"):
            sign_certificate(world.operator, certificate)
        with pytest.raises(SignatureInvalidError):
            verify_certificate(token, world.suite, world.operator.public_key)
        claimed = jws.sign(world.operator, "unseen-certificate", certificate.to_json())
        with pytest.raises(RegistrationInvalidError, match="node"):
            verify_certificate(claimed, world.suite, world.operator.public_key)

    def test_a_product_and_a_contract_have_no_rows(self, registry: Registry) -> None:
        assert "rows" not in registry.product().to_json()
        contract = registry.certificate(
            object="contract",
            name=canonical.b64encode(bytes(32)),
            digest=bytes(32),
            rows=None,
        )
        assert Certificate.from_json(contract.to_json()) == contract

    @pytest.mark.parametrize(
        ("clause", "changes"),
        [
            ("object", {"object": "house"}),
            ("name", {"name": "a b"}),
            ("name", {"object": "contract", "rows": None}),
            ("digest", {"digest": b""}),
            ("holder", {"holder": bytes(31)}),
            ("node", {"node": "x"}),
            ("log", {"log": "a b"}),
            ("issued_at", {"issued_at": "now"}),
            ("rows", {"rows": None}),
            ("rows", {"object": "product"}),
            ("suite", {"suite": None}),
        ],
        ids=str,
    )
    def test_a_field_out_of_range_is_named(
        self, registry: Registry, clause: str, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(RegistrationInvalidError) as caught:
            registry.certificate(**changes)
        assert caught.value.what == clause

    @pytest.mark.parametrize(
        "changes",
        [{"version": 0}, {"count": -1}, {"columns": b""}, {"taken_at": None}, {"scheme": "other"}],
        ids=str,
    )
    def test_rows_out_of_range_are_named(self, changes: dict[str, Any]) -> None:
        fields: dict[str, Any] = {"version": 1, "count": 0, "columns": bytes(32), "taken_at": NOW}
        with pytest.raises(RegistrationInvalidError) as caught:
            Rows(**fields | changes)
        assert caught.value.clause == f"rows.{next(iter(changes))}"


class TestTransfer:
    def test_only_the_present_holder_hands_it_on(self, registry: Registry) -> None:
        world, certificate = registry.world, registry.certificate()
        token = sign_certificate(world.node, certificate)
        held = Held.first(token, certificate)
        paper = held.sign_transfer(world.operator, registry.heir.public_key, NOW)
        after = held.take(paper)
        assert after.holder == registry.heir.public_key
        assert after.newest == jws.token_id(world.suite, paper)
        with pytest.raises(RegistrationInvalidError, match="present holder"):
            after.sign_transfer(world.operator, registry.second.public_key, NOW)
        with pytest.raises(RegistrationInvalidError, match="holder"):
            held.sign_transfer(world.operator, bytes(3), NOW)
        with pytest.raises(SignatureInvalidError):  # replayed on top of itself
            after.take(paper)

    def test_a_second_one_from_the_same_link_does_not_fit(self, registry: Registry) -> None:
        world, certificate = registry.world, registry.certificate()
        held = Held.first(sign_certificate(world.node, certificate), certificate)
        there = held.take(held.sign_transfer(world.operator, registry.heir.public_key, NOW))
        back = there.take(there.sign_transfer(registry.heir, world.operator.public_key, NOW))
        twice = held.sign_transfer(world.operator, registry.second.public_key, NOW)
        with pytest.raises(RegistrationInvalidError, match="newest"):
            back.take(twice)

    def test_it_is_of_one_certificate_and_goes_to_somebody_else(self, registry: Registry) -> None:
        world = registry.world
        one, two = registry.certificate(), registry.product()
        first, other = (Held.first(sign_certificate(world.node, each), each) for each in (one, two))
        paper = first.sign_transfer(world.operator, registry.heir.public_key, NOW)
        with pytest.raises(RegistrationInvalidError, match="certificate is another"):
            other.take(paper)
        to_itself = first.sign_transfer(world.operator, world.operator.public_key, NOW)
        with pytest.raises(RegistrationInvalidError, match="present one"):
            first.take(to_itself)


class TestBundle:
    def test_proves_issue_and_every_holder(self, registry: Registry) -> None:
        world = registry.world
        bundle = registry.bundle((world.operator, registry.heir), (registry.heir, registry.second))
        again = canonical.decode(canonical.encode(bundle))
        found = verify_bundle(again, world.trust)
        assert found.certificate == registry.certificate()
        assert found.issuer == "node-1"
        assert found.log == ORIGIN
        assert found.size > found.index
        assert found.holders == (
            world.operator.public_key,
            registry.heir.public_key,
            registry.second.public_key,
        )

    def test_whom_the_trust_file_does_not_list_is_not_believed(self, registry: Registry) -> None:
        nobody = Trust.of([], registry.world.trust.logs.items())
        with pytest.raises(TrustMissingError):
            verify_bundle(registry.bundle(), nobody)
        no_log = Trust.of(registry.world.trust.parties.values(), [])
        with pytest.raises(TrustMissingError):
            verify_bundle(registry.bundle(), no_log)

    def test_the_log_has_to_be_the_nodes_own(self, registry: Registry) -> None:
        world = registry.world
        log = TrustedLog(world.suite.id, world.log.public_key, signer_id(world.stranger))
        other = Trust.of(world.trust.parties.values(), [(ORIGIN, log)])
        with pytest.raises(RegistrationInvalidError, match="log"):
            verify_bundle(registry.bundle(), other)
        with pytest.raises(RegistrationInvalidError, match="log"):
            verify_bundle(registry.bundle(log="other.unseen/log"), world.trust)

    def test_suites_do_not_mix(self, registry: Registry) -> None:
        world = registry.world
        other = World(INTL)
        bundle = registry.bundle()
        if world.suite is INTL:
            with pytest.raises(EvidenceError):
                verify_bundle(bundle | {"suite": "dummy"}, world.trust)
            return
        with pytest.raises(RegistrationInvalidError, match="suite"):
            verify_bundle(bundle | {"suite": "intl"}, world.trust)
        log = TrustedLog("intl", other.log.public_key, signer_id(world.node))
        mixed = Trust.of(world.trust.parties.values(), [(ORIGIN, log)])
        bundle["entries"][0]["checkpoint"] = other.checkpoint(1, bytes(32))
        with pytest.raises(RegistrationInvalidError, match="suite"):
            verify_bundle(bundle, mixed)

    @pytest.mark.parametrize("number", [0, 1])
    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("token", 7),
            ("token", "x"),
            ("leaf", []),
            ("leaf", {}),
            ("index", -1),
            ("proof", "AA"),
            ("proof", ""),
            ("checkpoint", 1),
            ("checkpoint", "x"),
        ],
        ids=str,
    )
    def test_a_field_that_does_not_fit_is_refused(
        self, registry: Registry, number: int, field: str, wrong: Any
    ) -> None:
        bundle = registry.bundle((registry.world.operator, registry.heir))
        bundle["entries"][number][field] = wrong
        with pytest.raises((EvidenceError, PeerError)):
            verify_bundle(bundle, registry.world.trust)

    def test_another_leaf_or_place_is_refused(self, registry: Registry) -> None:
        world = registry.world
        whole = registry.bundle((world.operator, registry.heir))
        for change in ({"index": 6}, {"leaf": whole["entries"][1]["leaf"]}):
            bundle = copy.deepcopy(whole)
            bundle["entries"][0] |= change
            with pytest.raises(RegistrationInvalidError, match=r"leaf|proof"):
                verify_bundle(bundle, world.trust)
        bundle = copy.deepcopy(whole)
        bundle["entries"][0]["leaf"]["holder"] = "x" * 5000
        with pytest.raises(RegistrationInvalidError, match="proof"):
            verify_bundle(bundle, world.trust)

    def test_transfers_out_of_order_or_left_out_are_refused(self, registry: Registry) -> None:
        world = registry.world
        whole = registry.bundle((world.operator, registry.heir), (registry.heir, registry.second))
        first, second, third = whole["entries"]
        for entries in ([first, third], [first, third, second], [second], []):
            with pytest.raises(EvidenceError):
                verify_bundle(whole | {"entries": entries}, world.trust)
        shorter = verify_bundle(whole | {"entries": [first, second]}, world.trust)
        assert shorter.holders[-1] == registry.heir.public_key  # says no more than its own head
        endless = whole | {"entries": [first] * (MAX_TRANSFERS + 2)}
        with pytest.raises(RegistrationInvalidError, match="at most"):
            verify_bundle(endless, world.trust)

    def test_a_chain_stands_in_the_log_in_its_order(self, registry: Registry) -> None:
        world = registry.world
        token, certificate = registry.issued()
        held = Held.first(token, certificate)
        link = held.sign_transfer(world.operator, registry.heir.public_key, NOW)
        early = registry.entry(link, transferred_leaf(link, held.take(link), NOW))
        entries = [registry.entry(token, issued_leaf(token, certificate, NOW)), early]
        with pytest.raises(RegistrationInvalidError, match="after the entry before"):
            verify_bundle(make_bundle(world.suite, entries), world.trust)

    def test_a_chain_goes_to_another_log_and_does_not_come_back(self, registry: Registry) -> None:
        world = registry.world
        own = world.trust.logs[ORIGIN]
        trust = Trust.of(world.trust.parties.values(), [(ORIGIN, own), ("next/log", own)])
        steps = ((world.operator, registry.heir), (registry.heir, registry.second))
        first, moved, back = registry.entries(*steps)
        moved, after = (registry.moved(entry, "next/log") for entry in (moved, back))
        found = verify_bundle(make_bundle(world.suite, [first, moved, after]), trust)
        assert (found.log, len(found.holders)) == ("next/log", 3)
        with pytest.raises(RegistrationInvalidError, match="after the entry before"):
            verify_bundle(make_bundle(world.suite, [first, moved, back]), trust)


class TestOpened:
    def test_rows_are_those_of_the_certificate(self, registry: Registry) -> None:
        verify_opened(registry.rows_opening(), registry.certificate())
        with pytest.raises(RegistrationInvalidError, match="table"):
            verify_opened(registry.rows_opening(), registry.product())

    @pytest.mark.parametrize("changes", [{"digest": bytes(32)}, {"name": "other"}], ids=str)
    def test_rows_of_another_table_are_refused(
        self, registry: Registry, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(SnapshotMismatchError, match="another snapshot"):
            verify_opened(registry.rows_opening(), registry.certificate(**changes))


def test_a_node_of_another_suite_does_not_vouch(intl: World) -> None:
    registry = Registry(intl)
    party = TrustedParty("node-1", "node", "intl", intl.node.public_key)
    trust = Trust.of([party], intl.trust.logs.items())
    assert verify_bundle(registry.bundle(), trust).issuer == "node-1"
