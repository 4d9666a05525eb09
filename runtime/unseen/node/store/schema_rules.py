"""The tables of rules and templates, described for people in `docs/data_model.md`."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text

from unseen.node.store.schema import metadata

rule_files = Table(
    "rule_files",
    metadata,
    Column("edition", Integer, primary_key=True, autoincrement=True),
    Column("document", String(64), nullable=False),
    Column("text", LargeBinary, nullable=False),  # TOML, as written
    Column("set_by", String(40), nullable=False),  # party, or "node" for the default
    Column("set_at", String(20), nullable=False),
)

templates = Table(
    "templates",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, index=True),
    Column("added_at", String(20), nullable=False),
    Column("withdrawn_at", String(20)),
)

template_approvals = Table(
    "template_approvals",
    metadata,
    Column("template", String(64), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("token", Text, nullable=False),
    Column("given_at", String(20), nullable=False),
)
