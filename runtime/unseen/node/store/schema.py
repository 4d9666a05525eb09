"""The node's tables, described for people in `docs/data_model.md`.

Times are text, RFC 3339 in UTC with seconds, so that they compare as they sort.
"""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

parties = Table(
    "parties",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("suite", String(16), nullable=False),
    Column("key_id", String(64), nullable=False, unique=True),
    Column("evidence_key", LargeBinary, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("enrolled_at", String(20), nullable=False),
    Column("revoked_at", String(20)),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("party", String(40), nullable=False),
    Column("role", String(16), nullable=False),
    Column("expires", String(20), nullable=False),
    Column("used_at", String(20)),
)

instances = Table(
    "instances",
    metadata,
    Column("party", String(40), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("key_id", String(64), nullable=False, unique=True),
    Column("evidence_key", LargeBinary, nullable=False),
    Column("certification", Text, nullable=False),
    Column("until", String(20), nullable=False),
    Column("revoked_at", String(20)),
)

tables = Table(
    "tables",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),  # JSON list of column names
    Column("columns", Text, nullable=False),  # JSON list of name, type, category, level
    Column("holder", String(40), nullable=False),  # party whose table it is, or empty
    Column("registered_at", String(20), nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("table_name", String(40), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("commitment", String(64), nullable=False),
    Column("sealed_salt", LargeBinary, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),  # JSON: sha256, size, mtime_ns of the file
    Column("taken_at", String(20), nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("table_name", String(40), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("definition", Text, nullable=False),  # canonical JSON; its hash is `digest`
    Column("digest", String(64), nullable=False),
    Column("registered_at", String(20), nullable=False),
)

contracts = Table(
    "contracts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("buyer", String(40), nullable=False, index=True),
    Column("terms", LargeBinary, nullable=False),
    Column("plan", LargeBinary, nullable=False),
    Column("leakage", LargeBinary, nullable=False),
    Column("units_used", Integer, nullable=False),
    Column("bits_used", Integer, nullable=False),  # what its releases have said at most
    Column("proposed_at", String(20), nullable=False),
    Column("cause", Text, nullable=False),  # why it is suspended or was ended, in words
)

approvals = Table(
    "approvals",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("token", Text, nullable=False),  # JWS by the party of this role
    Column("given_at", String(20), nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(64), primary_key=True),  # hash of `body`; base64url
    Column("type", String(32), nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),  # a JWS, or canonical JSON
    Column("leaf_index", Integer, nullable=False, index=True),  # of the leaf that names it first
)

epochs = Table(
    "epochs",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),  # BUILDING, READY, FAILED, CLOSED
    Column("snapshot_version", Integer, nullable=False),
    Column("sealed_key", LargeBinary, nullable=False),  # empty once closed
    Column("manifest", Text, nullable=False),
    Column("table_bytes", Integer, nullable=False),
    Column("leaf_index", Integer, nullable=False),
    Column("failure", Text, nullable=False),  # reason when FAILED
    Column("build", Integer, nullable=False, default=1),  # of a hidden table, from 1
)

builds_past = Table(
    "builds_past",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("build", Integer, primary_key=True),
    Column("manifest", Text, nullable=False),
    Column("leaf_index", Integer, nullable=False),
)

leaves = Table(
    "leaves",
    metadata,
    Column("leaf_index", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # canonical JSON, the bytes that are hashed
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("size", Integer, nullable=False),
    Column("note", Text, nullable=False),
)

charges = Table(
    "charges",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("request", String(32), primary_key=True),
    Column("statement_digest", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("bits", Integer, nullable=False),
    Column("leaf_index", Integer, nullable=False),
    Column("instance", String(64), nullable=False),  # key id that signed the request
    Column("release_nonce", LargeBinary, nullable=False),
    Column("reply", LargeBinary),  # framed parts; null once the epoch has ended
    Column("opening", LargeBinary),  # sealed: nonce and parts of a request in the clear; as reply
    UniqueConstraint("leaf_index"),
    Index("charges_by_epoch", "contract", "epoch"),
    Index("charges_by_request", "request"),
)
