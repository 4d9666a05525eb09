"""What changes about mandates: one is shown, withdrawn, or demanded for a table."""

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.jws import token_id
from unseen.evidence.log import event_leaf
from unseen.evidence.mandate import Mandate
from unseen.evidence.suite import Suite
from unseen.node.errors import MandateEndedError
from unseen.node.store.documents import put_document
from unseen.node.store.schema_registry import mandated_tables, mandates
from unseen.node.store.writer import Change, Transaction


@dataclass(frozen=True, slots=True)
class RegisterMandate(Change[bytes]):
    """Keep a mandate that was checked; shown again, it changes nothing."""

    suite: Suite
    token: str
    mandate: Mandate

    def apply(self, transaction: Transaction) -> bytes:
        """Write mandate, document and leaf; return the mandate's id."""
        identifier = token_id(self.suite, self.token)
        connection, name = transaction.connection, b64encode(identifier)
        if connection.execute(select(mandates.c.id).where(mandates.c.id == name)).first():
            return identifier
        row = {
            "id": name,
            "token": self.token,
            "registered_at": format_time(transaction.now),
            "withdrawal": "",
            "withdrawn_at": None,
        }
        connection.execute(insert(mandates), [row])
        fields: dict[str, Json] = {
            "grantor": self.mandate.grantor,
            "grantee": self.mandate.grantee,
            "tier": self.mandate.tier,
        }
        body = self.token.encode()
        put_document(transaction, self.suite, "mandate", body, "mandate.registered", fields)
        return identifier


@dataclass(frozen=True, slots=True)
class WithdrawMandate(Change[None]):
    """Keep a withdrawal that was checked: the mandate, and what hangs below it, ends now."""

    suite: Suite
    mandate: bytes
    token: str

    def apply(self, transaction: Transaction) -> None:
        """Write withdrawal, document and leaf.

        Raises:
            MandateEndedError: it was withdrawn before.

        """
        name = b64encode(self.mandate)
        done = transaction.connection.execute(
            update(mandates)
            .where(mandates.c.id == name, mandates.c.withdrawn_at.is_(None))
            .values(withdrawal=self.token, withdrawn_at=format_time(transaction.now))
        )
        if not done.rowcount:
            raise MandateEndedError(
                "the mandate was withdrawn before",
                clause="mandate",
                remedy=f"see when: unseen mandate show {name}",
            )
        kind, event = "mandate-withdrawal", "mandate.withdrawn"
        body, fields = self.token.encode(), {"mandate": name}
        put_document(transaction, self.suite, kind, body, event, fields)


@dataclass(frozen=True, slots=True)
class RequireMandate(Change[None]):
    """Put a table under mandates, or lift that again."""

    suite: Suite
    table: str
    required: bool
    by: str

    def apply(self, transaction: Transaction) -> None:
        """Write the setting and its leaf; nothing where it is so already."""
        connection, own = transaction.connection, mandated_tables.c.table_name == self.table
        before = connection.execute(
            select(mandated_tables.c.required).where(own)
        ).scalar_one_or_none()
        if bool(before) == self.required:
            return
        if before is None:
            row = {"table_name": self.table, "required": self.required}
            connection.execute(insert(mandated_tables), [row])
        else:
            connection.execute(update(mandated_tables).where(own).values(required=self.required))
        fields: dict[str, Json] = {
            "table": self.table,
            "required": self.required,
            "by": self.by,
        }
        transaction.append(event_leaf(self.suite, "table.mandated", transaction.now, fields))
