"""Tables of jobs, their results, and of stops by order; described in `docs/data_model.md`."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from unseen.node.store.schema import metadata

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True),  # in order of arrival; pages go by it
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(24), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("account", String(40), nullable=False),  # the buyer whose share it counts to, or empty
    Column("owner", String(40), nullable=False),  # the party that asked for it, or "node"
    Column("contract", String(64), nullable=False, index=True),  # empty without one
    Column("about", Text, nullable=False),  # what it is about, for people
    Column("ask", LargeBinary, nullable=False),  # canonical JSON, by kind; no secret
    Column("cost", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),  # runs begun since the last checkpoint
    Column("lease_token", String(32), nullable=False),  # empty unless RUNNING
    Column("lease_until", String(20), nullable=False),
    Column("not_before", String(20), nullable=False),  # empty, or when it may run again
    Column("phase", String(24), nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),  # 0 where nobody knows it
    Column("chunk", Integer, nullable=False),  # chunks whose work is kept
    Column("checkpoint", LargeBinary, nullable=False),  # by kind: where a next run goes on
    Column("created_at", String(20), nullable=False),
    Column("started_at", String(20), nullable=False),
    Column("ended_at", String(20), nullable=False),
    Column("ended_by", String(40), nullable=False),
    Column("cause", Text, nullable=False),  # what who cancelled it said
    Column("failure", String(40), nullable=False),  # reason when FAILED
    Index("jobs_by_account", "account", "number"),
)

results = Table(
    "results",
    metadata,
    Column("job", String(32), primary_key=True),
    Column("sealed_key", LargeBinary, nullable=False),  # the job's key under the vault
    Column("body", LargeBinary, nullable=False),  # the result under the job's key
    Column("size", Integer, nullable=False),
    Column("until", String(20), nullable=False, index=True),
)

stops = Table(
    "stops",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("target", String(64), nullable=False, index=True),  # "node", or a contract
    Column("by", String(40), nullable=False),
    Column("cause", Text, nullable=False),
    Column("document", String(64), nullable=False),  # id of the signed order; empty if by the node
    Column("stopped_at", String(20), nullable=False),
    Column("lifted_at", String(20), nullable=False),  # empty while it stands
)
