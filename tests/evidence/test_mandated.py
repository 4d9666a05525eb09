"""Which contracts mandates cover: at the node, and in the eyes of an auditor of its log."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW, ORIGIN, World
from tests.evidence.menus import MENU
from tests.evidence.registry import Registry

from unseen.evidence import jws
from unseen.evidence.audit.context import Context, Read
from unseen.evidence.audit.documents import VERIFIERS
from unseen.evidence.audit.export import Document
from unseen.evidence.audit.findings import Findings
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.mandates import Mandates
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import EvidenceError, TrustMissingError
from unseen.evidence.registry.handover import sign_deletion, sign_handover
from unseen.evidence.registry.mandate import sign_mandate, withdraw
from unseen.evidence.registry.mandated import EXPIRED, FOREVER, MISSING, WITHDRAWN, Mandated
from unseen.evidence.suite import INTL, signer_id
from unseen.evidence.trust import Trust, TrustedParty

DAY = timedelta(days=1)


@pytest.fixture
def registry(intl: World) -> Registry:
    return Registry(intl)


class TestMandated:
    def test_what_no_mandate_names_needs_none(self, registry: Registry) -> None:
        terms, free = registry.world.terms(), Mandated({})
        assert free.reach(terms, NOW) == FOREVER
        assert free.over("enterprises") is None
        identifier, _, mandate = registry.signed(tables=("licences",))
        assert Mandated({identifier: mandate}).reach(terms, NOW) == FOREVER

    def test_reaches_to_the_end_of_what_covers_it(self, registry: Registry) -> None:
        terms = registry.world.terms()
        identifier, _, mandate = registry.signed(until=NOW + 5 * DAY)
        standing = Mandated({identifier: mandate})
        assert standing.reach(terms, NOW) == NOW + 5 * DAY
        assert standing.in_force(identifier, NOW)
        assert not standing.in_force(identifier, NOW + 5 * DAY)
        assert standing.why(terms) == EXPIRED
        assert [one.mandates for one in standing.over("enterprises") or ()] == [(identifier,)]
        later, _, renewed = registry.signed(start=NOW + 5 * DAY, title="renewed")
        both = Mandated({identifier: mandate, later: renewed})
        assert both.reach(terms, NOW) == FOREVER

    def test_a_withdrawal_takes_all_that_hangs_below(self, registry: Registry) -> None:
        identifier, token, mandate = registry.signed()
        child = registry.nested(token, until=NOW + 90 * DAY)
        known = {identifier: mandate, b"child" * 6 + b"xx": child}
        terms = registry.world.terms(operator=signer_id(registry.second))
        assert Mandated(known).reach(terms, NOW) == FOREVER
        gone = Mandated(known, frozenset({identifier}))
        assert gone.reach(terms, NOW) == NOW
        assert gone.why(terms) == WITHDRAWN
        assert gone.over("enterprises") == ()
        assert "enterprises" in gone.governed  # and not free

    def test_a_required_table_needs_one(self, registry: Registry) -> None:
        terms = registry.world.terms()
        standing = Mandated({}, required=frozenset({"enterprises"}))
        assert standing.reach(terms, NOW) == NOW
        assert standing.why(terms) == MISSING

    def test_a_joined_table_under_mandates_needs_one_over_both(self, registry: Registry) -> None:
        parameters = {"menu": MENU.to_json()}
        terms = registry.world.terms(kind="statistics", parameters=parameters)
        joined, _, beside = registry.signed(tables=("insurances",), kinds=())
        standing = Mandated({joined: beside})
        assert standing.concerns(terms)
        assert standing.reach(terms, NOW) == NOW
        both, _, mandate = registry.signed(tables=("enterprises", "insurances"), kinds=())
        assert Mandated({joined: beside, both: mandate}).reach(terms, NOW) == FOREVER
        alone, _, one = registry.signed(kinds=())
        assert Mandated({joined: beside, alone: one}).reach(terms, NOW) == NOW
        apart = registry.world.terms(
            kind="statistics", parameters={"menu": MENU.only(("region",)).to_json() | {}}
        )
        assert standing.concerns(apart)  # a menu that still says that it joins
        assert not standing.concerns(registry.world.terms())

    def test_another_authority_does_not_stand_in(self, registry: Registry) -> None:
        first, _, one = registry.signed(until=NOW + DAY)
        other = registry.mandate(grantor=signer_id(registry.bureau))
        second = jws.token_id(INTL, sign_mandate(registry.bureau, other))
        known = {first: one, second: other}
        assert Mandated(known).reach(registry.world.terms(), NOW) == FOREVER
        leaning = registry.world.terms(mandates=(first,))
        assert Mandated(known).reach(leaning, NOW) == NOW + DAY
        assert Mandated(known, frozenset({first})).why(leaning) == WITHDRAWN

    def test_what_is_no_chain_permits_nothing(self, registry: Registry) -> None:
        _, token, _ = registry.signed()
        orphan = registry.nested(token)
        assert Mandated({b"x" * 32: orphan}).over("enterprises") == ()

    @given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=4), st.data())
    def test_a_contract_is_covered_just_when_a_mandate_in_force_covers_it(
        self, spans: list[tuple[int, int]], data: st.DataObject
    ) -> None:
        registry = Registry(World(INTL))
        known = {}
        for number, (start, days) in enumerate(spans):
            times = {"start": NOW + start * DAY, "until": NOW + (start + days) * DAY}
            identifier, _, mandate = registry.signed(title=f"m{number}", **times)
            known[identifier] = mandate
        withdrawn = frozenset(data.draw(st.sets(st.sampled_from(sorted(known)))) if known else ())
        standing = Mandated(known, withdrawn, frozenset({"enterprises"}))
        time = NOW + data.draw(st.integers(0, 29)) * DAY
        live = any(m.start <= time < m.until for k, m in known.items() if k not in withdrawn)
        assert (standing.reach(registry.world.terms(), time) > time) is live


class Log:
    """A log's mandates as an audit meets them."""

    def __init__(self, registry: Registry) -> None:
        world = self.world = registry.world
        self.registry = registry
        authority = TrustedParty("office", "authority", "intl", registry.authority.public_key)
        bureau = TrustedParty("bureau", "buyer", "intl", registry.bureau.public_key)
        parties = [*world.trust.parties.values(), authority, bureau]
        trusted = Trust.of(parties, world.trust.logs.items())
        self.context = Context.of(trusted, ORIGIN, Findings())
        self.mandates = Mandates(self.context)
        self.index = 0

    def document(self, kind: str, body: str) -> bytes:
        identifier = jws.token_id(INTL, body)
        read = Read(Document(self.index, identifier, kind, body), self.index)
        self.context.documents[identifier] = read
        try:
            read.facts = VERIFIERS[kind](read.document, self.context)
        except EvidenceError as error:
            read.error = error
        return identifier

    def register(self, token: str, time: datetime = NOW, **changes: Any) -> bytes:
        identifier = self.document("mandate", token)
        mandate: Any = jws.peek(token).payload
        fields = {name: mandate[name] for name in ("grantor", "grantee", "tier")}
        fields |= {"document": b64encode(identifier)} | changes
        self.mandates.registered(self.index, Event("mandate.registered", time, fields))
        self.index += 1
        return identifier

    def withdraw(self, token: str, **changes: Any) -> None:
        paper = withdraw(self.registry.authority, token, "over", NOW)
        identifier = self.document("mandate-withdrawal", paper)
        fields: dict[str, Any] = {
            "document": b64encode(identifier),
            "mandate": b64encode(jws.token_id(INTL, token)),
        }
        leaf = Event("mandate.withdrawn", NOW, fields | changes)
        self.mandates.withdrawn(self.index, leaf)
        self.index += 1

    def covers(self, terms: Terms, time: datetime = NOW) -> bool:
        return self.mandates.covers(terms.id(), terms, time)

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.context.findings.sorted()]


