"""Distinct subjects of verifications in the clear, counted without saying who they are.

A subject is counted when it is asked about, before the work: found or not, charged afterwards or
not. So whether a count is full depends on what the buyer asked, never on what is in the table. What
is stored is HMAC-SHA256 (RFC 2104) of buyer, table and subject under a key derived from the vault
(RFC 5869): whoever reads the store alone can neither name nor test a subject. The operator, who has
the vault, can test one; it saw the subject itself.

A count belongs to a table's name and to a buyer, over all contracts and snapshots, for ever. A node
that takes over another one begins with empty counts.
"""

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, func, insert, select

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.node.errors import SubjectsExhaustedError
from unseen.node.privacy.guard import most_asked
from unseen.node.store.schema_subjects import asked_subjects
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.lookup.subject import Value, encode_subject, parse_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unseen.node.catalog.catalogue import Table
    from unseen.node.context import Node
    from unseen.node.contracts.register import Contract
    from unseen.node.identity.vault import Vault

_INFO = b"unseen/guard/subjects/v1"


@dataclass(frozen=True, slots=True)
class Mark(Change[int]):
    """Count a subject, named by its commitment, unless it is counted; at most `most` of them."""

    table: str
    buyer: str
    commitment: str = field(repr=False)
    most: int

    def apply(self, transaction: Transaction) -> int:
        """Return how many distinct subjects the buyer has asked about by now.

        Raises:
            SubjectsExhaustedError: this one is new, and the others are `most` already.

        """
        connection = transaction.connection
        asked = counted(connection, self.table, self.buyer)
        if is_counted(connection, self):
            return asked
        if asked >= self.most:
            raise SubjectsExhaustedError(
                f"the buyer has asked about {asked} subjects of this table;"
                f" its labels allow {self.most} over all contracts",
                clause="guard.subjects",
                remedy="ask about subjects that were asked about before",
            )
        row = {
            "table_name": self.table,
            "buyer": self.buyer,
            "commitment": self.commitment,
            "number": asked + 1,
        }
        connection.execute(insert(asked_subjects), [row])
        return asked + 1


def counted(connection: Connection, table: str, buyer: str) -> int:
    """Return how many distinct subjects of a table a buyer has asked about."""
    of = (asked_subjects.c.table_name == table) & (asked_subjects.c.buyer == buyer)
    number = connection.execute(select(func.max(asked_subjects.c.number)).where(of))
    return int(number.scalar_one() or 0)


def is_counted(connection: Connection, mark: Mark) -> bool:
    """Return whether a subject is counted already."""
    columns = asked_subjects.c
    found = select(columns.number).where(
        columns.table_name == mark.table,
        columns.buyer == mark.buyer,
        columns.commitment == mark.commitment,
    )
    return connection.execute(found).first() is not None


def commitment(vault: "Vault", table: "Table", buyer: str, values: "Sequence[str | int]") -> str:
    """Return the name of a subject in the store, base64url; equal subjects have equal names.

    `values` are of the table's subject columns, as they were asked.
    """
    key = HKDF(SHA256(), 32, None, _INFO).derive(vault.key)
    read: list[Value] = [
        parse_value(column, value) if isinstance(value, str) else value
        for column, value in zip(table.subject, values, strict=True)
    ]
    domain = canonical.encode([table.name, buyer])
    return b64encode(hmac.digest(key, encode_subject(table.subject, read, domain), "sha256"))


async def count_subject(
    node: "Node", contract: "Contract", table: "Table", values: "Sequence[str | int]"
) -> None:
    """Count a subject that is asked about in the clear, where the labels read limit how many.

    Raises:
        SubjectsExhaustedError: the buyer has asked about as many others as the labels allow.

    """
    ruling = node.rulebook.rules.ruling(table.labels(contract.plan.columns_read))
    if not ruling.share:
        return
    most = most_asked(ruling.share, table.snapshot.rows, contract.plan.subject_columns)
    name = commitment(node.vault, table, contract.buyer, values)
    mark = Mark(table.name, contract.buyer, name, most)
    if not is_counted(node.reader.connection, mark):
        await node.writer.submit(mark)
