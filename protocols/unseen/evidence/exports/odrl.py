"""A contract as an ODRL 2.2 agreement, in JSON-LD.

Source: W3C Recommendations "ODRL Information Model 2.2" and "ODRL Vocabulary & Expression 2.2", of
15 February 2018.

    contract                            agreement
    operator, buyer                     assigner, assignee
    product, kind                       target and action of one permission
    quota, rate, bits, group, budget    constraints: count, and operands of the profile `unseen:`
    period, scenario, region            constraints: dateTime, purpose, spatial
    each price line                     duty: compensate, refined by payAmount
    consent, openings, declarations     duties: obtainConsent, and actions of the profile

What ODRL has no words for (plan, leakage statement, threat model) stands beside the permission
under `unseen:`, by its hash. The agreement is worth what the terms that it names are worth: who
reads it has to hold them, and the approvals over them, against `unseen:terms`.
"""

from collections.abc import Iterator, Mapping

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.clauses import LINES, Billing
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.exports.linked import (
    Node,
    asked_by,
    context,
    decimal,
    integer,
    ref,
    said,
    time,
    typed,
    urn,
)
from unseen.evidence.suite import suite_of

PROFILE = "urn:unseen:odrl:1"
_LINE_WORDS = {"data_fee": ("data fee", "数据费"), "service_fee": ("service fee", "服务费")}


def contract_odrl(
    terms: Terms, plan: Plan, leakage: Leakage, names: Mapping[str, str] | None = None
) -> Node:
    """Return the agreement that `terms` make; plan and leakage statement are the ones they name.

    `names` are what parties are called, by the names of their keys.
    """
    called = names or {}
    identifier = urn("contract", b64encode(terms.id()))
    return {
        "@context": context("dcterms", "foaf", "odrl", "rdf", "unseen", "xsd"),
        "@id": identifier,
        "@type": "odrl:Agreement",
        "odrl:uid": ref(identifier),
        "odrl:profile": ref(PROFILE),
        "odrl:assigner": _party(terms.operator, called),
        "odrl:assignee": _party(terms.buyer, called),
        "odrl:permission": [_permission(terms, plan)],
        "unseen:terms": b64encode(terms.id()),
        "unseen:approvals": [*terms.approvals],
        "unseen:node": ref(urn("key", terms.node)),
        **_references(terms),
        "unseen:plan": _plan(plan),
        "unseen:leakage": _leakage(leakage),
    }


def _permission(terms: Terms, plan: Plan) -> Node:
    return {
        "@type": "odrl:Permission",
        "odrl:target": {
            "@id": urn("product", b64encode(terms.product_digest)),
            "@type": "odrl:Asset",
            "dcterms:title": terms.product,
            "dcterms:isPartOf": ref(urn("table", terms.table)),
        },
        "odrl:action": {
            "@id": f"unseen:{terms.kind}",
            "@type": "odrl:Action",
            "odrl:includedIn": ref("odrl:use"),
        },
        "odrl:constraint": list(_constraints(terms, plan)),
        "odrl:duty": list(_duties(terms)),
    }


def _constraints(terms: Terms, plan: Plan) -> Iterator[Json]:
    yield _constraint("odrl:count", "lteq", integer(terms.quota.units))
    yield _constraint("unseen:unitsPerMinute", "lteq", integer(terms.quota.per_minute))
    yield _constraint("odrl:dateTime", "gteq", time(terms.period.start))
    yield _constraint("odrl:dateTime", "lt", time(terms.period.until))
    yield _constraint("odrl:purpose", "eq", ref(urn("scenario", terms.scenario)))
    if terms.region:
        yield _constraint("odrl:spatial", "eq", ref(f"urn:iso:std:iso:3166:{terms.region}"))
    yield _constraint("unseen:output", "isPartOf", [urn_of(output) for output in terms.outputs])
    yield _constraint("unseen:bitsPerUnit", "lteq", integer(plan.bits_per_unit))
    if plan.release is not None:
        yield _constraint("unseen:bits", "lteq", integer(plan.release.bits_in_all))
    if terms.group:
        yield _constraint("unseen:group", "gteq", integer(terms.group))
    if terms.budget:
        yield _constraint("unseen:epsilon", "lteq", typed(terms.budget, "decimal"))


def urn_of(output: str) -> Node:
    """Return the reference to one of a contract's outputs."""
    return ref(urn("output", output))


def _constraint(left: str, operator: str, right: Json, **more: Json) -> Node:
    node: Node = {
        "@type": "odrl:Constraint",
        "odrl:leftOperand": ref(left),
        "odrl:operator": ref(f"odrl:{operator}"),
        "odrl:rightOperand": right,
    }
    return node | more


