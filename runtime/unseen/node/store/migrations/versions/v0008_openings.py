"""Rounds whose sum a lead has opened: a clause has few of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. No node has led a round before."""
    op.create_table(
        "privacy_openings",
        sa.Column("clause", sa.String(length=64), nullable=False),
        sa.Column("transcript", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("clause", "transcript"),
    )
