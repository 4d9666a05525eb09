"""The templates of a node, in memory beside the store: added, approved, withdrawn.

A template is a document of the log, and so is each signature over it: whoever holds the log can
check what contracts were allowed to follow.
"""

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, select, update

from unseen.evidence.canonical import Json, format_time
from unseen.evidence.contracts.template import Template, verify_template_approval
from unseen.evidence.errors import TemplateInvalidError
from unseen.evidence.suite import Suite, suite_of
from unseen.node.catalog.labels import LEVELS, Label
from unseen.node.contracts.clauses.clause import Standing
from unseen.node.errors import (
    ApproverMissingError,
    FieldInvalidError,
    TemplateEndedError,
    TemplateExistsError,
    TemplateNotFoundError,
)
from unseen.node.identity.rights import Role
from unseen.node.resources import resource
from unseen.node.store.documents import documents_of, put_document
from unseen.node.store.schema_rules import template_approvals, templates
from unseen.node.store.writer import Change, Transaction

if TYPE_CHECKING:
    from unseen.node.context import Node

DOCUMENT, APPROVAL = "template", "template-approval"


@dataclass(frozen=True, slots=True)
class Entry:
    """A template as the node keeps it. `id` is base64url."""

    id: str
    standing: Standing
    added_at: str

    @property
    def name(self) -> str:
        """Return its name."""
        return self.standing.template.name

    def ended(self, now: datetime) -> bool:
        """Return whether no contract may follow it any more."""
        return self.standing.withdrawn or now >= self.standing.template.period.until


class Templates:
    """All templates; of several with one name, the newest counts."""

    def __init__(self, engine: Engine) -> None:
        """Read them from the store."""
        self._engine = engine
        self._by_id: dict[str, Entry] = {}
        self.reload()

    def reload(self) -> None:
        """Read everything anew."""
        with self._engine.connect() as connection:
            self._by_id = _load(connection)

    def all(self) -> list[Entry]:
        """Return every template, in the order they were added."""
        return list(self._by_id.values())

    def find(self, name: str) -> Standing | None:
        """Return the newest template of this name, or None."""
        entry = self._newest(name)
        return entry.standing if entry else None

    def get(self, name: str) -> Entry:
        """Return a template by its id, or the newest of a name.

        Raises:
            TemplateNotFoundError: there is none.

        """
        entry = self._by_id.get(name) or self._newest(name)
        if entry is None:
            raise TemplateNotFoundError(
                "no template of this name",
                clause="template",
                remedy="see them: unseen template list",
            )
        return entry

    def _newest(self, name: str) -> Entry | None:
        found = [entry for entry in self._by_id.values() if entry.name == name]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class _Add(Change[str]):
    template: Template
    token: str
    by: str

    def apply(self, transaction: Transaction) -> str:
        suite = suite_of(self.template.suite)
        fields: dict[str, Json] = {"name": self.template.name, "by": self.by}
        body = self.template.encode()
        identifier = put_document(transaction, suite, DOCUMENT, body, "template.added", fields)
        known = select(templates.c.id).where(templates.c.id == identifier)
        if transaction.connection.execute(known).first():
            raise TemplateExistsError(
                "this very template was added before",
                clause="template",
                remedy="change it, if only its version in the name, and add it again",
            )
        row = {
            "id": identifier,
            "name": self.template.name,
            "added_at": format_time(transaction.now),
            "withdrawn_at": None,
        }
        transaction.connection.execute(insert(templates), [row])
        _Approve(suite, identifier, "operator", self.token, self.by).apply(transaction)
        return identifier


@dataclass(frozen=True, slots=True)
class _Approve(Change[None]):
    suite: Suite
    template: str
    role: str
    token: str
    by: str

    def apply(self, transaction: Transaction) -> None:
        fields: dict[str, Json] = {"template": self.template, "role": self.role, "by": self.by}
        body = self.token.encode()
        put_document(transaction, self.suite, APPROVAL, body, "template.approved", fields)
        row = {
            "template": self.template,
            "role": self.role,
            "token": self.token,
            "given_at": format_time(transaction.now),
        }
        transaction.connection.execute(insert(template_approvals), [row])


@dataclass(frozen=True, slots=True)
class _Withdraw(Change[None]):
    suite: Suite
    template: str
    body: bytes
    name: str
    by: str

    def apply(self, transaction: Transaction) -> None:
        fields: dict[str, Json] = {"name": self.name, "by": self.by}
        put_document(transaction, self.suite, DOCUMENT, self.body, "template.withdrawn", fields)
        transaction.connection.execute(
            update(templates)
            .where(templates.c.id == self.template)
            .values(withdrawn_at=format_time(transaction.now))
        )


