"""A catalogue, or one product of it, as DCAT 3 in JSON-LD.

Source: W3C Recommendation "Data Catalog Vocabulary (DCAT) - Version 3", 22 August 2024.

    node        catalogue, published by the operator
    table       dataset without distributions: there is nothing to download
    product     data service over that dataset, with an ODRL offer of its price lines

A catalogue is what an operator says it offers. It is not signed, and no contract follows from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unseen.evidence.contracts.contract import Prices
from unseen.evidence.exports.linked import (
    Node,
    asked_by,
    context,
    decimal,
    ref,
    said,
    typed,
    urn,
)
from unseen.protocols.lookup.subject import SubjectColumn

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json

ACCESS = "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"
_PREFIXES = ("dcat", "dcterms", "foaf", "odrl", "rdf", "unseen", "xsd")
_KINDS = {
    "lookup": (
        "Hidden lookup: answers yes or no about one subject, and does not get to know about which.",
        "匿踪查询：回答关于单个对象的是非问题，运营方不知道查询的是谁。",
    ),
    "verify": (
        "Verification in the clear: answers yes or no about one subject, named to the operator.",
        "核验：回答关于单个对象的是非问题，运营方知道查询的是谁。",
    ),
    "statistics": (
        "Statistics: counts and sums over many people by the groups named here, with noise.",
        "联合统计：按所列分组对多人计数、求和，结果加噪。",
    ),
    "intersect": (
        "Intersection: which, or how many, of a buyer's items are in the table, unseen by it.",
        "隐私求交：购买方的项目中哪些或多少在表内，运营方不知道是哪些。",
    ),
    "score": (
        "Encrypted scores: what a model says of a buyer's rows, neither of which the other sees.",
        "密文评分：以运营方的模型为购买方的数据行评分，双方互不可见。",
    ),
    "train": (
        "Training: a model of columns named here, by noisy sums over nodes or under encryption.",
        "联合建模：由加噪求和训练所列字段的模型，可跨多个节点，也可在单个节点密态进行。",
    ),
}
_MATCHED = {
    "lookup": (
        "Hidden match: a whole subject agrees, or its id alone is known, or neither; unseen whose.",
        "匿踪要素核验：整组要素一致、仅标识在库或均不在库，运营方不知道查询的是谁。",
    ),
    "verify": (
        "Match in the clear: a whole subject agrees, or its id alone is known, or neither.",
        "要素核验：整组要素一致、仅标识在库或均不在库，运营方知道查询的是谁。",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """The node whose catalogue it is: its name, address (`host:port`) and the operator's key."""

    node: str
    address: str
    operator: str
    name: str = ""  # what the operator is called


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A yes-or-no question that a product answers, or an entry of its menu."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A product as its node describes it. `snapshot_at` is when its table's rows were taken."""

    name: str
    title: str
    kind: str
    table: str
    digest: str  # base64url
    questions: tuple[Question, ...]
    asked_by: tuple[SubjectColumn, ...]
    prices: Prices
    snapshot_at: str
    match: tuple[str, ...] = ()  # columns of the id, where whole subjects are matched


def catalog_dcat(publisher: Publisher, products: Sequence[Offered]) -> Node:
    """Return the catalogue of everything that a node offers."""
    newest = {product.table: product for product in products}
    tables: list[Json] = [_dataset(product, publisher) for product in newest.values()]
    services: list[Json] = [_service(product, publisher) for product in products]
    return {
        "@context": context(*_PREFIXES),
        "@id": urn("node", publisher.node),
        "@type": "dcat:Catalog",
        "dcterms:title": publisher.node,
        "dcterms:description": said(
            "What may be asked of the tables of this node.", "本节点数据资源可供查询的产品目录。"
        ),
        "dcterms:publisher": _agent(publisher),
        "dcat:dataset": tables,
        "dcat:service": services,
    }


def product_dcat(publisher: Publisher, product: Offered) -> Node:
    """Return one product: a data service, with the dataset that it serves."""
    return {
        "@context": context(*_PREFIXES),
        **_service(product, publisher),
        "dcat:servesDataset": _dataset(product, publisher),
    }


def _service(product: Offered, publisher: Publisher) -> Node:
    described = (_MATCHED if product.match else _KINDS).get(product.kind)
    return {
        "@id": urn("product", product.digest),
        "@type": "dcat:DataService",
        "dcterms:identifier": product.name,
        "dcterms:title": product.title,
        **({"dcterms:description": said(*described)} if described else {}),
        "dcterms:publisher": ref(urn("key", publisher.operator)),
        "dcterms:type": ref(f"unseen:{product.kind}"),
        "dcterms:accessRights": ref(ACCESS),
        "dcat:endpointURL": ref(f"grpcs://{publisher.address}"),
        "dcat:servesDataset": ref(_table(product, publisher)),
        "dcat:keyword": [product.kind, *(question.name for question in product.questions)],
        "unseen:question": [
            {"dcterms:identifier": question.name, "dcterms:description": question.text}
            for question in product.questions
        ],
        **asked_by(product.asked_by, product.match),
        "odrl:hasPolicy": _offer(product, publisher),
    }


def _dataset(product: Offered, publisher: Publisher) -> Node:
    return {
        "@id": _table(product, publisher),
        "@type": "dcat:Dataset",
        "dcterms:identifier": product.table,
        "dcterms:title": product.table,
        "dcterms:modified": typed(product.snapshot_at, "dateTime"),
        "dcterms:publisher": ref(urn("key", publisher.operator)),
        "dcterms:accessRights": ref(ACCESS),
        "dcterms:rights": said(
            "Rows do not leave the operator's domain; answers do, under a contract.",
            "原始数据不出域；结果依合约交付。",
        ),
    }


def _offer(product: Offered, publisher: Publisher) -> Node:
    unit = ref(f"urn:iso:std:iso:4217:{product.prices.currency}")
    lines = (("data_fee", product.prices.data_fee), ("service_fee", product.prices.service_fee))
    duties: list[Json] = [
        {
            "@type": "odrl:Duty",
            "odrl:action": {
                "@type": "odrl:Action",
                "rdf:value": ref("odrl:compensate"),
                "odrl:refinement": {
                    "@type": "odrl:Constraint",
                    "odrl:leftOperand": ref("odrl:payAmount"),
                    "odrl:operator": ref("odrl:eq"),
                    "odrl:rightOperand": decimal(price),
                    "odrl:unit": unit,
                },
            },
            "unseen:line": ref(f"unseen:{line}"),
        }
        for line, price in lines
    ]
    identifier = urn("offer", product.digest)
    return {
        "@id": identifier,
        "@type": "odrl:Offer",
        "odrl:uid": ref(identifier),
        "odrl:assigner": ref(urn("key", publisher.operator)),
        "odrl:permission": {
            "@type": "odrl:Permission",
            "odrl:target": ref(urn("product", product.digest)),
            "odrl:action": ref("odrl:use"),
            "odrl:duty": duties,
        },
    }


def _agent(publisher: Publisher) -> Node:
    agent: Node = {"@id": urn("key", publisher.operator), "@type": "foaf:Agent"}
    return agent | {"foaf:name": publisher.name or publisher.node}


def _table(product: Offered, publisher: Publisher) -> str:
    return urn("table", f"{publisher.node}:{product.table}")
