"""Everything about one charged request, for whoever has to settle a dispute over it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from unseen.evidence.canonical import b64encode
from unseen.evidence.registry.mandate import peek_mandate
from unseen.node.audit.cosigning import served
from unseen.node.audit.log import Head
from unseen.node.audit.shown import shown
from unseen.node.context import Node
from unseen.node.contracts.epochs import builds_of
from unseen.node.contracts.register import Contract
from unseen.node.contracts.viewing import visible
from unseen.node.errors import ContractNotFoundError, ReleaseNotFoundError
from unseen.node.identity.parties import Caller
from unseen.node.metering.charged import Charged, find_charge
from unseen.node.metering.paying import answer
from unseen.node.store.schema import documents


@dataclass(frozen=True, slots=True)
class Announced:
    """The manifest of the epoch asked under, and its place in the log."""

    token: str
    leaf: bytes
    index: int
    proof: list[bytes]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as the store has it."""

    index: int
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """What `gather` finds. Proofs lead to `head`; `cosigned` are notes with proofs to theirs."""

    receipt: str
    contract: Contract
    head: Head
    announced: Announced | None
    cosigned: list[tuple[str, list[bytes]]]
    documents: list[StoredDocument]


def gather(node: Node, who: Caller, request: str, contract_id: str) -> Evidence:
    """Return the evidence of a charged request under a contract that the caller may see.

    With an empty `contract_id` the request is looked for under each of them.

    Raises:
        ContractNotFoundError: no such contract that the caller may see.
        ReleaseNotFoundError: no request of this id was charged.

    """
    candidates = [c for c in node.contracts.all() if visible(node, who, c)]
    if contract_id:
        candidates = [c for c in candidates if c.id == contract_id]
        if not candidates:
            raise ContractNotFoundError(
                "no contract of this id", clause="contract", remedy="see: unseen contract list"
            )
    with node.engine.connect() as connection:
        contract, charge = _find(connection, candidates, request)
        charged = Charged(charge.leaf_index, charge.release_nonce, charge.instance, ())
        receipt = answer(node, contract.buyer, charged).receipt
        head = shown() or node.log.head()
        return Evidence(
            receipt=receipt,
            contract=contract,
            head=head,
            announced=_announced(node, connection, charge, head),
            cosigned=_cosigned(node, connection, charge.leaf_index),
            documents=_documents(node, connection, contract, charge.leaf_index),
        )


def _find(
    connection: Connection, candidates: list[Contract], request: str
) -> tuple[Contract, Row[Any]]:
    for contract in candidates:
        found = find_charge(connection, contract.id, request)
        if found is not None:
            return contract, found
    raise ReleaseNotFoundError(
        "no request of this id was charged",
        clause="request.id",
        remedy="see the log: unseen audit tail",
    )


def _announced(
    node: Node, connection: Connection, charge: Row[Any], head: Head
) -> Announced | None:
    if not charge.epoch:
        return None
    found = builds_of(connection, charge.contract, charge.epoch)
    # The newest before the charge: no other is charged under.
    token, index = next(each for each in found if each[1] < charge.leaf_index)
    leaf = node.log.read_leaf_bytes(node.engine, index)
    return Announced(token, leaf, index, node.log.inclusion_proof(index, head))


def _cosigned(node: Node, connection: Connection, index: int) -> list[tuple[str, list[bytes]]]:
    return [
        (note, node.log.inclusion_proof(index, Head(size, note)))
        for size, note in served(connection)
        if size > index
    ]


def _documents(
    node: Node, connection: Connection, contract: Contract, index: int
) -> list[StoredDocument]:
    """Return the documents that terms and release name, and the mandates above those named."""
    terms, leaf = contract.terms, node.log.read_leaf(node.engine, index)
    named = [b64encode(item) for item in (*terms.mandates, terms.template, terms.rules) if item]
    if isinstance(leaf.get("review"), str):
        named.append(str(leaf["review"]))
    found: dict[str, StoredDocument] = {}
    while named:
        rows = connection.execute(select(documents).where(documents.c.id.in_(named)))
        new = {row.id: StoredDocument(row.leaf_index, row.type, row.body) for row in rows}
        found |= new
        above = (peek_mandate(d.body.decode()).parent for d in new.values() if d.type == "mandate")
        named = [b64encode(parent) for parent in above if parent]
    return sorted(found.values(), key=lambda document: document.index)
