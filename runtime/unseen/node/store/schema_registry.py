"""The node's tables of mandates, registration certificates and handovers.

What was signed stands in `documents`; these tables say what holds now.
"""

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table, Text

from unseen.node.store.schema import metadata

mandates = Table(
    "mandates",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("token", Text, nullable=False),
    Column("registered_at", String(20), nullable=False),
    Column("withdrawal", Text, nullable=False),  # JWS, empty until withdrawn
    Column("withdrawn_at", String(20)),
)

mandated_tables = Table(
    "mandated_tables",
    metadata,
    Column("table_name", String(40), primary_key=True),
    Column("required", Boolean, nullable=False),
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("object", String(16), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("token", Text, nullable=False),
    Column("holder", LargeBinary, nullable=False),  # raw public key of the present holder
    Column("newest", String(64), nullable=False),  # id of the newest link of the chain
    Column("leaf_index", Integer, nullable=False),  # -1 where it stands in another node's log
    Column("imported", Text, nullable=False),  # the predecessor's bundle, or empty
)

transfers = Table(
    "transfers",
    metadata,
    Column("certificate", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("token", Text, nullable=False),
    Column("leaf_index", Integer, nullable=False),
)

inherited = Table(
    "inherited",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("origin", String(64), nullable=False),  # the predecessor's log
    Column("buyer", String(64), nullable=False),
    Column("product", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("units", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Column("successor", String(64), nullable=False),  # the contract that took it on, or empty
)

handovers = Table(
    "handovers",
    metadata,
    Column("document", String(64), primary_key=True),
    Column("direction", String(8), nullable=False),  # out or in
    Column("at", String(20), nullable=False),
)
