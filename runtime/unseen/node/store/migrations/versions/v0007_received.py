"""Answers computed under one contract and given under another: counted in its own budget."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What was given before is not known, and is not counted."""
    op.create_table(
        "privacy_received",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "key"),
    )
