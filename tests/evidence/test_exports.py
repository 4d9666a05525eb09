"""Exports: read as RDF without a network, held to SHACL shapes, and never more than evidence."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import OKPKey
from pyshacl import validate
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCAT, DCTERMS, RDF, XSD
from rdflib.plugins.shared.jsonld import context as loader
from tests.evidence.matching import COLUMNS, IDS, Matched

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.clauses import Billing, ConsentRule, Payee
from unseen.evidence.contracts.contract import Prices
from unseen.evidence.contracts.plan import ReleaseSpec
from unseen.evidence.errors import (
    CanonicalError,
    CredentialInvalidError,
    EvidenceError,
    ReceiptInvalidError,
    SignatureInvalidError,
    TrustMissingError,
)
from unseen.evidence.exports import dcat, linked
from unseen.evidence.exports.credential import (
    CONTEXT,
    TYP,
    credential,
    read_credential,
    sign_credential,
)
from unseen.evidence.exports.dcat import (
    Offered,
    Publisher,
    Question,
    catalog_dcat,
    product_dcat,
)
from unseen.evidence.exports.odrl import contract_odrl
from unseen.evidence.suite import signer_id
from unseen.evidence.trust import Trust
from unseen.evidence.verify import verify_receipt
from unseen.protocols.lookup.subject import SubjectColumn

VECTORS = Path(__file__).parents[1] / "vectors"
ODRL = "http://www.w3.org/ns/odrl/2/"
UNSEEN = linked.NAMESPACE
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib|pyshacl|pyparsing")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve the one context there is from a file, and refuse every other."""

    def served(source: Any, *_: Any, **__: Any) -> Any:
        assert source == CONTEXT, f"{source} would be loaded from a network"
        bundled = json.loads((VECTORS / "contexts/credentials_v2.json").read_text())
        return bundled, None

    monkeypatch.setattr(loader, "source_to_json", served)


def rdf(document: Any) -> Graph:
    """Read a document as any reader of JSON-LD would."""
    return Graph().parse(data=json.dumps(document), format="json-ld")


def conforms(document: Any, shapes: str) -> bool:
    shape = Graph().parse(VECTORS / f"shapes/{shapes}.ttl")
    found, _, _ = validate(rdf(document), shacl_graph=shape, advanced=False)
    return bool(found)


def whole_terms(world: Any) -> Any:
    """Return terms with every clause there is."""
    payees = (
        Payee(line="data_fee", name="示范医院", key=signer_id(world.stranger), share=7_500),
        Payee(line="data_fee", name="district", key=signer_id(world.log), share=2_500),
    )
    plan = world.plan(
        release=ReleaseSpec(type="verdicts", bits_per_run=400, bits_in_all=4_000),
        group=10,
        budget="1.5",
    )
    terms = world.terms(
        plan=plan.digest(world.suite),
        holder=signer_id(world.stranger),
        approver=signer_id(world.log),
        approvals=("operator", "holder", "approver", "buyer"),
        regulator=signer_id(world.client),
        mandates=(world.hash("mandate"), world.hash("other")),
        template=world.hash("template"),
        rules=world.hash("rules"),
        consent=ConsentRule(scenario="贷前核验", latency_seconds=86_400, once=True),
        billing=Billing(unit="evaluation", free_units=5, cap=1_500_000, payees=payees),
        order="GDEX-2026-1",
        region="CN-44",
        group=10,
        budget="1.5",
        declarations=("不做他用。", 'He said "no" <b>twice</b> & left.'),
    )
    return terms, plan, world.leakage()


def plain_terms(world: Any) -> Any:
    return world.terms(openings=False), world.plan(), world.leakage()


def open_terms(world: Any) -> Any:
    return world.terms(openings=True), world.plan(), world.leakage()


TERMS: dict[str, Callable[[Any], Any]] = {
    "whole": whole_terms,
    "plain": plain_terms,
    "open": open_terms,
}


