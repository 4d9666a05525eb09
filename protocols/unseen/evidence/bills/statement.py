"""Statements: reading a bill strictly, signing it, and holding two of them against each other.

A statement is the canonical JSON that `settlement.settle` returns; a signed one is a JWS over it by
whoever vouches for it. Own formats. Reading checks the form, and that the sums are what the lines
and payees say. It cannot check that the units were used: for that, settle anew from releases and
compare the bytes.
"""

from dataclasses import dataclass
from typing import Any

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.clauses import LINES, WHOLE, Billing, Line, Payee
from unseen.evidence.contracts.contract import Period, Prices
from unseen.evidence.errors import ContractInvalidError, SettlementError, TrustMissingError
from unseen.evidence.fields import Checker
from unseen.evidence.suite import Signer, suite_of
from unseen.evidence.trust import Trust, TrustedParty

TYP = "unseen-settlement"
SIGNERS = ("operator", "buyer", "holder", "auditor", "regulator")

_CHECK = Checker(SettlementError, "statement")
_FIELDS = (
    "contract",
    "operator",
    "buyer",
    "period",
    "currency",
    "requests",
    "units",
    "quota",
    "lines",
    "amount",
    "digest",
)
_OPTIONAL = ("billing", "credit", "unreceipted")
_LINE = ("line", "price", "units", "amount")
_DUE = ("name", "key", "share", "amount")


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement, its canonical bytes, and the party of the trust file that signed it."""

    statement: bytes
    signer: TrustedParty


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which two statements differ, by its path; None where one has no such field."""

    field: str
    ours: Json
    theirs: Json


def read_statement(data: bytes) -> dict[str, Any]:
    """Return the statement whose canonical bytes are `data`.

    Raises:
        CanonicalError: they are not canonical JSON.
        SettlementError: a field is missing, not known, of another type or out of range, or the
            sums do not add up.
        SuiteUnknownError: the suite is not known here.

    """
    body = _CHECK.body(canonical.decode(data), "settlement", _FIELDS, _OPTIONAL)
    for name in ("contract", "digest"):
        _CHECK.octets(name, _CHECK.unb64(name, body[name]))
    for name in ("operator", "buyer"):
        _CHECK.key_id(name, body[name])
    for name in ("requests", "units", "quota", "amount"):
        _CHECK.integer(name, body[name], 0)
    try:
        Period.from_json(body["period"])
        Prices(currency=body["currency"], data_fee=0, service_fee=0)
    except ContractInvalidError as error:
        raise SettlementError(f"statement: {error}", clause=error.clause) from None
    _check_extras(body)
    _check_lines(body)
    return body


def sign_statement(signer: Signer, data: bytes) -> str:
    """Return the statement `data` signed.

    Raises:
        SettlementError: it is no statement, or of another suite than the key.

    """
    if read_statement(data)["suite"] != signer.suite.id:
        _CHECK.fail("suite", "is not the signer's")
    return jws.sign_bytes(signer, TYP, data)


def verify_statement(token: str, trust: Trust) -> SignedStatement:
    """Return the statement that a party of the trust file has signed.

    The operator and the buyer sign their own contract's alone; holders, auditors and regulators
    sign what they have recomputed.

    Raises:
        CanonicalError: the token is malformed.
        SettlementError: its payload is no statement, of another suite than the signer's key, or
            of a contract that is not the signer's.
        SignatureInvalidError: the signature fails.
        TrustMissingError: the trust file does not list the signer.

    """
    found = jws.peek(token)
    party = trust.parties.get(found.kid)
    if party is None or party.role not in SIGNERS:
        raise TrustMissingError(
            "the trust file lists nobody who signs statements with the key of this one",
            clause="statement",
            remedy="add the party's key to the trust file, if you know that it is theirs",
        )
    payload = jws.verify_token(found, typ=TYP, suite=suite_of(party.suite), public_key=party.key)
    data = canonical.encode(payload)
    body = read_statement(data)
    if body["suite"] != party.suite:
        _CHECK.fail("suite", "is not the signer's")
    if party.role in {"operator", "buyer"} and body[party.role] != party.key_id:
        _CHECK.fail(party.role, "is not the party that signed")
    return SignedStatement(data, party)


