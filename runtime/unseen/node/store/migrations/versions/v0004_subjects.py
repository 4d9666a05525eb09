"""Distinct subjects that buyers asked about in the clear."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Counting begins here: who was asked about before is not known any more."""
    op.create_table(
        "asked_subjects",
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("buyer", sa.String(length=40), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "buyer", "commitment"),
        sa.UniqueConstraint("table_name", "buyer", "number", name="asked_subjects_number"),
    )
