"""Templates: the limits of classes of contracts, as their signers and followers see them."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from unseen.client.agreements.billing import money
from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.local.home import read_file, write_file
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.contracts.template import (
    Template,
    sign_template,
    verify_template_approval,
)
from unseen.evidence.contracts.template_file import parse_template
from unseen.evidence.suite import key_id
from unseen.v1 import template_pb2, template_pb2_grpc

_STATES = {
    template_pb2.TEMPLATE_STATE_WAITING: "waits for its approver",
    template_pb2.TEMPLATE_STATE_IN_FORCE: "in force",
    template_pb2.TEMPLATE_STATE_EXPIRED: "expired",
    template_pb2.TEMPLATE_STATE_WITHDRAWN: "withdrawn",
}
_SHIPPED = "unseen.client.agreements"


@dataclass(frozen=True, slots=True, repr=False)
class TemplateCard(Card):
    """A template, its id checked, and the signatures whose keys this client knows."""

    id: str
    template: Template
    approvals: Mapping[str, str]  # JWS by role
    state: str
    added_at: str

    def _title(self) -> str:
        return f"Template {self.template.name}: {self.template.title} ({self.template.title_zh})"

    def _rows(self) -> Iterator[Row]:
        if self.id:
            yield "id", self.id
            yield "state", self.state
        yield from limits(self.template)
        if self.id:
            yield "signed by", tuple(self.approvals)


def limits(template: Template) -> Iterator[Row]:
    """Yield every limit of a template, as people read it."""
    yield "used for", f"{template.text} ({template.text_zh})"
    yield "job kinds", template.kinds
    yield "purposes", template.purposes
    yield "products", template.products or "any"
    yield "labels up to", tuple(f"{each.category}:{each.level}" for each in template.labels)
    yield "outputs", f"{template.max_outputs} at most"
    yield "units", f"{template.max_units:,} at most, {template.max_per_minute:,} a minute"
    yield "days", f"{template.max_days} at most"
    for line, band in (
        ("data fee", template.prices.data_fee),
        ("service fee", template.prices.service_fee),
    ):
        yield line, f"{money(band[0])} to {money(band[1])} {template.prices.currency} a unit"
    yield "openings", template.openings
    latency = f", withdrawals act within {template.latency_seconds} s"
    consent = "needed" if template.consent else "as the labels demand"
    yield "consent", consent + (latency if template.latency_seconds else "")
    yield "groups", f"{template.group} at least" if template.group else "as the labels demand"
    yield "epsilon", f"{template.budget} at most" if template.budget else "as the labels demand"
    yield "region", template.region or "any"
    yield "exchange order", "needed" if template.order else "as the labels demand"
    yield "declarations", template.declarations
    yield "has to be signed by", template.approvals
    period = template.period
    yield "good", f"{format_time(period.start)} to {format_time(period.until)}"


class Templates:
    """The templates of one node."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = template_pb2_grpc.TemplateServiceStub(session.channel.grpc)
        self._known: dict[str, Template] = {}

    def draft(self, text: bytes, approver: bytes | None) -> TemplateCard:
        """Return what `add` would sign; see `Client.draft_template`."""
        profile, suite = self._session.profile, self._session.suite
        template = parse_template(
            text,
            suite=suite.id,
            operator=profile.key_id,
            approver=key_id(suite, approver) if approver else "",
            start=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        return TemplateCard("", template, {}, "draft", "")

    def add(self, template: Template) -> TemplateCard:
        """Sign a template as the operator and hand it over; see `Client.add_template`."""
        request = template_pb2.AddTemplateRequest(
            document=template.encode(), approval=sign_template(self._session.party_signer, template)
        )
        return self._read(self._session.call(self._stub.AddTemplate, request).template)

    def approve(self, name: str) -> TemplateCard:
        """Sign a template as the second approver; see `Client.approve_template`."""
        found = self.get(name)
        request = template_pb2.ApproveTemplateRequest(
            name=f"templates/{found.id}",
            approval=sign_template(self._session.party_signer, found.template),
        )
        return self._read(self._session.call(self._stub.ApproveTemplate, request).template)

    def withdraw(self, name: str) -> TemplateCard:
        """Let no further contract follow a template; see `Client.withdraw_template`."""
        request = template_pb2.WithdrawTemplateRequest(name=f"templates/{name}")
        return self._read(self._session.call(self._stub.WithdrawTemplate, request).template)

    def get(self, name: str) -> TemplateCard:
        """Return a template by its name or id."""
        request = template_pb2.GetTemplateRequest(name=f"templates/{name}")
        return self._read(self._session.call(self._stub.GetTemplate, request).template)

    def list(self) -> list[TemplateCard]:
        """Return every template."""
        request = template_pb2.ListTemplatesRequest()
        answer = self._session.call(self._stub.ListTemplates, request)
        return [self._read(item) for item in answer.templates]

    def document(self, identifier: bytes) -> Template:
        """Return the template with this id, from this home or else from the node.

        Raises:
            AnswerInvalidError: the node has another one under it.

        """
        name = b64encode(identifier)
        known = self._known.get(name)
        if known is None:
            path = self._session.home.template(name)
            kept = path.exists()
            known = Template.decode(read_file(path)) if kept else self.get(name).template
            if known.id() != identifier:
                raise _another()
            if not kept:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                write_file(path, known.encode())
            self._known[name] = known
        return known

    def _read(self, message: template_pb2.Template) -> TemplateCard:
        template = Template.decode(message.document)
        approvals = {approval.role: approval.token for approval in message.approvals}
        fits = template.name == short(message.name) and b64encode(template.id()) == message.id
        if not fits or not approvals.keys() <= set(template.approvals):
            raise _another()
        profile = self._session.profile
        keys = {profile.key_id: profile.key}
        keys[key_id(self._session.suite, profile.node.operator_key)] = profile.node.operator_key
        keys |= {party.key_id: party.key for party in self._session.trust.parties.values()}
        for role, token in approvals.items():
            name = getattr(template, role)
            if name in keys:  # the others are verified by whoever trusts their keys
                verify_template_approval(token, template, role, keys[name])
        state = _STATES.get(message.state, "unknown")
        return TemplateCard(message.id, template, approvals, state, message.added_at)


def shipped() -> list[str]:
    """Return the names of the templates that come with this package."""
    folder = files(_SHIPPED).joinpath("shipped")
    return sorted(
        item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")
    )


def shipped_text(name: str) -> bytes:
    """Return the TOML of a template that comes with this package.

    Raises:
        HomeError: there is none of this name.

    """
    if name not in shipped():
        raise HomeError(
            "no template of this name comes along",
            clause="template",
            remedy=f"name a file, or one of: {', '.join(shipped())}",
        )
    return files(_SHIPPED).joinpath("shipped", f"{name}.toml").read_bytes()


def _another() -> AnswerInvalidError:
    return AnswerInvalidError(
        "the template is not the one that was asked for",
        clause="template",
        remedy="do not rely on it; show it to the operator",
    )
