"""The rule file in force, in memory beside the store, and its changes.

Every start and every change puts the file's hash into the log, and the file into the documents. A
node follows the package's default file until its operator sets another.
"""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, insert, select

from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.suite import Suite
from unseen.node.contracts.rules import Rules, default_text
from unseen.node.store.documents import put_document
from unseen.node.store.schema_rules import rule_files
from unseen.node.store.writer import Change, Transaction

NODE = "node"  # sets the default file
DOCUMENT = "rules"


@dataclass(frozen=True, slots=True)
class Edition:
    """A rule file as it was set: the TOML as written, by which party, and when."""

    rules: Rules
    text: bytes
    by: str
    set_at: str


class Rulebook:
    """The edition in force."""

    def __init__(self, edition: Edition) -> None:
        """Follow `edition`."""
        self.edition = edition

    @property
    def rules(self) -> Rules:
        """Return the rules in force."""
        return self.edition.rules

    @classmethod
    def default(cls, suite: Suite) -> Self:
        """Return the book of a node whose operator has set nothing."""
        text = default_text()
        return cls(Edition(Rules.parse(text, suite.id), text, NODE, ""))


@dataclass(frozen=True, slots=True)
class LoadRules(Change[Edition]):
    """At a start: take the newest edition, or the default where the operator has set none."""

    suite: Suite

    def apply(self, transaction: Transaction) -> Edition:
        """Write the leaf, and an edition where the default file is another than the last time.

        Raises:
            RulesInvalidError: the stored file is not a rule file any more.

        """
        newest = newest_edition(transaction.connection, self.suite)
        if newest is None or newest.by == NODE:
            default = Rulebook.default(self.suite).rules
            if newest is None or newest.rules.digest != default.digest:
                return _write(transaction, self.suite, default_text(), NODE)
        _log(transaction, self.suite, newest)
        return newest


@dataclass(frozen=True, slots=True)
class SetRules(Change[Edition]):
    """Put another rule file into force."""

    suite: Suite
    text: bytes
    by: str

    def apply(self, transaction: Transaction) -> Edition:
        """Write the edition and its leaf.

        Raises:
            RulesInvalidError: it is not a rule file.

        """
        return _write(transaction, self.suite, self.text, self.by)


def newest_edition(connection: Connection, suite: Suite) -> Edition | None:
    """Return the edition that was set last, or nothing.

    Raises:
        RulesInvalidError: what is stored is not a rule file.

    """
    row = connection.execute(
        select(rule_files).order_by(rule_files.c.edition.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Edition(Rules.parse(row.text, suite.id), row.text, row.set_by, row.set_at)


def _write(transaction: Transaction, suite: Suite, text: bytes, by: str) -> Edition:
    now = format_time(transaction.now)
    edition = Edition(Rules.parse(text, suite.id), text, by, now)
    _log(transaction, suite, edition)
    row = {
        "document": b64encode(edition.rules.digest),
        "text": text,
        "set_by": by,
        "set_at": now,
    }
    transaction.connection.execute(insert(rule_files), [row])
    return edition


def _log(transaction: Transaction, suite: Suite, edition: Edition) -> None:
    file = edition.rules.file
    put_document(
        transaction,
        suite,
        DOCUMENT,
        file.encode(),
        "rules.loaded",
        {"version": file.version, "by": edition.by},
    )