def differences(ours: bytes, theirs: bytes) -> tuple[Difference, ...]:
    """Return where two statements, each its canonical bytes, differ; empty if they are the same."""
    one, other = _paths("", canonical.decode(ours)), _paths("", canonical.decode(theirs))
    return tuple(
        Difference(path, one.get(path), other.get(path))
        for path in sorted(one.keys() | other.keys())
        if one.get(path) != other.get(path)
    )


def _paths(at: str, value: Json) -> dict[str, Json]:
    if isinstance(value, dict):
        parts = [(f"{at}.{name}" if at else name, item) for name, item in value.items()]
    elif isinstance(value, list):
        parts = [(f"{at}[{_name_of(item, number)}]", item) for number, item in enumerate(value)]
    else:
        return {at: value}
    return {path: found for part, item in parts for path, found in _paths(part, item).items()}


def _name_of(item: Json, number: int) -> Json:
    """Return what a line, a payee or a lost request is called, so that like meets like."""
    if isinstance(item, dict):
        return item.get("line") or item.get("key") or item.get("request") or number
    return number


def _check_extras(body: dict[str, Any]) -> None:
    if "billing" in body:
        billing = _CHECK.take(body["billing"], ("unit", "billed", "free", "cap"), "billing")
        for name in ("billed", "free"):
            _CHECK.integer(f"billing.{name}", billing[name], 0)
        try:
            Billing(unit=billing["unit"], cap=billing["cap"])
        except ContractInvalidError as error:
            raise SettlementError(f"statement: {error}", clause=error.clause) from None
        if billing["free"] > billing["billed"]:
            _CHECK.fail("billing.free", "exceeds what is billed")
    if "credit" in body:
        credit = _CHECK.take(body["credit"], ("units", "amount"), "credit")
        for name in ("units", "amount"):
            _CHECK.integer(f"credit.{name}", credit[name], 0)
    for item in _CHECK.unlist("unreceipted", body.get("unreceipted", [])):
        lost = _CHECK.take(item, ("request", "units"), "unreceipted")
        _CHECK.request_id("unreceipted.request", lost["request"])
        _CHECK.integer("unreceipted.units", lost["units"], 1)


def _check_lines(body: dict[str, Any]) -> None:
    lines = _CHECK.unlist("lines", body["lines"])
    if len(lines) != len(LINES):
        _CHECK.fail("lines", "are not a data fee and a service fee")
    billing = body.get("billing")
    charged = body["units"] if billing is None else billing["billed"] - billing["free"]
    fields = _LINE if billing is None else (*_LINE, "payees")
    full = 0
    for line, found in zip(LINES, lines, strict=True):
        _CHECK.take(found, fields, "lines")
        _CHECK.choice("lines.line", found["line"], (line,))
        _CHECK.integer("lines.units", found["units"], charged, charged)
        for name in ("price", "amount"):
            _CHECK.integer(f"lines.{name}", found[name], 0)
        _check_dues(line, found)
        full += found["price"] * charged
    cap = billing["cap"] if billing else 0
    owed = min(full, cap) if cap else full
    if body["amount"] != sum(line["amount"] for line in lines):
        _CHECK.fail("amount", "is not the sum of the lines")
    if body["amount"] + body.get("credit", {"amount": 0})["amount"] != owed:
        _CHECK.fail("amount", "is not what units, prices, cap and credit come to")


def _check_dues(line: Line, found: dict[str, Any]) -> None:
    dues = _CHECK.unlist("lines.payees", found.get("payees", []))
    for due in dues:
        _CHECK.take(due, _DUE, "lines.payees")
        _CHECK.integer("lines.payees.amount", due["amount"], 0)
        try:
            Payee(line=line, name=due["name"], key=due["key"], share=due["share"])
        except ContractInvalidError as error:
            raise SettlementError(f"statement: {error}", clause=error.clause) from None
    if dues and sum(due["share"] for due in dues) != WHOLE:
        _CHECK.fail("lines.payees.share", f"does not add up to {WHOLE}")
    if dues and sum(due["amount"] for due in dues) != found["amount"]:
        _CHECK.fail("lines.payees.amount", "does not add up to the line")
