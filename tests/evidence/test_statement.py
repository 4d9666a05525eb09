"""Statements: read strictly, signed, compared; their frozen bytes."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.billing_world import billed_leaves, billing_terms

from unseen.evidence import canonical, jws
from unseen.evidence.bills.settlement import settle, statement, tally
from unseen.evidence.bills.statement import (
    TYP,
    Difference,
    differences,
    read_statement,
    sign_statement,
    verify_statement,
)
from unseen.evidence.errors import (
    CanonicalError,
    SettlementError,
    SignatureInvalidError,
    SuiteUnknownError,
    TrustMissingError,
)
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.trust import Trust, TrustedParty

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/evidence/formats_v1_settlement.json").read_text(
        encoding="utf-8"
    )
)


def made(world: Any, **changes: Any) -> bytes:
    terms = billing_terms(world, **{"cap": 150_000} | changes)
    return settle(terms, billed_leaves(world, terms, [(1, 1)] * 7), Credit(units=1, amount=1_000))


def with_lost(world: Any) -> bytes:
    terms = world.terms()
    return statement(terms, tally(terms, [world.leaf()]), unreceipted={"0" * 32: 3})


def frozen(world: Any) -> dict[str, str]:
    terms = billing_terms(world, cap=150_000)
    (leaf,) = billed_leaves(world, terms, [(1, 1)])
    return {
        "terms_billing": terms.encode().decode(),
        "release_leaf_billed": leaf.encode().decode(),
        "settlement_billing": made(world).decode(),
        "settlement_signed": sign_statement(world.operator, made(world)),
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_every_statement_reads(world: Any) -> None:
    for data in (made(world), with_lost(world), settle(world.terms(), [])):
        assert canonical.encode(read_statement(data)) == data


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["amount"], 1, "amount"),
        (["amount"], -1, "amount"),
        (["credit", "amount"], 0, "amount"),
        (["credit", "units"], -1, "credit.units"),
        (["credit"], {"units": 1}, "credit.amount"),
        (["billing", "unit"], "page", "billing.unit"),
        (["billing", "cap"], -1, "billing.cap"),
        (["billing", "cap"], 1, "amount"),
        (["billing", "free"], 99, "billing.free"),
        (["billing", "billed"], "1", "billing.billed"),
        (["billing", "billed"], 8, "lines.units"),
        (["billing", "extra"], 1, "billing"),
        (["lines", 0, "price"], 60_000, None),
        (["lines", 0, "amount"], 1, "lines.payees.amount"),
        (["lines", 0, "line"], "service_fee", "lines.line"),
        (["lines", 0, "payees", 0, "amount"], 0, "lines.payees.amount"),
        (["lines", 0, "payees", 0, "amount"], -1, "lines.payees.amount"),
        (["lines", 0, "payees", 0, "share"], 1, "lines.payees.share"),
        (["lines", 0, "payees", 0, "share"], 0, "billing.payees.share"),
        (["lines", 0, "payees", 0, "name"], "", "billing.payees.name"),
        (["lines", 0, "payees", 0, "extra"], 1, "lines.payees"),
        (["lines", 0, "payees"], None, "lines.payees"),
        (["lines"], [], "lines"),
        (["period", "from"], "now", "period.from"),
        (["period"], {}, "period.from"),
        (["currency"], "yuan", "prices.currency"),
        (["operator"], "x", "operator"),
        (["contract"], "AA", "contract"),
        (["digest"], 1, "digest"),
        (["requests"], True, "requests"),
        (["extra"], 1, "document"),
        (["v"], 2, "v"),
        (["type"], "bill", "type"),
        (["unreceipted"], [{"request": "x", "units": 1}], "unreceipted.request"),
        (["unreceipted"], [{"request": "0" * 32, "units": 0}], "unreceipted.units"),
        (["unreceipted"], 1, "unreceipted"),
    ],
    ids=str,
)
def test_an_edited_statement_is_refused_by_name(
    world: Any, path: list[Any], value: Any, field: str | None
) -> None:
    body = canonical.decode(made(world))
    at: Any = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    if field is None:  # sums that still add up: only settling anew shows it
        read_statement(canonical.encode(body))
        return
    with pytest.raises(SettlementError) as caught:
        read_statement(canonical.encode(body))
    assert caught.value.clause == field


def test_a_statement_without_the_clause_has_no_payees(world: Any) -> None:
    body: Any = canonical.decode(settle(world.terms(), [world.leaf()]))
    body["lines"][0]["payees"] = []
    with pytest.raises(SettlementError):
        read_statement(canonical.encode(body))
    body = canonical.decode(settle(world.terms(), [world.leaf()]))
    body["lines"][0]["amount"] += 1
    with pytest.raises(SettlementError, match="sum of the lines"):
        read_statement(canonical.encode(body))
    body["amount"] += 1
    with pytest.raises(SettlementError, match="come to"):
        read_statement(canonical.encode(body))


def test_what_is_no_statement_is_refused(world: Any) -> None:
    with pytest.raises(CanonicalError):
        read_statement(b"{ }")
    with pytest.raises(SuiteUnknownError):
        read_statement(canonical.encode({**read_statement(made(world)), "suite": "sm"}))
    with pytest.raises(SettlementError):
        read_statement(canonical.encode(world.leaf().to_json()))


def test_both_sides_sign_their_own_contract(world: Any) -> None:
    data = made(world)
    for signer, role in ((world.operator, "operator"), (world.buyer, "buyer")):
        found = verify_statement(sign_statement(signer, data), world.trust)
        assert (found.statement, found.signer.role) == (data, role)


def test_an_auditor_signs_what_it_has_recomputed(world: Any) -> None:
    auditor = TrustedParty("audit office", "auditor", world.suite.id, world.client.public_key)
    trust = Trust.of([*world.trust.parties.values(), auditor], world.trust.logs.items())
    token = sign_statement(world.client, made(world))
    assert verify_statement(token, trust).signer == auditor
    with pytest.raises(TrustMissingError):
        verify_statement(token, world.trust)
    with pytest.raises(TrustMissingError):  # a node signs no statements
        verify_statement(sign_statement(world.node, made(world)), world.trust)


def test_a_party_signs_nobody_elses_contract(world: Any) -> None:
    other = TrustedParty("another", "buyer", world.suite.id, world.client.public_key)
    trust = Trust.of([*world.trust.parties.values(), other], world.trust.logs.items())
    with pytest.raises(SettlementError, match="party that signed"):
        verify_statement(sign_statement(world.client, made(world)), trust)


def test_a_signature_over_something_else_does_not_serve(world: Any, intl: Any) -> None:
    token, other = (
        sign_statement(world.operator, data) for data in (made(world), made(world, cap=1))
    )
    mixed = ".".join([*token.split(".")[:2], other.split(".")[2]])
    with pytest.raises(SignatureInvalidError):
        verify_statement(mixed, world.trust)
    with pytest.raises(SettlementError):
        verify_statement(jws.sign(world.operator, TYP, {"type": "settlement"}), world.trust)
    with pytest.raises(SignatureInvalidError):
        verify_statement(jws.sign(world.operator, "unseen-contract", {}), world.trust)
    body = read_statement(made(world)) | {
        "suite": {"intl": "dummy", "dummy": "intl"}[world.suite.id]
    }
    with pytest.raises(SettlementError, match="suite"):
        sign_statement(world.operator, canonical.encode(body))
    with pytest.raises(SettlementError, match="suite"):
        verify_statement(jws.sign(world.operator, TYP, body), world.trust)


def test_two_statements_differ_where_they_say_so(world: Any) -> None:
    terms = billing_terms(world)
    leaves = billed_leaves(world, terms, [(1, 1)] * 4)
    ours, theirs = settle(terms, leaves), settle(terms, leaves[:3])
    assert differences(ours, ours) == ()
    found = {item.field: item for item in differences(ours, theirs)}
    assert found["units"] == Difference("units", 4, 3)
    assert found["billing.billed"].ours == 4
    assert found["lines[data_fee].amount"] == Difference("lines[data_fee].amount", 100_000, 50_000)
    assert any(field.startswith("lines[data_fee].payees[") for field in found)
    credited = {
        item.field: item
        for item in differences(ours, settle(terms, leaves, Credit(units=1, amount=1)))
    }
    assert credited["credit.units"] == Difference("credit.units", None, 1)
    lost = {
        item.field for item in differences(with_lost(world), settle(world.terms(), [world.leaf()]))
    }
    assert f"unreceipted[{'0' * 32}].units" in lost
    assert differences(b"[1]", b"[2]") == (Difference("[0]", 1, 2),)