@pytest.fixture
def log(registry: Registry) -> Log:
    return Log(registry)


class TestAudit:
    def test_an_honest_log_has_no_finding(self, log: Log) -> None:
        _, token, _ = log.registry.signed(until=NOW + 40 * DAY)
        terms = log.world.terms()
        log.mandates.proposed(0, terms)  # before any mandate names the table
        assert log.covers(terms)
        identifier = log.register(token)
        leaning = log.world.terms(mandates=(identifier,))
        log.mandates.proposed(1, leaning)
        assert log.covers(leaning)
        assert log.covers(leaning, NOW + 29 * DAY)
        log.withdraw(token)
        assert not log.covers(leaning)
        assert log.rules == []

    def test_a_contract_beyond_its_mandates_is_found(self, log: Log) -> None:
        _, token, _ = log.registry.signed(scenarios=("benefits",))
        identifier = log.register(token)
        log.mandates.proposed(1, log.world.terms(mandates=(identifier,)))
        log.mandates.proposed(2, log.world.terms())
        assert log.rules == ["contract.mandate", "contract.mandate"]

    def test_expiry_is_looked_at_with_each_release(self, log: Log) -> None:
        _, token, _ = log.registry.signed(until=NOW + 5 * DAY)
        log.register(token)
        terms = log.world.terms()
        assert log.covers(terms, NOW + 5 * DAY - timedelta(seconds=1))
        assert not log.covers(terms, NOW + 5 * DAY)

    @pytest.mark.parametrize(
        ("rule", "changes"),
        [
            ("mandate.leaf", {"tier": "secondary"}),
            ("mandate.expired", {"time": NOW + 101 * DAY}),
        ],
    )
    def test_a_leaf_that_says_something_else_is_found(
        self, log: Log, rule: str, changes: dict[str, Any]
    ) -> None:
        _, token, _ = log.registry.signed()
        log.register(token, **changes)
        assert log.rules == [rule]

    def test_a_mandate_by_no_authority_is_found(self, log: Log) -> None:
        mandate = log.registry.mandate(grantor=signer_id(log.registry.bureau))
        log.register(sign_mandate(log.registry.bureau, mandate))
        assert log.rules == ["mandate.authority"]

    def test_a_mandate_by_a_stranger_is_found(self, log: Log) -> None:
        mandate = log.registry.mandate(grantor=signer_id(log.registry.heir))
        log.register(sign_mandate(log.registry.heir, mandate))
        assert log.rules == ["trust.missing"]

    def test_an_authority_that_is_not_trusted_any_more(self, log: Log) -> None:
        """The parent stands, its signer is nobody in this trust file: the chain is not believed."""
        _, token, _ = log.registry.signed()
        identifier = log.document("mandate", token)
        parties = [p for p in log.context.trust.parties.values() if p.role != "authority"]
        log.context.trust = Trust.of(parties, log.context.trust.logs.items())
        with pytest.raises(TrustMissingError):
            log.context.owner(signer_id(log.registry.authority))
        mandate: Any = jws.peek(token).payload
        fields = {name: mandate[name] for name in ("grantor", "grantee", "tier")}
        fields["document"] = b64encode(identifier)
        log.mandates.registered(0, Event("mandate.registered", NOW, fields))
        assert log.rules == ["mandate.authority"]

    def test_a_child_outside_its_parent_is_found(self, log: Log) -> None:
        _, token, _ = log.registry.signed()
        log.register(token)
        wide = log.registry.nested(token, tables=("enterprises", "more"))
        log.register(sign_mandate(log.world.operator, wide))
        assert log.rules == ["mandate.chain"]

    def test_a_child_of_a_withdrawn_one_is_found(self, log: Log) -> None:
        _, token, _ = log.registry.signed()
        log.register(token)
        log.withdraw(token)
        log.register(sign_mandate(log.world.operator, log.registry.nested(token)))
        assert log.rules == ["mandate.withdrawn"]

    def test_a_withdrawal_of_another_mandate_is_found(self, log: Log) -> None:
        _, token, _ = log.registry.signed()
        log.register(token)
        log.withdraw(token, mandate="A" * 43)
        assert log.rules == ["mandate.leaf"]

    def test_a_document_that_is_missing_changes_nothing(self, log: Log) -> None:
        fields: dict[str, Any] = {"document": "!", "mandate": "A" * 43}
        log.mandates.withdrawn(0, Event("mandate.withdrawn", NOW, fields))
        log.mandates.registered(1, Event("mandate.registered", NOW, fields))
        assert log.rules == ["document.missing", "document.missing"]

    def test_a_table_put_under_mandates_is_remembered(self, log: Log) -> None:
        terms = log.world.terms()
        for required, covered in ((True, False), (False, True)):
            fields: dict[str, Any] = {"table": "enterprises", "required": required}
            log.mandates.required(0, Event("table.mandated", NOW, fields))
            assert log.covers(terms) is covered
        assert log.rules == []