async def add(node: "Node", document: bytes, token: str, by: str) -> Entry:
    """Take a template that the operator has signed.

    Raises:
        TemplateInvalidError: it is malformed, or its keys are not those of this node's parties.
        SignatureInvalidError: the signature is not the operator's over it.
        TemplateExistsError: one of its name is in force.
        PurposeDeniedError: the deny-list forbids one of its purposes for one of its labels.
        ApproverMissingError: its labels demand the second approver's signature too.

    """
    template = Template.decode(document)
    if template.suite != node.suite.id:
        raise TemplateInvalidError("template: suite is not this node's", clause="suite")
    resource("templates", f"templates/{template.name}")
    verify_template_approval(token, template, "operator", node.parties.operator().key)
    _check_approver(node, template)
    _check_rules(node, template)
    async with node.proposing:
        _check_free(node, template)
        identifier = await node.writer.submit(_Add(template, token, by))
        node.templates.reload()
    return node.templates.get(identifier)


async def approve(node: "Node", name: str, token: str, by: str) -> Entry:
    """Take the second approver's signature over a template.

    Raises:
        TemplateNotFoundError: no such template.
        TemplateEndedError: it waits for no signature.
        SignatureInvalidError: the signature is not this approver's over it.

    """
    entry = node.templates.get(name)
    party = node.parties.get(by)
    if party is None or entry.standing.complete or entry.ended(node.clock.now()):
        raise TemplateEndedError(
            "the template waits for no signature",
            clause="template.state",
            remedy=f"see it: unseen template show {entry.name}",
        )
    verify_template_approval(token, entry.standing.template, "approver", party.key)
    await node.writer.submit(_Approve(node.suite, entry.id, "approver", token, by))
    node.templates.reload()
    return node.templates.get(entry.id)


async def withdraw(node: "Node", name: str, by: str) -> Entry:
    """Let no further contract follow a template.

    Raises:
        TemplateNotFoundError: no such template.
        TemplateEndedError: it was withdrawn before.

    """
    entry = node.templates.get(name)
    if entry.standing.withdrawn:
        raise TemplateEndedError(
            "the template was withdrawn before",
            clause="template.state",
            remedy="see: unseen template list",
        )
    template = entry.standing.template
    body = template.encode()
    await node.writer.submit(_Withdraw(node.suite, entry.id, body, entry.name, by))
    node.templates.reload()
    return node.templates.get(entry.id)


def _check_free(node: "Node", template: Template) -> None:
    now = node.clock.now()
    if template.period.until <= now:
        raise TemplateEndedError(
            "the template has expired", clause="template.period", remedy="give it a later end"
        )
    found = [entry for entry in node.templates.all() if entry.name == template.name]
    if any(not entry.ended(now) for entry in found):
        raise TemplateExistsError(
            f"a template {template.name!r} is in force",
            clause="template.name",
            remedy=f"take another name, or: unseen template withdraw {template.name}",
        )


def _check_approver(node: "Node", template: Template) -> None:
    if not template.approver:
        return
    approvers = [
        party for party in node.parties.all() if party.role is Role.APPROVER and not party.revoked
    ]
    if template.approver not in [party.key_id for party in approvers]:
        raise ApproverMissingError(
            "the template names a second approver that is not enrolled here",
            clause="template.approver",
            remedy="invite one: unseen node invite NAME --role approver",
        )


def _check_rules(node: "Node", template: Template) -> None:
    """Refuse what no contract could follow under the rules in force."""
    rules = node.rulebook.rules
    for limit in template.labels:
        below = LEVELS[: LEVELS.index(limit.level) + 1]
        labels = [("", Label(limit.category, level)) for level in below]
        for purpose in template.purposes:
            for denial in rules.against_purpose(purpose, labels):
                raise denial
        if rules.of(labels[-1][1]) is None:
            raise FieldInvalidError(
                f"the rules refuse every column that is {labels[-1][1]}",
                clause="template.labels",
                remedy="lower the level, see: unseen node rules show",
            )
        if "approver" in rules.ruling(labels).approvals and not template.approver:
            raise ApproverMissingError(
                f"columns that are {labels[-1][1]}, need the second approver's signature",
                clause="template.approvals",
                remedy='add "approver" to its approvals, or lower its labels',
            )


def _load(connection: Connection) -> dict[str, Entry]:
    given: dict[str, dict[str, str]] = {}
    for row in connection.execute(select(template_approvals)):
        given.setdefault(row.template, {})[row.role] = row.token
    rows = {row.id: row for row in connection.execute(select(templates))}
    found = {}
    for identifier, body in documents_of(connection, DOCUMENT):
        row = rows[identifier]
        approvals = MappingProxyType(given.get(identifier, {}))
        standing = Standing(Template.decode(body), approvals, row.withdrawn_at is not None)
        found[identifier] = Entry(identifier, standing, row.added_at)
    return found
