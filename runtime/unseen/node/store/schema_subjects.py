"""The table of distinct subjects asked about in the clear, none of whom it names."""

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from unseen.node.store.schema import metadata

asked_subjects = Table(
    "asked_subjects",
    metadata,
    Column("table_name", String(40), primary_key=True),
    Column("buyer", String(40), primary_key=True),
    Column("commitment", String(64), primary_key=True),  # keyed by the vault; base64url
    Column("number", Integer, nullable=False),  # 1 for the first that the buyer asked about
    UniqueConstraint("table_name", "buyer", "number", name="asked_subjects_number"),
)
