"""What changes about mandates: one is shown, withdrawn, or demanded for a table."""

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.jws import token_id
from unseen.evidence.log import event_leaf
from unseen.evidence.registry.mandate import Mandate
from unseen.evidence.suite import Suite
from unseen.node.contracts.register import Contract
from unseen.node.contracts.standing import Steps, take
from unseen.node.errors import MandateEndedError
from unseen.node.store.documents import put_document
from unseen.node.store.schema_registry import mandated_tables, mandates
from unseen.node.store.writer import Change, Transaction


@dataclass(frozen=True, slots=True)
class Move(Change[list[Contract]]):
    """Take contracts a step along because of what mandates permit now."""

    steps: Steps

    def apply(self, transaction: Transaction) -> list[Contract]:
        """Take each step that the contract's state still allows; return who moved."""
        return take(transaction, self.steps)


@dataclass(frozen=True, slots=True)
class RegisterMandate(Change[list[Contract]]):
    """Keep a mandate that was checked, and take the steps that follow from it."""

    suite: Suite
    token: str
    mandate: Mandate
    steps: Steps = ()

    def apply(self, transaction: Transaction) -> list[Contract]:
        """Write mandate, document, steps and leaves."""
        row = {
            "id": b64encode(token_id(self.suite, self.token)),
            "token": self.token,
            "registered_at": format_time(transaction.now),
            "withdrawal": "",
            "withdrawn_at": None,
        }
        transaction.connection.execute(insert(mandates), [row])
        fields: dict[str, Json] = {
            "grantor": self.mandate.grantor,
            "grantee": self.mandate.grantee,
            "tier": self.mandate.tier,
        }
        body = self.token.encode()
        put_document(transaction, self.suite, "mandate", body, "mandate.registered", fields)
        return take(transaction, self.steps)


@dataclass(frozen=True, slots=True)
class WithdrawMandate(Change[list[Contract]]):
    """Keep a withdrawal that was checked: the mandate, and what hangs below it, ends now."""

    suite: Suite
    mandate: bytes
    token: str
    steps: Steps = ()

    def apply(self, transaction: Transaction) -> list[Contract]:
        """Write withdrawal, document, steps and leaves.

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
        return take(transaction, self.steps)


@dataclass(frozen=True, slots=True)
class RequireMandate(Change[list[Contract]]):
    """Put a table under mandates, or lift that again."""

    suite: Suite
    table: str
    required: bool
    by: str
    steps: Steps = ()

    def apply(self, transaction: Transaction) -> list[Contract]:
        """Write the setting, steps and leaves; nothing where it is so already."""
        connection, own = transaction.connection, mandated_tables.c.table_name == self.table
        before = connection.execute(
            select(mandated_tables.c.required).where(own)
        ).scalar_one_or_none()
        if bool(before) == self.required:
            return []
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
        return take(transaction, self.steps)
