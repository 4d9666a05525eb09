"""Rules, labels and templates over a node's stores: what they do to contracts, and log."""

import dataclasses
import secrets
from typing import Any, cast

import pytest
from tests.evidence.conftest import DUMMY, World
from tests.evidence.governance import make_template
from tests.node.conftest import START, Store
from tests.node.governed import DAY, KEYS, Governed, approval, ask, signed, template

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.contracts.contract import Period
from unseen.evidence.contracts.limits import is_standing, verify_standing
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.template import LabelLimit
from unseen.evidence.errors import (
    RulesInvalidError,
    SignatureInvalidError,
    TemplateInvalidError,
    TransitionError,
)
from unseen.evidence.suite import signer_id
from unseen.node.catalog.labels import Label
from unseen.node.contracts import governing, lifecycle, standing, templates
from unseen.node.contracts.compile import Compiled, Refusal
from unseen.node.contracts.explain import explain_ask, explain_contract
from unseen.node.contracts.register import Contract
from unseen.node.contracts.rulebook import LoadRules, Rulebook
from unseen.node.contracts.rules import default_text
from unseen.node.errors import (
    ApproverMissingError,
    ColumnUnknownError,
    ContractExpiredError,
    FieldInvalidError,
    KindRefusedError,
    LabelRefusedError,
    OverloadedError,
    PartyNotFoundError,
    PurposeDeniedError,
    TableNotFoundError,
    TemplateEndedError,
    TemplateExceededError,
    TemplateExistsError,
    TemplateNotFoundError,
)

STRICT = (
    default_text()
    .replace(b'"2026-1"', b'"strict"')
    .replace(
        b'category = "enterprise"\nlevels = ["1", "2"]\nkinds = ["verify", ',
        b'category = "enterprise"\nlevels = ["1", "2"]\nkinds = [',
    )
)


@pytest.fixture
async def governed(store: Store, monkeypatch: pytest.MonkeyPatch) -> Governed:
    made = await Governed(store).start()
    for module in (lifecycle, standing):
        monkeypatch.setattr(module, "start_epoch", lambda _node, each: made.built.append(each.id))
    cast("Any", made.node).issuer = lambda **_parts: None
    return made


async def active(governed: Governed, kind: str = "verify", **changes: Any) -> Contract:
    """Return a contract in force; activating issues no certificate here."""
    node = governed.node
    proposed = await lifecycle.propose(node, "lender", kind, ask(**changes))
    if "operator" not in proposed.approvals:
        await lifecycle.approve(node, proposed, "operator", approval(proposed, "operator"))
    return await activate(governed, proposed)


async def activate(governed: Governed, proposed: Contract) -> Contract:
    found = governed.contract(proposed.id)
    return await lifecycle.activate(governed.node, found, approval(proposed, "lender"))