@pytest.mark.parametrize("clauses", TERMS)
def test_a_contract_is_an_odrl_agreement(world: Any, clauses: str) -> None:
    terms, plan, leakage = TERMS[clauses](world)
    document = contract_odrl(terms, plan, leakage, {terms.operator: "Registry of Example"})
    assert conforms(document, "odrl")
    graph = rdf(document)
    agreement = URIRef(f"urn:unseen:contract:{b64encode(terms.id())}")
    assert (agreement, RDF.type, URIRef(f"{ODRL}Agreement")) in graph
    (limit,) = graph.subjects(URIRef(f"{ODRL}leftOperand"), URIRef(f"{ODRL}count"))
    right = graph.value(limit, URIRef(f"{ODRL}rightOperand"))
    assert right == Literal(terms.quota.units)
    amounts = sorted(
        str(graph.value(each, URIRef(f"{ODRL}rightOperand")))
        for each in graph.subjects(URIRef(f"{ODRL}leftOperand"), URIRef(f"{ODRL}payAmount"))
    )
    capped = ["1.5", "1.5"] if clauses == "whole" else []
    assert amounts == sorted(["0.05", "0.01", *capped])
    assert graph.value(agreement, URIRef(f"{UNSEEN}terms")) == Literal(b64encode(terms.id()))
    texts = {str(text) for text in graph.objects(None, DCTERMS.description)}
    assert {line.text for line in leakage.statements} <= texts
    assert {line.text_zh for line in leakage.statements} <= texts


def test_every_clause_that_was_agreed_is_exported(world: Any) -> None:
    terms, plan, leakage = whole_terms(world)
    document = contract_odrl(terms, plan, leakage)
    text = json.dumps(document, ensure_ascii=False)
    for clause in (
        terms.holder,
        terms.approver,
        terms.regulator,
        b64encode(terms.mandates[0]),
        b64encode(terms.template),
        b64encode(terms.rules),
        terms.order,
        "urn:iso:std:iso:3166:CN-44",
        "PT86400S",
        "示范医院",
        "openOnOrder",
        "obtainConsent",
        "keepToDeclaration",
        "GDEX-2026-1",
        "unseen:epsilon",
        "unseen:group",
        "unseen:bits",
        "0.75",
    ):
        assert clause in text, clause
    plain = json.dumps(contract_odrl(*plain_terms(world)))
    for absent in ("unseen:holder", "obtainConsent", "openOnOrder", "unseen:group", "spatial"):
        assert absent not in plain


def parts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from parts(value[key], (*path, key))


BROKEN: dict[str, list[tuple[Any, ...]]] = {
    "odrl": [
        ("odrl:uid",),
        ("odrl:profile",),
        ("odrl:assigner",),
        ("odrl:assignee",),
        ("odrl:permission",),
        ("odrl:permission", 0, "odrl:target"),
        ("odrl:permission", 0, "odrl:action"),
        ("odrl:permission", 0, "odrl:constraint", 0, "odrl:operator"),
        ("odrl:permission", 0, "odrl:constraint", 0, "odrl:rightOperand"),
        ("odrl:permission", 0, "odrl:constraint", 2, "odrl:rightOperand", "@type"),
        ("odrl:permission", 0, "odrl:duty", 0, "odrl:action"),
        ("odrl:permission", 0, "odrl:duty", 0, "odrl:action", "rdf:value"),
    ],
    "dcat": [
        ("dcterms:title",),
        ("dcterms:publisher",),
        ("dcat:dataset", 0, "dcterms:modified"),
        ("dcat:service", 0, "dcat:endpointURL"),
        ("dcat:service", 0, "odrl:hasPolicy"),
    ],
    "credential": [("issuer",), ("validFrom",), ("credentialSubject", "units"), ("evidence",)],
}


@pytest.mark.parametrize(
    ("shapes", "path"), [(shapes, path) for shapes in BROKEN for path in BROKEN[shapes]]
)
def test_the_shapes_refuse_what_is_broken(intl: Any, shapes: str, path: tuple[Any, ...]) -> None:
    token = intl.receipt()
    documents = {
        "odrl": lambda: contract_odrl(*whole_terms(intl)),
        "dcat": lambda: catalog_dcat(PUBLISHER, [offered()]),
        "credential": lambda: credential(token, verify_receipt(token, intl.trust)),
    }
    document: Any = copy.deepcopy(documents[shapes]())
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    assert not conforms(document, shapes)


@pytest.mark.parametrize("shapes", ["odrl", "dcat", "credential"])
def test_every_term_has_a_prefix_that_the_context_declares(intl: Any, shapes: str) -> None:
    token = intl.receipt()
    document: Any = {
        "odrl": contract_odrl(*whole_terms(intl)),
        "dcat": catalog_dcat(PUBLISHER, [offered()]),
        "credential": credential(token, verify_receipt(token, intl.trust)),
    }[shapes]
    known = linked.PREFIXES.keys() | {"urn"}
    for path in parts(document):
        if isinstance(path[-1], str) and not path[-1].startswith("@") and "@context" not in path:
            assert shapes == "credential" or path[-1].partition(":")[0] in known, path
    if shapes != "credential":
        assert set(document["@context"]) <= linked.PREFIXES.keys()
        assert all(
            str(value).startswith(("http://", "urn:")) for value in document["@context"].values()
        )


