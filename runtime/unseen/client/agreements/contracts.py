"""Contracts as a signer must see them: nothing is shown or signed that was not checked.

The node proposes terms, plan and leakage statement. Before a card of them exists, the hashes in
the terms must be those of the plan and the statement, the id that of the terms, the parties the
pinned ones, and every approval must verify. What the buyer signs is what the buyer was shown.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from unseen.client.agreements.billing import billing_rows
from unseen.client.agreements.explanations import Explanation, explanation
from unseen.client.agreements.stops import Stop, order, read_stops
from unseen.client.agreements.templates import Templates
from unseen.client.agreements.wishes import Wish
from unseen.client.cards import Card, Row
from unseen.client.catalog import Prices
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.fields import Fields
from unseen.client.local.home import read_json, write_json
from unseen.client.menus import agreed_rows
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode, b64encode, format_time
from unseen.evidence.contracts.contract import Role, Terms, sign_terms, verify_approval
from unseen.evidence.contracts.intersection import intersection_rows
from unseen.evidence.contracts.joint import Joint, joint_of
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.limits import is_standing, verify_standing
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.scoring import scoring_rows
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.statistics.agreed import check_agreed, tables_read
from unseen.evidence.contracts.training.clause import trained_rows
from unseen.evidence.contracts.training.encrypted_agreed import encrypted_rows
from unseen.evidence.errors import EvidenceError
from unseen.evidence.suite import Suite, key_id, suite_of
from unseen.protocols.errors import InputInvalidError
from unseen.v1 import contract_pb2, contract_pb2_grpc

_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_BY_RULES = "node:rules"  # the node, by labels, rules, rows and columns
_STATES: dict[contract_pb2.ContractState, State] = {
    getattr(contract_pb2, f"CONTRACT_STATE_{state.name}"): state for state in State
}
_UNSIGNED = (State.DRAFT, State.PROPOSED, State.APPROVED)


@dataclass(frozen=True, slots=True, repr=False)
class Contract(Card):
    """A contract whose terms, plan, leakage statement and approvals were checked."""

    id: str
    state: State
    terms: Terms
    plan: Plan
    leakage: Leakage
    approvals: Mapping[str, str] = field(compare=False)  # JWS by role
    units_used: int
    buyer: str
    cause: str = ""  # why it is suspended or was ended
    template_name: str = ""  # of the template that it follows
    kept: bool = False  # as this home last saw it, without asking the node
    stops: tuple[Stop, ...] = ()  # that stand, the oldest first

    def held_by_rules(self, table: str) -> bool:
        """Return whether it is over `table` and suspended since it no longer compiles."""
        held = any(stop.by == _BY_RULES for stop in self.stops)
        return held and table in tables_read(self.terms)

    @property
    def lacking(self) -> tuple[str, ...]:
        """The roles whose signatures it waits for."""
        if self.state not in _UNSIGNED:
            return ()
        return tuple(role for role in self.terms.approvals if role not in self.approvals)

    def _title(self) -> str:
        return f"Contract {self.id}"

    def _rows(self) -> Iterator[Row]:
        terms, prices, plan = self.terms, self.terms.prices, self.plan
        yield "state", f"{self.state.value}, as last seen" if self.kept else self.state.value
        yield "buyer", self.buyer
        yield "product", f"{terms.product} ({terms.kind}, {terms.protocol})"
        yield "table", terms.table
        yield "scenario", terms.scenario
        if terms.template:
            identifier = b64encode(terms.template)
            named = self.template_name
            yield "template", f"{named} ({identifier})" if named else identifier
        if terms.mandates:
            yield "mandates", tuple(b64encode(mandate) for mandate in terms.mandates)
        yield "outputs", terms.outputs
        yield from _read_rows(plan)
        yield from agreed_rows(terms.parameters)
        yield from trained_rows(terms.parameters)
        yield from encrypted_rows(terms.parameters)
        yield from intersection_rows(terms.parameters)
        yield from scoring_rows(terms.parameters)
        bits = f"{plan.bits_per_unit:,} for each unit at most"
        in_all = f", {plan.release.bits_in_all:,} in all" if plan.release else ""
        yield "bits", bits + in_all
        quota = terms.quota
        yield "used", f"{self.units_used:,} of {quota.units:,} units"
        yield "rate", f"{quota.per_minute:,} units a minute at most"
        period = terms.period
        yield "period", f"{format_time(period.start)} to {format_time(period.until)}"
        yield "price", Prices(prices.currency, prices.data_fee, prices.service_fee)
        yield from billing_rows(terms.billing, prices.currency)
        by = f"yes, on orders of the key {terms.regulator}" if terms.regulator else terms.openings
        yield "openings", by
        if terms.consent is not None:
            rule, once = terms.consent, ", once for each" if terms.consent.once else ""
            latency = f"withdrawals act within {rule.latency_seconds:,} s"
            yield "consent", f"needed, to {rule.scenario}{once}; {latency}"
        for name in ("order", "region", "group", "budget", "declarations"):
            if getattr(terms, name):
                yield name, getattr(terms, name)
        yield from _joint_rows(joint_of(terms.parameters), suite_of(terms.suite))
        yield "holds if", terms.threat_model
        yield "plan", b64encode(terms.plan)
        yield "leakage", b64encode(terms.leakage)
        if terms.rules:
            yield "rules", b64encode(terms.rules)
        yield from self._signatures()
        if self.stops:
            yield "stopped by", tuple(str(stop) for stop in self.stops)
        elif self.cause:
            yield ("goes on because" if self.state is State.ACTIVE else "because"), self.cause

    def _signatures(self) -> Iterator[Row]:
        roles = self.terms.approvals
        yield "signed by", tuple(self._signed(role) for role in roles if role in self.approvals)
        if self.lacking:
            yield "waits for", self.lacking

    def _signed(self, role: str) -> str:
        return f"{role} (by the template)" if is_standing(self.approvals[role]) else role


def _read_rows(plan: Plan) -> Iterator[Row]:
    if plan.subject_columns:
        yield "asked by", tuple(column.name for column in plan.subject_columns)
    if plan.columns_read or not plan.subject_columns:
        yield "reads", plan.columns_read


def _joint_rows(joint: Joint | None, suite: Suite) -> Iterator[Row]:
    """Yield with whom numbers are added up."""
    if joint is None:
        return
    # A name is anybody's: whoever signs compares keys, or the clause, with the others.
    yield (
        "together with",
        tuple(f"{each.name} (key {key_id(suite, each.key)})" for each in joint.nodes),
    )
    if joint.lead:
        yield "led by", joint.lead
    yield "joint clause", b64encode(joint.digest(suite))
    yield "vouched for", f"{joint.honest} of the nodes left at the end of a round"


class Contracts:
    """The contracts of one party at one node."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._fixed: dict[str, tuple[Terms, Plan]] = {}
        self._stub = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)
        self.templates = Templates(session)

    def request(self, wish: Wish) -> Contract:
        """Ask for a contract; see `Client.request_contract`."""
        answer = self._session.call(self._stub.RequestContract, wish.message())
        contract = self._read(answer.contract)
        wish.check(contract.terms)
        if wish.template and self.templates.document(contract.terms.template).name != wish.template:
            raise AnswerInvalidError(
                "the node proposed another template than was asked for",
                clause="template",
                remedy="do not sign it; ask the operator",
            )
        return contract

    def explain_wish(self, wish: Wish) -> Explanation:
        """Return what a wish would lead to; see `Client.explain_request`."""
        request = contract_pb2.ExplainContractRequest(ask=wish.message())
        answer = self._session.call(self._stub.ExplainContract, request)
        return explanation(answer, self._session.suite)

    def explain(self, contract: str) -> Explanation:
        """Return what the ask behind a contract would lead to now; see `Client.explain`."""
        request = contract_pb2.ExplainContractRequest(contract=resource(contract))
        answer = self._session.call(self._stub.ExplainContract, request)
        return explanation(answer, self._session.suite)

    def get(self, contract: str) -> Contract:
        """Return a contract as the node has it now."""
        request = contract_pb2.GetContractRequest(name=resource(contract))
        answer = self._session.call(self._stub.GetContract, request)
        return self._named(self._read(answer.contract, contract))

    def list(self) -> list[Contract]:
        """Return the contracts this party may see."""
        found: list[Contract] = []
        token = ""
        while True:
            request = contract_pb2.ListContractsRequest(page_token=token)
            answer = self._session.call(self._stub.ListContracts, request)
            found += [self._read(contract) for contract in answer.contracts]
            if answer.next_page_token <= token:  # a page never leads back
                return found
            token = answer.next_page_token

    def kept(self, contract: str) -> Contract:
        """Return a contract as this home last saw it; the node is not asked.

        It is checked as an answer of the node is: what was signed has not changed since.

        Raises:
            HomeError: this home has never seen it, or its file is damaged.
            AnswerInvalidError: the file is not of a contract that could be signed here.

        """
        path = self._session.home.contract(contract)
        if not _ID.fullmatch(contract) or not path.exists():
            raise HomeError(
                "this home has seen no contract of that id",
                clause="contract",
                remedy="see those it has: unseen contract list --offline",
            )
        found = read_kept(path)
        self._check(found, contract)
        template = found.terms.template
        known = template and self._session.home.template(b64encode(template)).exists()
        return self._named(found) if known else found

    def all_kept(self) -> Sequence[Contract]:
        """Return every contract that this home has seen, as it last saw it, by id."""
        names = sorted(path.stem for path in self._session.home.contract("").parent.glob("*.json"))
        return [self.kept(name) for name in names if name]

    def terms(self, contract: str) -> Terms:
        """Return the terms of a contract from this home, or from the node the first time.

        Terms never change: the id is their hash.
        """
        return self._fixed_parts(contract)[0]

    def plan(self, contract: str) -> Plan:
        """Return the plan of a contract, as `terms` does."""
        return self._fixed_parts(contract)[1]

    def approve(self, contract: str) -> Contract:
        """Sign as operator, holder or second approver; see `Client.approve`."""
        terms = self.get(contract).terms
        role = self._session.profile.role
        request = contract_pb2.ApproveContractRequest(
            name=resource(contract),
            approval=self._sign(terms, role if role in terms.required() else "operator"),
        )
        answer = self._session.call(self._stub.ApproveContract, request)
        return self._read(answer.contract, contract)

    def sign(self, contract: str) -> Contract:
        """Sign as the buyer; see `Client.sign`."""
        terms = self.get(contract).terms
        request = contract_pb2.SignContractRequest(
            name=resource(contract), approval=self._sign(terms, "buyer")
        )
        answer = self._session.call(self._stub.SignContract, request)
        return self._read(answer.contract, contract)

    def suspend(self, contract: str, cause: str) -> Contract:
        """Refuse requests under a contract; see `Client.suspend`."""
        request = contract_pb2.SuspendContractRequest(
            name=resource(contract), order=order(self._session, "stop", contract, cause)
        )
        answer = self._session.call(self._stub.SuspendContract, request)
        return self._read(answer.contract, contract)

    def resume(self, contract: str, cause: str) -> Contract:
        """Lift this party's stop of a contract; see `Client.resume`."""
        request = contract_pb2.ResumeContractRequest(
            name=resource(contract), order=order(self._session, "resume", contract, cause)
        )
        answer = self._session.call(self._stub.ResumeContract, request)
        return self._read(answer.contract, contract)

    def revoke(self, contract: str, cause: str = "") -> Contract:
        """End a contract at once."""
        request = contract_pb2.RevokeContractRequest(name=resource(contract), cause=cause)
        answer = self._session.call(self._stub.RevokeContract, request)
        return self._read(answer.contract, contract)

    def _named(self, contract: Contract) -> Contract:
        template = contract.terms.template
        if not template:
            return contract
        return replace(contract, template_name=self.templates.document(template).name)

    def _fixed_parts(self, contract: str) -> tuple[Terms, Plan]:
        known = self._fixed.get(contract)
        if known is None:
            known = self._fixed[contract] = self._load(contract)
        return known

    def _load(self, contract: str) -> tuple[Terms, Plan]:
        contract_bytes(contract)
        path = self._session.home.contract(contract)
        if not path.exists():
            found = self.get(contract)
            return found.terms, found.plan
        fields = Fields(read_json(path), f"contract {contract}", remedy=f"delete {path}")
        terms = Terms.decode(fields.text("terms").encode())
        plan = Plan.from_json(canonical.decode(fields.text("plan").encode()))
        if b64encode(terms.id()) != contract or plan.digest(self._session.suite) != terms.plan:
            raise fields.error("its terms or plan are another contract's")
        return terms, plan

    def _sign(self, terms: Terms, role: str) -> str:
        if self._session.profile.key_id != getattr(terms, role, None):
            raise HomeError(
                f"this party is not the {role} of the contract",
                clause="approvals",
                remedy=f"run it in the home of the {role}",
            )
        return sign_terms(self._session.party_signer, terms)

    def _read(self, message: contract_pb2.Contract, expected: str | None = None) -> Contract:
        terms = Terms.decode(message.terms)
        plan = Plan.from_json(canonical.decode(message.plan))
        leakage = Leakage.from_json(canonical.decode(message.leakage))
        contract = Contract(
            id=b64encode(terms.id()),
            state=_STATES.get(message.state, State.DRAFT),
            terms=terms,
            plan=plan,
            leakage=leakage,
            approvals={approval.role: approval.token for approval in message.approvals},
            units_used=message.units_used,
            buyer=message.buyer,
            cause=message.cause,
            stops=read_stops(message.stops),
        )
        self._check(contract, short(message.name) if expected is None else expected)
        self._keep(contract)
        return contract

    def _check(self, contract: Contract, expected: str) -> None:
        profile, terms, suite = self._session.profile, contract.terms, self._session.suite
        clauses: list[tuple[str, object, object]] = [
            ("name", contract.id, expected),
            ("suite", terms.suite, suite.id),
            ("plan", terms.plan, contract.plan.digest(suite)),
            ("leakage", terms.leakage, contract.leakage.digest(suite)),
            ("node", terms.node, key_id(suite, profile.node.evidence_key)),
            ("operator", terms.operator, key_id(suite, profile.node.operator_key)),
            ("outputs", terms.outputs, tuple(item.name for item in contract.plan.outputs)),
            ("kind", terms.kind, contract.plan.kind),
            ("table", terms.table, contract.plan.table),
            ("protocol", terms.protocol, contract.plan.protocol),
        ]
        if profile.role == "buyer":
            clauses.append(("buyer", terms.buyer, profile.key_id))
        for clause, found, wanted in clauses:
            if found != wanted:
                raise AnswerInvalidError(
                    f"the contract's {clause} is not what its terms must say",
                    clause=clause,
                    remedy="do not sign it; ask the operator",
                )
        check_agreed(terms, contract.plan)
        keys = {"operator": profile.node.operator_key, profile.role: profile.key}
        for role, approval in contract.approvals.items():
            if role not in keys:  # the others are verified by whoever trusts their keys
                continue
            if is_standing(approval):
                template = self.templates.document(terms.template)
                verify_standing(approval, terms, contract.plan, template, role, keys[role])
            else:
                verify_approval(approval, terms, cast("Role", role), keys[role])

    def _keep(self, contract: Contract) -> None:
        path = self._session.home.contract(contract.id)
        write_json(
            path,
            {
                "terms": contract.terms.encode().decode(),
                "plan": contract.plan.encode().decode(),
                "leakage": contract.leakage.encode().decode(),
                "approvals": dict(contract.approvals),
                "state": contract.state.value,
                "buyer": contract.buyer,
                "units_used": contract.units_used,
                "cause": contract.cause,
            },
        )