class TestLabels:
    async def test_a_contract_that_no_longer_compiles_is_suspended_and_goes_on_again(
        self, governed: Governed
    ) -> None:
        contract = await active(governed, "lookup")
        built = len(governed.built)
        table, moved = await governing.relabel(
            governed.node, "people", {"a": Label("enterprise", "3")}, "operator"
        )
        assert moved == standing.Moved((contract.id,), ())
        assert {each.name: each.label.level for each in table.columns}["a"] == "3"
        held = governed.contract(contract.id)
        assert held.state is State.SUSPENDED
        assert held.cause.startswith(standing.CAUSE)
        assert "labels.enterprise.3" in held.cause
        assert governed.events()[-2:] == ["table.labelled", "contract.suspended"]
        _, again = await governing.relabel(
            governed.node, "people", {"a": Label("enterprise", "4")}, "operator"
        )
        assert again == standing.Moved((), ())
        assert len(governed.built) == built
        _, back = await governing.relabel(
            governed.node, "people", {"a": Label("enterprise", "2")}, "operator"
        )
        assert back == standing.Moved((), (contract.id,))
        assert governed.contract(contract.id).state is State.ACTIVE
        assert governed.built[built:] == [contract.id]

    async def test_what_does_not_read_the_column_is_left_alone(self, governed: Governed) -> None:
        contract = await active(governed, outputs=("p_b",))
        _, moved = await governing.relabel(
            governed.node, "people", {"a": Label("enterprise", "core")}, "operator"
        )
        assert moved.suspended == ()
        assert governed.contract(contract.id).state is State.ACTIVE
        other = dataclasses.replace(governed.node.catalogue.table("people"), name="other")
        assert standing.steps(governed.node, table=other) == ()

    async def test_others_that_have_suspended_a_contract_keep_it_so(
        self, governed: Governed
    ) -> None:
        contract = await active(governed)
        await lifecycle.suspend(governed.node, contract, "operator", "looked into")
        await governing.relabel(
            governed.node, "people", {"*": Label("enterprise", "core")}, "operator"
        )
        with pytest.raises(LabelRefusedError):
            await lifecycle.take_up(governed.node, governed.contract(contract.id), "operator")
        await governing.relabel(
            governed.node, "people", {"*": Label("enterprise", "1")}, "operator"
        )
        assert governed.contract(contract.id).state is State.SUSPENDED
        resumed = await lifecycle.take_up(
            governed.node, governed.contract(contract.id), "operator", "all is well"
        )
        assert resumed.state is State.ACTIVE

    async def test_a_contract_that_was_signed_under_other_labels_is_not_activated(
        self, governed: Governed
    ) -> None:
        proposed = await lifecycle.propose(governed.node, "lender", "verify", ask())
        await lifecycle.approve(governed.node, proposed, "operator", approval(proposed, "operator"))
        await governing.relabel(governed.node, "people", {"a": Label("personal", "4")}, "operator")
        with pytest.raises(LabelRefusedError, match="against it stand also") as caught:
            await activate(governed, proposed)
        assert caught.value.clause == "consent"
        assert "approvals.holder" in str(caught.value)
        assert governed.contract(proposed.id).state is State.APPROVED

    async def test_what_has_ended_meanwhile_does_not_move(self, governed: Governed) -> None:
        contract = await active(governed)
        (step,) = standing.steps(
            governed.node,
            table=dataclasses.replace(
                governed.node.catalogue.table("people"),
                columns=tuple(
                    dataclasses.replace(each, label=Label("enterprise", "core"))
                    for each in governed.node.catalogue.table("people").columns
                ),
            ),
        )
        await governed.store.writer.submit(step)
        assert await governed.store.writer.submit(standing.Move((step,))) == []
        assert standing.follow(governed.node, []) == standing.Moved((), ())
        assert governed.contract(contract.id).id == contract.id

    async def test_labels_that_name_nothing_are_refused(self, governed: Governed) -> None:
        node = governed.node
        with pytest.raises(ColumnUnknownError, match="'zip'"):
            await governing.relabel(node, "people", {"zip": Label("public", "1")}, "operator")
        with pytest.raises(FieldInvalidError):
            await governing.relabel(node, "people", {}, "operator")
        with pytest.raises(TableNotFoundError):
            await governing.relabel(node, "nobody", {"*": Label("public", "1")}, "operator")
        assert "table.labelled" not in governed.events()


class TestHolder:
    async def test_a_table_has_a_holder_who_signs_where_labels_say_so(
        self, governed: Governed
    ) -> None:
        node = governed.node
        table = await governing.hold(node, "people", "hospital", "operator")
        assert table.holder == "hospital"
        leaf = governed.leaves()[-1]
        assert (leaf["type"], leaf["key"]) == ("table.held", signer_id(KEYS["hospital"]))
        await governing.relabel(node, "people", {"a": Label("public", "4")}, "operator")
        wish = ask(order="EX-1", region="CN")
        proposed = await lifecycle.propose(node, "lender", "verify", wish)
        assert proposed.terms.required() == ("operator", "holder", "approver")
        for party in ("operator", "hospital", "ministry"):
            assert governed.contract(proposed.id).state is State.PROPOSED
            await lifecycle.approve(node, proposed, party, approval(proposed, party))
        assert (await activate(governed, proposed)).state is State.ACTIVE
        governed.parties.revoke("hospital")
        with pytest.raises(ApproverMissingError):
            await lifecycle.propose(node, "lender", "verify", wish)

    @pytest.mark.parametrize("name", ["nobody", "lender", "gone"])
    async def test_only_an_enrolled_holder_holds(self, governed: Governed, name: str) -> None:
        if name == "gone":
            governed.parties.revoke("hospital")
            name = "hospital"
        with pytest.raises(PartyNotFoundError):
            await governing.hold(governed.node, "people", name, "operator")


