"""Further builds of hidden tables under an epoch's key: which one answers, and those before it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Each epoch has had one build so far."""
    with op.batch_alter_table("epochs") as batch:
        batch.add_column(sa.Column("build", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("epochs") as batch:
        batch.alter_column("build", server_default=None)
    op.create_table(
        "builds_past",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("build", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "epoch", "build"),
    )
