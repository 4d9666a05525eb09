"""Tables of the release gate: what waits for a person, and what the operator lets out at all."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from unseen.node.store.schema import metadata

reviews = Table(
    "reviews",
    metadata,
    Column("id", String(64), primary_key=True),  # the commitment to what is held; base64url
    Column("contract", String(64), nullable=False),
    Column("request", String(32), nullable=False),
    Column("job", String(32), nullable=False),  # whose result it is; empty without a job
    Column("state", String(16), nullable=False, index=True),  # waiting, passed, refused, expired
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("instance", String(64), nullable=False),  # key id that signed the request
    Column("snapshot", LargeBinary, nullable=False),
    Column("bits", Integer, nullable=False),
    Column("billed", Integer),  # units that were a hit, where the contract bills those
    Column("consent", String(64), nullable=False),  # that the reply rests on, or empty
    Column("consent_root", String(64), nullable=False),  # that its rows were chosen by, or empty
    Column("privacy", Text, nullable=False),  # JSON of what it costs in privacy, or empty
    Column("rules", Text, nullable=False),  # JSON list of the rules that held it
    Column("release_nonce", LargeBinary, nullable=False),
    Column("sealed_reply", LargeBinary),  # framed, under the vault; null with a job or decided
    Column("sealed_report", LargeBinary),  # what the operator sees beside it, under the vault
    Column("leaf_index", Integer, nullable=False),  # of the leaf that says it is held
    Column("held_at", String(20), nullable=False),
    Column("expires_at", String(20), nullable=False),
    Column("decided_at", String(20), nullable=False),  # empty while it waits
    Column("decided_by", String(40), nullable=False),  # name of the party, or "node"
    Column("document", String(64), nullable=False),  # id of the signed decision, or empty
    UniqueConstraint("contract", "request"),
)

judged_models = Table(
    "judged_models",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("request", String(32), primary_key=True),  # by which a model was handed in
)

answers_given = Table(
    "answers_given",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("leaf_index", Integer, primary_key=True),  # of the leaf that announced the build
    Column("given", Integer, nullable=False),  # answers to queries at the hidden table
    Column("allowed", Integer, nullable=False),  # by what was charged when last looked at
)

release_modes = Table(
    "release_modes",
    metadata,
    Column("type", String(16), primary_key=True),  # verdicts, aggregate, model
    Column("mode", String(16), nullable=False),  # pass, review, off
    Column("set_at", String(20), nullable=False),
    Column("set_by", String(40), nullable=False),
)
