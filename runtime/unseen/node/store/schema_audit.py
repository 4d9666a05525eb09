"""Tables of the audit."""

from sqlalchemy import Column, Integer, String, Table, Text

from unseen.node.store.schema import metadata

cosignatures = Table(
    "cosignatures",
    metadata,
    Column("witness", String(64), primary_key=True),  # name of the witness's key
    Column("size", Integer, nullable=False),  # leaves under the checkpoint
    Column("note", Text, nullable=False),  # the checkpoint with the log's and the witness's line
    Column("cosigned_at", String(20), nullable=False),  # says the witness
)
