"""The tables of consents, described for people in `docs/data_model.md`.

No subject stands in them but sealed by the vault: a row is found by its place in the tree, which
says nothing without the tree's key.
"""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from unseen.node.store.schema import metadata

consent_tree = Table(
    "consent_tree",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("public_key", LargeBinary, nullable=False),
    Column("sealed_key", LargeBinary, nullable=False),  # VOPRF scalar of the subjects' places
    Column("sealed_secret", LargeBinary, nullable=False),  # seals consents, derives nonces
)

consent_roots = Table(
    "consent_roots",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("root", String(64), nullable=False, index=True),
    Column("size", Integer, nullable=False),
    Column("document", String(64), nullable=False),
    Column("leaf_index", Integer, nullable=False),
    Column("made_at", String(20), nullable=False),
    Column("used", Integer, nullable=False, index=True),  # 1 once anything was done under it
)

consent_nodes = Table(
    "consent_nodes",
    metadata,
    Column("position", LargeBinary, primary_key=True),
    Column("number", Integer, nullable=False),  # of the root that wrote it
    Column("body", LargeBinary, nullable=False),
)

consent_nodes_past = Table(
    "consent_nodes_past",
    metadata,
    Column("position", LargeBinary, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("place", LargeBinary, nullable=False, index=True),
    Column("hub", String(40), nullable=False),  # party that handed it over
    Column("recipient", String(64), nullable=False),
    Column("scenario", String(64), nullable=False),
    Column("table_name", String(64), nullable=False),
    Column("products", Text, nullable=False),  # JSON list; empty for all
    Column("once", Integer, nullable=False),
    Column("given_at", String(20), nullable=False),
    Column("until", String(20), nullable=False),
    Column("delegation", String(64), nullable=False, index=True),  # the signer's; empty: the hub's
    Column("added", Integer, nullable=False),  # number of the first root that holds it
    Column("added_at", String(20), nullable=False),
    Column("ended", Integer),  # number of the first root that does not hold it any more
    Column("ended_at", String(20)),
    Column("cause", String(16)),  # withdrawn, delegation, spent
    Column("withdrawal", Text),  # JWS of the withdrawal; nothing else names a reason
    Column("sealed_subject", LargeBinary, nullable=False),
    Column("sealed_token", LargeBinary, nullable=False),
    Index("consents_by_use", "table_name", "recipient", "scenario"),
)

delegations = Table(
    "delegations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("parent", String(64), nullable=False, index=True),  # empty: the hub's own
    Column("hub", String(40), nullable=False),
    Column("until", String(20), nullable=False),
    Column("added_at", String(20), nullable=False),
    Column("withdrawn_at", String(20)),
    Column("ends_consents", Integer, nullable=False),  # 1: what was given under it has ended
    Column("withdrawal", Text),
    Column("sealed_token", LargeBinary, nullable=False),
)

consent_epochs = Table(
    "consent_epochs",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("root", Integer, nullable=False),  # number of the root that its rows were chosen by
    Column("chosen_at", String(20), nullable=False),
)