PUBLISHER = Publisher(
    node="registry", address="192.0.2.10:8443", operator="A" * 43, name="Registry of Example"
)


def offered(**changes: Any) -> Offered:
    fields: dict[str, Any] = {
        "name": "overdue-check",
        "title": 'Overdue "check" <贷前>',
        "kind": "lookup",
        "table": "enterprises",
        "digest": "B" * 43,
        "questions": (Question(name="overdue", text="debt is overdue"),),
        "asked_by": (SubjectColumn("name", "string"), SubjectColumn("birth", "date")),
        "prices": Prices(currency="CNY", data_fee=50_000, service_fee=0),
        "snapshot_at": "2026-11-22T05:30:00Z",
    }
    return Offered(**fields | changes)


def test_a_catalogue_is_dcat() -> None:
    second = offered(name="clear", kind="verify", digest="C" * 43)
    third = offered(name="other", kind="statistics", table="people", digest="D" * 43)
    document = catalog_dcat(PUBLISHER, [offered(), second, third])
    assert conforms(document, "dcat")
    assert conforms(document, "odrl")  # its offers
    graph = rdf(document)
    assert len(set(graph.subjects(RDF.type, DCAT.DataService))) == 3
    assert len(set(graph.subjects(RDF.type, DCAT.Dataset))) == 2
    assert not list(graph.objects(None, DCAT.distribution))
    modified = next(graph.objects(None, DCTERMS.modified))
    assert modified == Literal("2026-11-22T05:30:00Z", datatype=XSD.dateTime)
    titles = {str(title) for title in graph.objects(None, DCTERMS.title)}
    assert 'Overdue "check" <贷前>' in titles


def test_a_catalogue_of_nothing_is_one() -> None:
    document = catalog_dcat(Publisher(node="n", address="h:1", operator="A" * 43), [])
    assert conforms(document, "dcat")
    assert json.dumps(document).count('"foaf:name": "n"') == 1


@pytest.mark.parametrize("kind", ["lookup", "verify", "statistics"])
def test_a_product_is_a_service_with_its_dataset(kind: str) -> None:
    document = product_dcat(PUBLISHER, offered(kind=kind))
    assert conforms(document, "dcat")
    assert conforms(document, "odrl")


def test_a_match_says_what_it_is_by_and_in_which_forms(world: Any) -> None:
    own = Matched(world)
    leakage = world.leakage()
    forms = {("name", "name"), ("number", "cn_id"), ("birth", "date")}
    documents = (
        contract_odrl(own.terms, own.plan, leakage),
        product_dcat(PUBLISHER, offered(asked_by=COLUMNS, match=IDS)),
    )
    for document, shapes in zip(documents, ("odrl", "dcat"), strict=True):
        assert conforms(document, shapes)
        graph = rdf(document)
        names = {str(each) for each in graph.objects(None, URIRef(f"{UNSEEN}askedBy"))}
        assert names == {"name", "number", "birth"}
        compared = {
            (str(graph.value(each, DCTERMS.identifier)), str(form))
            for each, form in graph.subject_objects(URIRef(f"{UNSEEN}form"))
        }
        assert compared == forms
        by = {str(each) for each in graph.objects(None, URIRef(f"{UNSEEN}matchedBy"))}
        assert by == {"number"}
    agreed = rdf(documents[0])
    (limit,) = agreed.subjects(URIRef(f"{ODRL}leftOperand"), URIRef(f"{UNSEEN}bitsPerUnit"))
    assert agreed.value(limit, URIRef(f"{ODRL}rightOperand")) == Literal(own.plan.bits_per_unit)
    assert "agrees" in json.dumps(documents[1])
    plain = json.dumps([contract_odrl(*plain_terms(world)), product_dcat(PUBLISHER, offered())])
    for absent in ("comparedAs", "matchedBy", "unseen:form", "agrees"):
        assert absent not in plain
    for word, (english, chinese) in dcat._MATCHED.items():
        assert word in dcat._KINDS
        assert english.isascii()
        assert not chinese.isascii()


def test_a_receipt_is_a_credential_that_says_what_it_says(world: Any) -> None:
    token = world.receipt()
    facts = verify_receipt(token, world.trust)
    document = credential(token, facts, "示范银行")
    assert conforms(document, "credential")
    assert document["@context"][0] == CONTEXT  # type: ignore[index]
    signed = sign_credential(world.client, token, world.trust, "示范银行")
    assert jws.peek(signed).typ == TYP == "vc+jwt"
    assert read_credential(signed, world.trust) == facts
    assert jws.peek(signed).payload == document
    unnamed = sign_credential(world.client, token, world.trust)
    assert read_credential(unnamed, world.trust) == facts


