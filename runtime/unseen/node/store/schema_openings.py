"""Orders of openings, the responses to them, objections, and the words of both sides."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from unseen.node.store.schema import metadata

orders = Table(
    "orders",
    metadata,
    Column("id", String(64), primary_key=True),  # of the document
    Column("contract", String(64), nullable=False, index=True),
    Column("by", String(40), nullable=False),
    Column("leaf_index", Integer, nullable=False),
    Column("draw", String(64), nullable=False),  # document; empty without one
    Column("draw_index", Integer, nullable=False),  # leaf; -1 without one
)

responses = Table(
    "responses",
    metadata,
    Column("id", String(64), primary_key=True),  # of the document
    Column("order_id", String(64), nullable=False, index=True),
    Column("by", String(40), nullable=False),
    Column("leaf_index", Integer, nullable=False),
)

objections = Table(
    "objections",
    metadata,
    Column("id", String(64), primary_key=True),  # of the document that opened it
    Column("contract", String(64), nullable=False, index=True),
    Column("by", String(40), nullable=False),
    Column("answer", String(64), nullable=False),  # document; empty until given
    Column("close", String(64), nullable=False),  # document; empty until given
    Column("opened_words", LargeBinary, nullable=False),  # sealed
    Column("answered_words", LargeBinary, nullable=False),  # sealed; empty until given
)
