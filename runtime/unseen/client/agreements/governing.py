"""The part of `Client` about rules, labels, templates, and what a contract would be."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Unpack

from unseen.client.agreements.contracts import Contracts
from unseen.client.agreements.explanations import Explanation
from unseen.client.agreements.rules import Governed, RulesCalls, RulesCard
from unseen.client.agreements.templates import TemplateCard, Templates
from unseen.client.agreements.wishes import Clauses, Wish
from unseen.client.catalog import Catalog, Relabelled, Table
from unseen.client.errors import HomeError
from unseen.client.parties import Parties
from unseen.client.privacy import Ledger, PrivacyCalls
from unseen.client.session import Session
from unseen.evidence.contracts.template import Template


class GoverningCalls:
    """Methods of `Client` about what is allowed, and why."""

    _session: Session
    _catalog: Catalog
    _contracts: Contracts
    _parties: Parties

    @cached_property
    def _rules(self) -> RulesCalls:
        return RulesCalls(self._session)

    @cached_property
    def _templates(self) -> Templates:
        return self._contracts.templates

    @cached_property
    def _privacy(self) -> PrivacyCalls:
        return PrivacyCalls(self._session)

    def set_privacy_budget(
        self, table: str, *, epsilon: str, delta: str, raised: bool = False
    ) -> Ledger:
        """Set what answers with noise about a table may cost in all (operator only).

        It holds over all contracts and snapshots, for ever; delta stays. More than before has to
        be said to be `raised`, which is an event of its own in the log; less than what is spent is
        refused. Both are decimal texts such as "1" and "0.000001".
        """
        return self._privacy.set_budget(table, epsilon=epsilon, delta=delta, raised=raised)

    def privacy_ledgers(self, table: str = "") -> list[Ledger]:
        """Return the privacy ledger of every table that has one, or of `table`.

        For operator, auditor and regulator.
        """
        return self._privacy.ledgers(table)

    def rules(self) -> RulesCard:
        """Return the rule file in force: what labels allow, and which purposes are denied."""
        return self._rules.get()

    def set_rules(self, text: bytes) -> tuple[RulesCard, Governed]:
        """Put another rule file, TOML, into force (operator only).

        Contracts that no longer compile are suspended at once, and those that do again go on.

        Raises:
            RulesInvalidError: it is not a rule file; nothing was sent.

        """
        return self._rules.set(text)

    def label_table(self, table: str, labels: Mapping[str, tuple[str, str]]) -> Relabelled:
        """Give columns of a table other labels (operator only); see `set_rules`.

        `labels` maps a column, or `*` for the rest, to its category and level; columns that are
        not named keep theirs.
        """
        return self._catalog.label(table, labels)

    def assign_holder(self, table: str, party: str) -> Table:
        """Say which enrolled holder a table belongs to (operator only)."""
        return self._catalog.assign_holder(table, party)

    def templates(self) -> list[TemplateCard]:
        """Return the node's templates."""
        return self._templates.list()

    def template(self, name: str) -> TemplateCard:
        """Return a template by its name, the newest of that name, or by its id."""
        return self._templates.get(name)

    def draft_template(self, text: bytes, approver: str = "") -> TemplateCard:
        """Return what `add_template` would sign, from TOML (operator only). Nothing is sent.

        `approver` names the party that signs besides; where there is one alone it need not be.

        Raises:
            TemplateInvalidError: it is not a template.
            HomeError: it has to be signed by an approver, and it is not clear by which.

        """
        return self._templates.draft(text, self._approver_key(approver))

    def add_template(self, template: Template) -> TemplateCard:
        """Sign a template as the operator and hand it over; read its card first.

        From then on every contract that stays within it needs no further signature of yours. One
        that names an approver waits for that signature too.
        """
        return self._templates.add(template)

    def approve_template(self, name: str) -> TemplateCard:
        """Sign a template as the second approver."""
        return self._templates.approve(name)

    def withdraw_template(self, name: str) -> TemplateCard:
        """Let no further contract follow a template (its signers only)."""
        return self._templates.withdraw(name)

    def explain(self, contract: str) -> Explanation:
        """Return what the ask behind a contract would lead to now, and what would do."""
        return self._contracts.explain(contract)

    def explain_request(
        self,
        product: str,
        *,
        outputs: Sequence[str] = (),
        scenario: str,
        units: int,
        **clauses: Unpack[Clauses],
    ) -> Explanation:
        """Return what `request_contract` would lead to, every clause against it, and what would do.

        Nothing is stored and nothing is charged. Without `outputs`, all that the product offers.
        """
        wish = Wish.of(product, outputs=outputs, scenario=scenario, units=units, **clauses)
        return self._contracts.explain_wish(wish)

    def _approver_key(self, name: str) -> bytes | None:
        found = [
            party
            for party in self._parties.list()
            if party.role == "approver" and not party.revoked and name in ("", party.name)
        ]
        if len(found) > 1 or (name and not found):
            raise HomeError(
                "it is not clear who the second approver is",
                clause="template.approver",
                remedy="name one of: " + ", ".join(party.name for party in found),
            )
        return found[0].key if found else None
