"""The privacy ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What left before was charged no privacy: nothing had any noise."""
    op.create_table(
        "privacy_budgets",
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("epsilon", sa.String(length=20), nullable=False),
        sa.Column("delta", sa.String(length=20), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.String(length=20), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("table_name"),
    )
    op.create_table(
        "privacy_contracts",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contract"),
    )
    op.create_table(
        "privacy_spends",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=32), nullable=False),
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.String(length=64), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "request", "table_name"),
    )
    op.create_index(
        "privacy_spends_by_table", "privacy_spends", ["table_name", "contract"], unique=False
    )
    op.create_table(
        "privacy_answers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sealed_reply", sa.LargeBinary(), nullable=False),
        sa.Column("snapshot", sa.LargeBinary(), nullable=False),
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "privacy_partitions",
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("partition", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("table_name"),
    )
    with op.batch_alter_table("reviews") as batch:
        batch.add_column(sa.Column("privacy", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("reviews") as batch:
        batch.alter_column("privacy", server_default=None)