def test_a_second_program_verifies_the_credential(intl: Any) -> None:
    token = intl.receipt()
    signed = sign_credential(intl.client, token, intl.trust)
    key = OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "x": b64encode(intl.client.public_key)}
    )
    found = joserfc_jws.deserialize_compact(signed, key, algorithms=["Ed25519"])
    assert found.headers()["typ"] == "vc+jwt"
    assert found.payload is not None
    body = json.loads(found.payload)
    assert body["type"] == ["VerifiableCredential", "UnseenReceiptCredential"]
    assert body["evidence"][0]["receipt"] == token


def test_only_the_instance_that_asked_exports_it(world: Any) -> None:
    token = world.receipt()
    for other in (world.buyer, world.node, world.stranger):
        with pytest.raises(CredentialInvalidError):
            sign_credential(other, token, world.trust)
        forged = jws.sign(other, TYP, credential(token, verify_receipt(token, world.trust)))
        with pytest.raises(SignatureInvalidError):
            read_credential(forged, world.trust)
    other_type = jws.sign(world.client, "JWT", jws.peek(forged).payload)
    with pytest.raises(SignatureInvalidError):
        read_credential(other_type, world.trust)


WRONG: tuple[Any, ...] = (None, "x", 1, [], {}, {"id": "urn:x"})
MORE: tuple[Any, ...] = ({"validUntil": "2030-01-01T00:00:00Z"}, {"credentialStatus": {}})
NOTHING: tuple[Any, ...] = ([], "x", 1, None, {"evidence": [{}]}, {"evidence": []})


def test_a_credential_that_says_more_than_its_receipt_is_refused(world: Any) -> None:
    token = world.receipt()
    facts = verify_receipt(token, world.trust)
    whole: Any = credential(token, facts, "示范银行")
    refused = 0
    for path in parts(whole):
        for wrong in WRONG:
            broken = copy.deepcopy(whole)
            holder = broken
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = wrong
            named = path == ("credentialSubject", "name")  # what no receipt says
            if broken == whole or (named and wrong == "x"):
                continue
            signed = jws.sign(world.client, TYP, broken)
            with pytest.raises(EvidenceError):
                read_credential(signed, world.trust)
            refused += 1
    assert refused > 100
    for more in MORE:
        with pytest.raises(CredentialInvalidError):
            read_credential(jws.sign(world.client, TYP, whole | more), world.trust)
    bare = {key: value for key, value in whole.items() if key != "credentialSubject"}
    for nothing in (*NOTHING, bare):
        with pytest.raises(CredentialInvalidError):
            read_credential(jws.sign(world.client, TYP, nothing), world.trust)


def test_a_credential_is_worth_what_its_receipt_is(world: Any) -> None:
    token = world.receipt()
    signed = sign_credential(world.client, token, world.trust)
    nobody = Trust.of([], [])
    with pytest.raises(TrustMissingError):
        read_credential(signed, nobody)
    with pytest.raises(TrustMissingError):
        sign_credential(world.client, token, nobody)
    with pytest.raises(CanonicalError):
        read_credential("x", world.trust)
    spoilt = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    with pytest.raises((ReceiptInvalidError, SignatureInvalidError)):
        sign_credential(world.client, spoilt, world.trust)


def test_an_amount_is_a_decimal() -> None:
    cases = {0: "0.0", 1: "0.000001", 50_000: "0.05", 1_000_000: "1.0", 12_340_000: "12.34"}
    for millionths, text in cases.items():
        assert linked.decimal(millionths) == {"@value": text, "@type": "xsd:decimal"}


@given(st.text())
def test_a_name_is_a_urn_whatever_it_holds(name: str) -> None:
    try:
        found = linked.urn("scenario", name)
    except UnicodeEncodeError:  # a lone surrogate, which no name of a document holds
        return
    rest = found.removeprefix("urn:unseen:scenario:")
    assert all(letter.isascii() and (letter.isalnum() or letter in "-._~%") for letter in rest)


def test_what_has_no_chinese_is_said_in_english_alone() -> None:
    assert linked.said("text") == [{"@value": "text", "@language": "en"}]


def test_exports_have_a_canonical_form(intl: Any) -> None:
    for document in (contract_odrl(*whole_terms(intl)), catalog_dcat(PUBLISHER, [offered()])):
        assert canonical.decode(canonical.encode(document)) == document
