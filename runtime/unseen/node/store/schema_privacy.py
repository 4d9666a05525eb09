"""Tables of the privacy ledger: budgets of tables, what was spent, answers that are given again.

Privacy is counted in units of 10^-12 of rho (zCDP). What was spent only grows: nothing in this
program takes a row of it away.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from unseen.node.store.schema import metadata

privacy_budgets = Table(
    "privacy_budgets",
    metadata,
    Column("table_name", String(40), primary_key=True),
    Column("epsilon", String(20), nullable=False),  # decimal text; empty: no budget is set
    Column("delta", String(20), nullable=False),
    Column("most", BigInteger, nullable=False),  # units that may be spent in all
    Column("spent", BigInteger, nullable=False),  # units, under all contracts, for ever
    Column("set_at", String(20), nullable=False),
    Column("set_by", String(40), nullable=False),
    Column("leaf_index", Integer, nullable=False),  # of the leaf that set it last; -1: none
)

privacy_contracts = Table(
    "privacy_contracts",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("spent", BigInteger, nullable=False),  # units
)

privacy_spends = Table(
    "privacy_spends",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("request", String(32), primary_key=True),
    Column("table_name", String(40), primary_key=True),
    Column("units", BigInteger, nullable=False),
    Column("snapshot", String(64), nullable=False),  # commitment to the rows; base64url
    Column("leaf_index", Integer, nullable=False),  # of the release
    Index("privacy_spends_by_table", "table_name", "contract"),
)

privacy_answers = Table(
    "privacy_answers",
    metadata,
    Column("key", String(64), primary_key=True),  # of the question over its rows; base64url
    Column("sealed_reply", LargeBinary, nullable=False),  # framed parts, under the vault
    Column("snapshot", LargeBinary, nullable=False),
    Column("contract", String(64), nullable=False),  # under which it was answered first
    Column("leaf_index", Integer, nullable=False),  # of that release
)

privacy_received = Table(
    "privacy_received",
    metadata,
    # An answer that was computed under another contract, and given under this one for nothing.
    Column("contract", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),  # of the answer; base64url
    Column("units", BigInteger, nullable=False),  # what it says of people: of the contract's budget
)

privacy_openings = Table(
    "privacy_openings",
    metadata,
    # Rounds whose sum this node, their lead, has opened: before it did.
    Column("clause", String(64), primary_key=True),  # digest of the joint clause; base64url
    Column("transcript", String(64), primary_key=True),  # of all that it was handed; base64url
)

privacy_partitions = Table(
    "privacy_partitions",
    metadata,
    Column("table_name", String(40), primary_key=True),
    Column("partition", String(64), nullable=False),  # digest of the exact table; base64url
    Column("version", Integer, nullable=False),  # of the snapshot
    Column("contract", String(64), nullable=False),  # under which it was answered first
    Column("leaf_index", Integer, nullable=False),  # of that release
)