def _duties(terms: Terms) -> Iterator[Json]:
    billing = terms.billing or Billing(unit="evaluation")
    prices = {"data_fee": terms.prices.data_fee, "service_fee": terms.prices.service_fee}
    for line in LINES:
        yield _compensation(terms, billing, line, prices[line])
    if terms.consent is not None:
        yield {
            "@type": "odrl:Duty",
            "odrl:action": ref("odrl:obtainConsent"),
            "odrl:constraint": [
                _constraint("odrl:purpose", "eq", ref(urn("scenario", terms.consent.scenario)))
            ],
            "unseen:withdrawalWithin": typed(f"PT{terms.consent.latency_seconds}S", "duration"),
            "unseen:once": typed(str(terms.consent.once).lower(), "boolean"),
        }
    if terms.openings:
        duty: Node = {"@type": "odrl:Duty", "odrl:action": ref("unseen:openOnOrder")}
        if terms.regulator:
            duty["odrl:informedParty"] = ref(urn("key", terms.regulator))
        yield duty
    for sentence in terms.declarations:
        yield {
            "@type": "odrl:Duty",
            "odrl:action": ref("unseen:keepToDeclaration"),
            "dcterms:description": sentence,
        }


def _compensation(terms: Terms, billing: Billing, line: str, price: int) -> Node:
    unit = ref(f"urn:iso:std:iso:4217:{terms.prices.currency}")
    amounts: list[Json] = [
        _constraint("odrl:payAmount", "eq", decimal(price), **{"odrl:unit": unit})
    ]
    if billing.cap:
        cap = _constraint("odrl:payAmount", "lteq", decimal(billing.cap), **{"odrl:unit": unit})
        amounts.append(cap | {"unseen:over": ref("unseen:wholeContract")})
    payees: list[Json] = [
        {
            "odrl:compensatedParty": _party(payee.key, {payee.key: payee.name}),
            "unseen:share": decimal(payee.share * 100),
        }
        for payee in billing.payees
        if payee.line == line
    ]
    duty: Node = {
        "@type": "odrl:Duty",
        "dcterms:title": said(*_LINE_WORDS[line]),
        "odrl:action": {
            "@type": "odrl:Action",
            "rdf:value": ref("odrl:compensate"),
            "odrl:refinement": amounts,
        },
        "unseen:line": ref(f"unseen:{line}"),
        "unseen:for": ref(f"unseen:{billing.unit}"),
        "unseen:freeUnits": integer(billing.free_units),
    }
    return duty | {"unseen:payee": payees} if payees else duty


def _references(terms: Terms) -> Node:
    """Return the clauses that name other documents, and the party that a label asks for."""
    found: Node = {}
    if terms.holder:
        found["unseen:holder"] = ref(urn("key", terms.holder))
    if terms.approver:
        found["unseen:approver"] = ref(urn("key", terms.approver))
    if terms.mandates:
        found["unseen:mandate"] = [
            ref(urn("document", b64encode(mandate))) for mandate in terms.mandates
        ]
    for name, digest in (("template", terms.template), ("rules", terms.rules)):
        if digest:
            found[f"unseen:{name}"] = ref(urn("document", b64encode(digest)))
    if terms.order:
        found["dcterms:identifier"] = terms.order
    return found


def _plan(plan: Plan) -> Node:
    return {
        "unseen:digest": b64encode(plan.digest(suite_of(plan.suite))),
        "unseen:reads": [*plan.columns_read],
        **asked_by(plan.subject_columns, plan.match),
        "unseen:protocol": plan.protocol,
        "unseen:threatModel": said(plan.threat_model, plan.threat_model_zh),
        "unseen:retention": said(plan.retention, plan.retention_zh),
    }


def _leakage(leakage: Leakage) -> Node:
    lines: list[Json] = [
        {
            "unseen:learner": line.party,
            "unseen:learns": line.what,
            "dcterms:description": said(line.text, line.text_zh),
            "unseen:atMost": said(line.bound, line.bound_zh),
        }
        for line in leakage.statements
    ]
    return {
        "unseen:digest": b64encode(leakage.digest(suite_of(leakage.suite))),
        "unseen:ciphertextLeaves": typed(str(leakage.ciphertext_leaves).lower(), "boolean"),
        "unseen:statement": lines,
    }


def _party(key: str, names: Mapping[str, str]) -> Node:
    party: Node = {"@id": urn("key", key), "@type": "odrl:Party"}
    return party | {"foaf:name": names[key]} if key in names else party