@pytest.mark.parametrize("kind", ["handover", "deletion"])
def test_documents_of_a_handover_are_held_to_a_trusted_operator(log: Log, kind: str) -> None:
    sign: Any = {"handover": sign_handover, "deletion": sign_deletion}[kind]
    own = getattr(log.registry, kind)()
    identifier = log.document(kind, sign(log.world.operator, own))
    assert log.context.documents[identifier].facts == own
    stranger = getattr(log.registry, kind)(operator=signer_id(log.registry.heir))
    identifier = log.document(kind, sign(log.registry.heir, stranger))
    assert isinstance(log.context.documents[identifier].error, TrustMissingError)


class TestTransfers:
    def test_are_followed_link_by_link(self, log: Log) -> None:
        world, registry = log.world, log.registry
        entries = registry.entries(
            (world.operator, registry.heir), (registry.heir, registry.second)
        )
        kinds = ("certificate", "certificate-transfer", "certificate-transfer")
        found = [
            log.document(kind, entry.token) for kind, entry in zip(kinds, entries, strict=True)
        ]
        reads = [log.context.documents[identifier] for identifier in found]
        assert [read.error for read in reads] == [None] * 3
        assert [read.facts.holder for read in reads] == [
            world.operator.public_key,
            registry.heir.public_key,
            registry.second.public_key,
        ]

    def test_of_a_certificate_that_is_not_there_are_refused(self, log: Log) -> None:
        world, registry = log.world, log.registry
        (_, entry) = registry.entries((world.operator, registry.heir))
        identifier = log.document("certificate-transfer", entry.token)
        assert "previous" in str(log.context.documents[identifier].error)

    def test_of_one_that_came_with_a_node_taken_over_are_read(self, log: Log) -> None:
        world, registry = log.world, log.registry
        log.document("handover", sign_handover(world.operator, registry.handover()))
        (_, entry) = registry.entries((world.operator, registry.heir))
        identifier = log.document("certificate-transfer", entry.token)
        assert log.context.documents[identifier].error is None
        assert log.context.documents[identifier].facts.holder == registry.heir.public_key


def test_a_withdrawal_of_a_mandate_that_is_not_there_is_refused(log: Log) -> None:
    _, token, _ = log.registry.signed()
    paper = withdraw(log.registry.authority, token, "over", NOW)
    identifier = log.document("mandate-withdrawal", paper)
    assert "not in the log" in str(log.context.documents[identifier].error)