def read_kept(path: Path) -> Contract:
    """Return the contract in a file of a client home. Only its form is checked.

    Raises:
        HomeError: the file cannot be read, or is not one.

    """
    fields = Fields(read_json(path), path.name, remedy=f"fetch it anew, then delete {path}")
    try:
        terms = Terms.decode(fields.text("terms").encode())
        return Contract(
            id=b64encode(terms.id()),
            state=State(fields.text("state")),
            terms=terms,
            plan=Plan.from_json(canonical.decode(fields.text("plan").encode())),
            leakage=Leakage.from_json(canonical.decode(fields.text("leakage").encode())),
            approvals=fields.texts("approvals"),
            units_used=fields.integer("units_used"),
            buyer=fields.text("buyer"),
            cause=fields.text("cause"),
            kept=True,
        )
    except (EvidenceError, ValueError):
        raise fields.error("it holds no contract") from None


def contract_bytes(contract: str) -> bytes:
    """Return the 32 bytes of a contract id.

    Raises:
        InputInvalidError: it is none.

    """
    if not _ID.fullmatch(contract):
        raise InputInvalidError(
            "a contract is named by 43 characters",
            clause="contract",
            remedy="see: unseen contract list",
        )
    return b64decode(contract)


def resource(contract: str) -> str:
    """Return the resource name of a contract id."""
    return f"contracts/{contract}"
