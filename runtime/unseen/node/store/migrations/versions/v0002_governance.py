"""Approvals by more than two, documents that the log names, jobs and stops."""

import base64
import hashlib
import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _approvals()
    _documents()
    _openings()
    _registry()
    _rules()
    _audit()
    _release()
    _jobs()
    _results()
    _stops()
    _consents()


def _release() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=32), nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("instance", sa.String(length=64), nullable=False),
        sa.Column("snapshot", sa.LargeBinary(), nullable=False),
        sa.Column("bits", sa.Integer(), nullable=False),
        sa.Column("billed", sa.Integer(), nullable=True),
        sa.Column("consent", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("release_nonce", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_reply", sa.LargeBinary(), nullable=True),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("held_at", sa.String(length=20), nullable=False),
        sa.Column("expires_at", sa.String(length=20), nullable=False),
        sa.Column("decided_at", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("contract", "request"),
    )
    op.create_index(op.f("ix_reviews_state"), "reviews", ["state"], unique=False)
    op.create_table(
        "release_modes",
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("set_at", sa.String(length=20), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("type"),
    )
    for table, column, units in (
        ("contracts", "bits_used", "units_used"),
        ("charges", "bits", "units"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
        key = "id" if table == "contracts" else "contract"
        op.execute(  # what left before says the bits of its plan for each unit
            f"UPDATE {table} SET {column} = {units} * (SELECT json_extract("  # noqa: S608 - fixed
            "CAST(c.plan AS TEXT), '$.bits_per_unit') FROM contracts AS c "
            f"WHERE c.id = {table}.{key})"
        )
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, server_default=None)


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("given_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("contract", "role"),
    )
    for role in ("operator", "buyer"):
        column = f"{role}_approval"
        op.execute(
            "INSERT INTO approvals (contract, role, token, given_at) "  # noqa: S608 - fixed names
            f"SELECT id, '{role}', {column}, proposed_at FROM contracts WHERE {column} != ''"
        )
    with op.batch_alter_table("contracts") as contracts:
        contracts.add_column(sa.Column("cause", sa.Text(), nullable=False, server_default=""))
        contracts.drop_column("operator_approval")
        contracts.drop_column("buyer_approval")
    with op.batch_alter_table("contracts") as contracts:
        contracts.alter_column("cause", server_default=None)


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_documents_type"), "documents", ["type"], unique=False)
    for index, kind, token in _certified():
        # The one suite that this schema knows hashes by SHA-256.
        name = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode()
        row = {"id": name.rstrip("="), "type": kind, "body": token.encode(), "index": index}
        op.get_bind().execute(
            sa.text(
                "INSERT OR IGNORE INTO documents (id, type, body, leaf_index)"
                " VALUES (:id, :type, :body, :index)"
            ),
            row,
        )


def _certified() -> Iterator[tuple[int, str, str]]:
    """Yield what the log told of without keeping it as a document: leaf, type, signed text.

    An audit needs the certification of each instance and each epoch's manifest. Of an instance
    that was certified again only the last certification was kept; its first leaf stands for all.
    """
    connection = op.get_bind()
    first: dict[tuple[str, str], int] = {}
    for index, body in connection.execute(
        sa.text("SELECT leaf_index, body FROM leaves ORDER BY leaf_index")
    ):
        if b'"type":"instance.registered"' in body:
            leaf = json.loads(body)
            first.setdefault((leaf["party"], leaf["key"]), index)
    instances = sa.text("SELECT party, key_id, certification FROM instances")
    for party, key, token in connection.execute(instances):
        if (party, key) in first:
            yield first[party, key], "instance", token
    epochs = sa.text("SELECT leaf_index, manifest FROM epochs WHERE leaf_index >= 0")
    for index, token in connection.execute(epochs):
        yield index, "manifest", token


def _openings() -> None:
    with op.batch_alter_table("charges") as charges:
        charges.add_column(sa.Column("opening", sa.LargeBinary(), nullable=True))
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("draw", sa.String(length=64), nullable=False),
        sa.Column("draw_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_orders_contract"), "orders", ["contract"], unique=False)
    op.create_table(
        "responses",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_responses_order_id"), "responses", ["order_id"], unique=False)
    op.create_table(
        "objections",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(length=64), nullable=False),
        sa.Column("close", sa.String(length=64), nullable=False),
        sa.Column("opened_words", sa.LargeBinary(), nullable=False),
        sa.Column("answered_words", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_objections_contract"), "objections", ["contract"], unique=False)


def _registry() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.String(length=20), nullable=False),
        sa.Column("withdrawal", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "mandated_tables",
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("table_name"),
    )
    op.create_table(
        "certificates",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=False),
        sa.Column("newest", sa.String(length=64), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("imported", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_certificates_object"), "certificates", ["object"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("certificate", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("certificate", "number"),
    )
    op.create_table(
        "inherited",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("buyer", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("successor", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("contract"),
    )
    op.create_table(
        "handovers",
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("document"),
    )


def _rules() -> None:
    op.create_table(
        "rule_files",
        sa.Column("edition", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("set_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("edition"),
    )
    op.create_table(
        "templates",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.String(length=20), nullable=False),
        sa.Column("withdrawn_at", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_templates_name"), "templates", ["name"], unique=False)
    op.create_table(
        "template_approvals",
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("given_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("template", "role"),
    )
    with op.batch_alter_table("tables") as tables:
        tables.add_column(
            sa.Column("holder", sa.String(length=40), nullable=False, server_default="")
        )
    with op.batch_alter_table("tables") as tables:
        tables.alter_column("holder", server_default=None)


def _audit() -> None:
    op.create_table(
        "cosignatures",
        sa.Column("witness", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("cosigned_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("witness"),
    )
    op.create_index(op.f("ix_documents_leaf_index"), "documents", ["leaf_index"], unique=False)


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("ask", sa.LargeBinary(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=False),
        sa.Column("lease_until", sa.String(length=20), nullable=False),
        sa.Column("not_before", sa.String(length=20), nullable=False),
        sa.Column("phase", sa.String(length=24), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("started_at", sa.String(length=20), nullable=False),
        sa.Column("ended_at", sa.String(length=20), nullable=False),
        sa.Column("ended_by", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("failure", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"], unique=False)
    op.create_index(op.f("ix_jobs_contract"), "jobs", ["contract"], unique=False)
    op.create_index("jobs_by_account", "jobs", ["account", "number"], unique=False)


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("until", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
    op.create_index(op.f("ix_results_until"), "results", ["until"], unique=False)


def _stops() -> None:
    op.create_table(
        "stops",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("stopped_at", sa.String(length=20), nullable=False),
        sa.Column("lifted_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(op.f("ix_stops_target"), "stops", ["target"], unique=False)


def _consents() -> None:
    op.create_table(
        "consent_tree",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "consent_roots",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.String(length=20), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(op.f("ix_consent_roots_root"), "consent_roots", ["root"], unique=False)
    op.create_index(op.f("ix_consent_roots_used"), "consent_roots", ["used"], unique=False)
    _consent_nodes()
    _consent_rows()
    op.create_index("charges_by_request", "charges", ["request"], unique=False)


def _consent_nodes() -> None:
    op.create_table(
        "consent_nodes",
        sa.Column("position", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "consent_nodes_past",
        sa.Column("position", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", "number"),
    )
    op.create_table(
        "consent_epochs",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("root", sa.Integer(), nullable=False),
        sa.Column("chosen_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("contract", "epoch"),
    )


def _consent_rows() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("hub", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("scenario", sa.String(length=64), nullable=False),
        sa.Column("table_name", sa.String(length=64), nullable=False),
        sa.Column("products", sa.Text(), nullable=False),
        sa.Column("once", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.String(length=20), nullable=False),
        sa.Column("until", sa.String(length=20), nullable=False),
        sa.Column("delegation", sa.String(length=64), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.String(length=20), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.String(length=20), nullable=True),
        sa.Column("cause", sa.String(length=16), nullable=True),
        sa.Column("withdrawal", sa.Text(), nullable=True),
        sa.Column("sealed_subject", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    by_use = ["table_name", "recipient", "scenario"]
    op.create_index("consents_by_use", "consents", by_use, unique=False)
    op.create_index(op.f("ix_consents_place"), "consents", ["place"], unique=False)
    op.create_index(op.f("ix_consents_delegation"), "consents", ["delegation"], unique=False)
    op.create_table(
        "delegations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=False),
        sa.Column("hub", sa.String(length=40), nullable=False),
        sa.Column("until", sa.String(length=20), nullable=False),
        sa.Column("added_at", sa.String(length=20), nullable=False),
        sa.Column("withdrawn_at", sa.String(length=20), nullable=True),
        sa.Column("ends_consents", sa.Integer(), nullable=False),
        sa.Column("withdrawal", sa.Text(), nullable=True),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_delegations_parent"), "delegations", ["parent"], unique=False)