class TestRules:
    async def test_the_default_is_loaded_at_each_start_and_kept_once(
        self, governed: Governed, store: Store
    ) -> None:
        again = await store.writer.submit(LoadRules(governed.node.suite))
        assert again.set_at == governed.node.rulebook.edition.set_at
        assert again.rules.file == governed.node.rulebook.rules.file
        assert governed.events() == ["rules.loaded", "rules.loaded"]
        leaf = governed.leaves()[0]
        assert (leaf["by"], leaf["version"]) == ("node", "2026-1")
        assert leaf["document"] == b64encode(governed.node.rulebook.rules.digest)

    async def test_another_default_of_a_later_release_takes_its_place(
        self, governed: Governed, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contract = await active(governed)
        monkeypatch.setattr("unseen.node.contracts.rulebook.default_text", lambda: STRICT)
        edition = await store.writer.submit(LoadRules(governed.node.suite))
        assert (edition.by, edition.rules.file.version) == ("node", "strict")
        governed.node.rulebook = Rulebook(edition)
        await governing.settle_at_start(governed.node)
        assert governed.contract(contract.id).state is State.SUSPENDED
        await governing.settle_at_start(governed.node)
        assert governed.events()[-2:] == ["rules.loaded", "contract.suspended"]

    async def test_an_operators_file_stays_and_acts_at_once(
        self, governed: Governed, store: Store
    ) -> None:
        contract = await active(governed)
        moved = await governing.set_rules(governed.node, STRICT, "operator")
        assert moved == standing.Moved((contract.id,), ())
        assert governed.node.rulebook.rules.file.version == "strict"
        edition = await store.writer.submit(LoadRules(governed.node.suite))
        assert (edition.by, edition.text) == ("operator", STRICT)
        back = await governing.set_rules(governed.node, default_text(), "operator")
        assert back == standing.Moved((), (contract.id,))

    async def test_a_file_that_is_none_changes_nothing(self, governed: Governed) -> None:
        with pytest.raises(RulesInvalidError):
            await governing.set_rules(governed.node, b"version = 1", "operator")
        assert governed.events() == ["rules.loaded"]


class TestTemplates:
    async def test_a_contract_within_it_needs_the_buyers_signature_alone(
        self, governed: Governed
    ) -> None:
        made = template()
        entry = await templates.add(governed.node, made.encode(), signed(made), "operator")
        assert entry.id == b64encode(made.id())
        contract = await lifecycle.propose(
            governed.node, "lender", "verify", ask(template="credit-check")
        )
        assert contract.state is State.APPROVED
        assert contract.terms.template == made.id()
        token = contract.approvals["operator"]
        assert is_standing(token)
        key = KEYS["operator"].public_key
        verify_standing(token, contract.terms, contract.plan, made, "operator", key)
        leaf = governed.leaves()[-1]
        assert (leaf["type"], leaf["role"]) == ("contract.approved", "operator")
        assert leaf["template"] == entry.id
        assert (await activate(governed, contract)).state is State.ACTIVE

    async def test_what_nobody_reads_is_bounded(
        self, governed: Governed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node, made = governed.node, template()
        await templates.add(node, made.encode(), signed(made), "operator")

        async def propose(buyer: str = "lender", template: str = "credit-check") -> Contract:
            nonce = secrets.token_bytes(16)
            asked = ask(template=template, nonce=nonce)
            return await lifecycle.propose(node, buyer, "verify", asked)

        monkeypatch.setattr(lifecycle, "_MAX_STANDING", 3)
        first = await propose()
        await activate(governed, first)  # in force, and no more read than one that is not
        await propose()
        plain = await propose(template="")
        with pytest.raises(OverloadedError, match="3 stand, and 3 were never used"):
            await propose()
        with pytest.raises(OverloadedError):
            await propose(template="")
        await propose("rival")
        await lifecycle.approve(node, plain, "operator", approval(plain, "operator"))
        second = await propose()  # the operator has read one of them
        monkeypatch.setattr(lifecycle, "end_epochs", None)
        monkeypatch.setattr(lifecycle, "follow_end", lambda *_: None)
        await lifecycle.revoke(node, second, "lender")
        await propose()  # what has ended stands no more
        monkeypatch.setattr(lifecycle, "_MAX_STANDING", 100)
        monkeypatch.setattr(lifecycle, "_MAX_UNUSED", 4)
        with pytest.raises(OverloadedError, match="4 were never used"):
            await propose()
        node.contracts.charged(first.id, 1, State.ACTIVE, 0)
        await propose()

    async def test_free_units_come_once_in_a_templates_longest_period(
        self, governed: Governed
    ) -> None:
        node, made = governed.node, template()
        await templates.add(node, made.encode(), signed(made), "operator")
        found = node.catalogue._products["verify"]
        billing = Billing(unit="request", free_units=10)
        node.catalogue._products["verify"] = dataclasses.replace(found, billing=billing)

        async def propose(**changes: Any) -> Contract:
            nonce = secrets.token_bytes(16)
            fields = {"template": "credit-check", "nonce": nonce} | changes
            return await lifecycle.propose(node, "lender", "verify", ask(**fields))

        first = await propose()
        with pytest.raises(TemplateExceededError, match="given once in") as caught:
            await propose()
        assert caught.value.clause == "template.free_units"
        shown = explain_ask(node, "lender", "verify", ask(template="credit-check"))
        assert isinstance(shown.asked, Refusal)
        assert [error.clause for error in shown.asked.errors] == ["template.free_units"]
        assert isinstance(explain_contract(node, first).asked, Compiled)  # its own do not count
        assert (await propose(template="")).state is State.PROPOSED  # somebody reads that one
        ended = dataclasses.replace(first, state=State.REVOKED)
        node.contracts.put(dataclasses.replace(ended, units_used=1))
        with pytest.raises(TemplateExceededError):
            await propose()
        node.contracts.put(ended)  # never used: it took nothing
        await propose()

    async def test_with_an_approver_it_counts_when_both_have_signed(
        self, governed: Governed
    ) -> None:
        node, made = governed.node, template(approver=signer_id(KEYS["ministry"]))
        await templates.add(node, made.encode(), signed(made), "operator")
        with pytest.raises(TemplateEndedError, match="not approved yet"):
            await lifecycle.propose(node, "lender", "verify", ask(template="credit-check"))
        with pytest.raises(TemplateInvalidError, match="another key"):
            await templates.approve(node, "credit-check", signed(made), "lender")
        with pytest.raises(SignatureInvalidError):
            await templates.approve(node, "credit-check", signed(made), "ministry")
        token = signed(made, "ministry")
        entry = await templates.approve(node, "credit-check", token, "ministry")
        assert entry.standing.complete
        with pytest.raises(TemplateEndedError, match="waits for no signature"):
            await templates.approve(node, "credit-check", token, "ministry")
        contract = await lifecycle.propose(node, "lender", "verify", ask(template="credit-check"))
        assert set(contract.approvals) == {"operator"}  # these labels ask for no approver

    async def test_the_approver_of_a_template_stands_for_level_four(
        self, governed: Governed
    ) -> None:
        node = governed.node
        made = template(
            labels=(LabelLimit(category="enterprise", level="4"),),
            approver=signer_id(KEYS["ministry"]),
        )
        await templates.add(node, made.encode(), signed(made), "operator")
        await templates.approve(node, made.name, signed(made, "ministry"), "ministry")
        await governing.hold(node, "people", "hospital", "operator")
        await governing.relabel(node, "people", {"a": Label("enterprise", "4")}, "operator")
        contract = await lifecycle.propose(
            node, "lender", "verify", ask(template=made.name, order="EX-1", region="CN")
        )
        assert set(contract.approvals) == {"operator", "approver"}
        assert contract.state is State.PROPOSED  # the holder signs the contract itself
        await lifecycle.approve(node, contract, "hospital", approval(contract, "hospital"))
        assert (await activate(governed, contract)).state is State.ACTIVE
        with pytest.raises(TransitionError):
            await lifecycle.approve(node, contract, "operator", approval(contract, "operator"))

    async def test_beyond_it_every_limit_is_named(self, governed: Governed) -> None:
        made = template(max_units=5, purposes=("credit-check",))
        await templates.add(governed.node, made.encode(), signed(made), "operator")
        with pytest.raises(TemplateExceededError, match=r"template\.max_units") as caught:
            await lifecycle.propose(governed.node, "lender", "verify", ask(template="credit-check"))
        assert caught.value.clause == "template.purposes"
        assert "ask without a template" in caught.value.remedy

    async def test_a_withdrawn_template_is_followed_no_more_not_even_by_what_waits(
        self, governed: Governed
    ) -> None:
        node, made = governed.node, template()
        await templates.add(node, made.encode(), signed(made), "operator")
        going = await active(governed, template="credit-check")
        waiting = await lifecycle.propose(node, "lender", "verify", ask(template="credit-check"))
        entry = await templates.withdraw(node, "credit-check", "operator")
        assert entry.standing.withdrawn
        with pytest.raises(TemplateEndedError, match="withdrawn"):
            await lifecycle.propose(node, "lender", "verify", ask(template="credit-check"))
        with pytest.raises(TemplateEndedError, match="withdrawn"):
            await activate(governed, waiting)
        with pytest.raises(TemplateEndedError, match="before"):
            await templates.withdraw(node, "credit-check", "operator")
        assert governed.contract(going.id).state is State.ACTIVE
        with pytest.raises(TemplateExistsError, match="this very template"):
            await templates.add(node, made.encode(), signed(made), "operator")
        other = template(max_units=99)
        await templates.add(node, other.encode(), signed(other), "operator")
        found = node.templates.find("credit-check")
        assert found
        assert found.template == other
        assert [each.standing.withdrawn for each in node.templates.all()] == [True, False]

    async def test_an_expired_template_is_refused(self, governed: Governed) -> None:
        node = governed.node
        made = template(period=Period(start=START - 9 * DAY, until=START + DAY))
        with pytest.raises(TemplateEndedError, match="has expired"):
            await templates.add(node, made.encode(), signed(made), "operator")
        short = template(period=Period(start=START - DAY, until=START + 1.5 * DAY))
        await templates.add(node, short.encode(), signed(short), "operator")
        with pytest.raises(TemplateExceededError) as caught:
            await lifecycle.propose(node, "lender", "verify", ask(template="credit-check"))
        assert caught.value.clause == "template.period"
        late = Period(start=START + 2 * DAY, until=START + 3 * DAY)
        with pytest.raises(TemplateEndedError) as ended:
            await lifecycle.propose(
                node, "lender", "verify", ask(template="credit-check", period=late)
            )
        assert ended.value.clause == "template.period"
        entry = node.templates.get("credit-check")
        end = entry.standing.template.period.until
        moments = (end - DAY, end, end + 9 * DAY)
        assert [entry.ended(moment) for moment in moments] == [False, True, True]

    async def test_one_of_a_name_at_a_time(self, governed: Governed) -> None:
        made, other = template(), template(max_units=7)
        await templates.add(governed.node, made.encode(), signed(made), "operator")
        with pytest.raises(TemplateExistsError, match="in force"):
            await templates.add(governed.node, other.encode(), signed(other), "operator")

    async def test_kinds_that_this_node_lacks_are_refused_by_name(self, governed: Governed) -> None:
        made = template(kinds=("run",))
        await templates.add(governed.node, made.encode(), signed(made), "operator")
        with pytest.raises(KindRefusedError, match="run"):
            await lifecycle.propose(governed.node, "lender", "verify", ask(template="credit-check"))

    async def test_what_nobody_could_follow_is_not_taken(self, governed: Governed) -> None:
        node = governed.node

        async def refused(kind: type[Exception], by: str = "operator", **changes: Any) -> str:
            made = template(**changes)
            with pytest.raises(kind) as caught:
                await templates.add(node, made.encode(), signed(made, by), "operator")
            return str(getattr(caught.value, "clause", ""))

        assert await refused(PurposeDeniedError, purposes=("tests", "resale")) == "deny.resale"
        core = (LabelLimit(category="enterprise", level="core"),)
        assert await refused(FieldInvalidError, labels=core) == "template.labels"
        both = (LabelLimit(category="public", level="1"), *core)
        assert await refused(FieldInvalidError, labels=both) == "template.labels"
        four = (LabelLimit(category="public", level="4"),)
        assert await refused(ApproverMissingError, labels=four) == "template.approvals"
        nobody = signer_id(KEYS["rival"])
        assert await refused(ApproverMissingError, approver=nobody) == "template.approver"
        stranger = signer_id(KEYS["rival"])
        assert await refused(TemplateInvalidError, by="rival", operator=stranger) == "operator"
        assert await refused(FieldInvalidError, name="Upper") == "templates"
        governed.parties.revoke("ministry")
        second = signer_id(KEYS["ministry"])
        assert await refused(ApproverMissingError, approver=second) == "template.approver"
        assert governed.events() == ["rules.loaded"]

    async def test_names_that_are_nobodys(self, governed: Governed) -> None:
        node = governed.node
        for name in ("none", "A" * 43):
            with pytest.raises(TemplateNotFoundError):
                node.templates.get(name)
        with pytest.raises(TemplateNotFoundError):
            await lifecycle.propose(node, "lender", "verify", ask(template="none"))

    async def test_a_template_of_another_suite_or_operator_is_none_of_this_node(
        self, governed: Governed
    ) -> None:
        node, made = governed.node, template()
        foreign = make_template(World(DUMMY))
        with pytest.raises(TemplateInvalidError, match="suite is not this node's"):
            await templates.add(node, foreign.encode(), "", "operator")
        await templates.add(node, made.encode(), signed(made), "operator")
        operator = governed.parties.by_name["operator"]
        heir = dataclasses.replace(operator, key_id=signer_id(KEYS["rival"]))
        governed.parties.by_name["operator"] = heir
        with pytest.raises(TemplateEndedError, match="another operator"):
            await lifecycle.propose(node, "lender", "verify", ask(template="credit-check"))


class TestExplained:
    async def test_an_ask_is_explained_and_nothing_is_stored(self, governed: Governed) -> None:
        found = explain_ask(governed.node, "lender", "lookup", ask(outputs=("p_a", "p_b")))
        assert isinstance(found.asked, Compiled)
        assert found.narrowings == ()
        assert governed.events() == ["rules.loaded"]
        assert governed.node.contracts.all() == []

    async def test_a_period_that_is_over_is_one_clause_more(self, governed: Governed) -> None:
        over = Period(start=START - 9 * DAY, until=START - DAY)
        for wish, clauses in (
            (ask(period=over), ["period.until"]),
            (ask(period=over, outputs=("nope",)), ["period.until", "outputs.nope"]),
        ):
            found = explain_ask(governed.node, "lender", "verify", wish)
            assert isinstance(found.asked, Refusal)
            assert [each.clause for each in found.asked.errors] == clauses
            assert isinstance(found.narrowest, Refusal)
            with pytest.raises(ContractExpiredError):
                await lifecycle.propose(governed.node, "lender", "verify", wish)

    async def test_a_contract_is_explained_as_it_would_be_now(self, governed: Governed) -> None:
        plain = await active(governed)
        found = explain_contract(governed.node, plain)
        assert isinstance(found.asked, Compiled)
        assert found.asked.terms == plain.terms
        made = template()
        await templates.add(governed.node, made.encode(), signed(made), "operator")
        follows = await active(governed, template="credit-check")
        found = explain_contract(governed.node, follows)
        assert isinstance(found.asked, Compiled)
        assert found.asked.terms == follows.terms
        await governing.relabel(
            governed.node, "people", {"a": Label("enterprise", "core")}, "operator"
        )
        found = explain_contract(governed.node, governed.contract(plain.id))
        assert isinstance(found.asked, Refusal)
