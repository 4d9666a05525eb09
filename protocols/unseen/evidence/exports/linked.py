"""JSON-LD of the exports: prefixes, names of things as URNs, typed values.

Contexts stand inside the documents and map prefixes alone, so that the documents are the same RDF
to whoever reads them, without a network. Own terms are under `unseen:`; keys, contracts, products
and the like are named by URNs, since they have no address and need none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from unseen.evidence.canonical import Json, format_time
from unseen.protocols.lookup.subject import SubjectColumn

NAMESPACE = "urn:unseen:ns:"
PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "dcat": "http://www.w3.org/ns/dcat#",
        "dcterms": "http://purl.org/dc/terms/",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "odrl": "http://www.w3.org/ns/odrl/2/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "unseen": NAMESPACE,
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    }
)

Node = dict[str, Json]


def context(*prefixes: str) -> Node:
    """Return a context with these prefixes alone."""
    return {prefix: PREFIXES[prefix] for prefix in prefixes}


def urn(kind: str, name: str) -> str:
    """Return the name of a thing: a key by its name, a contract by its id.

    What a URN may not hold is percent-encoded, as UTF-8 (RFC 8141 section 2.2).
    """
    return f"urn:unseen:{kind}:{''.join(map(_escaped, name))}"


def ref(iri: str) -> Node:
    """Return a reference to `iri`, which may be a prefixed name."""
    return {"@id": iri}


def typed(value: str, datatype: str) -> Node:
    """Return a literal of an XML Schema type."""
    return {"@value": value, "@type": f"xsd:{datatype}"}


def integer(value: int) -> Node:
    """Return an integer."""
    return typed(str(value), "integer")


def time(value: datetime) -> Node:
    """Return a time."""
    return typed(format_time(value), "dateTime")


def decimal(millionths: int) -> Node:
    """Return an amount that is given in millionths, as a decimal."""
    whole, rest = divmod(millionths, 1_000_000)
    digits = f"{rest:06d}".rstrip("0")
    return typed(f"{whole}.{digits}" if digits else f"{whole}.0", "decimal")


def said(english: str, chinese: str = "") -> list[Json]:
    """Return a text in English and, where there is one, in Chinese."""
    found: list[Json] = [{"@value": english, "@language": "en"}]
    return [*found, {"@value": chinese, "@language": "zh"}] if chinese else found


def asked_by(columns: Sequence[SubjectColumn], match: Sequence[str]) -> Node:
    """Return what a subject is named by: its columns, and the forms in which values are compared.

    `match` are the columns of the id, where whole subjects are matched.
    """
    forms: list[Json] = [
        {"dcterms:identifier": column.name, "unseen:form": column.form}
        for column in columns
        if column.form != "exact"
    ]
    found: Node = {"unseen:askedBy": [column.name for column in columns]}
    if forms:
        found["unseen:comparedAs"] = forms
    return found | ({"unseen:matchedBy": [*match]} if match else {})


def _escaped(letter: str) -> str:
    if letter.isascii() and (letter.isalnum() or letter in "-._~"):
        return letter
    return "".join(f"%{byte:02X}" for byte in letter.encode())
