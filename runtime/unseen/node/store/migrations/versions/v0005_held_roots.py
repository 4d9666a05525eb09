"""The root of consents by which the rows of a held answer were chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What was held before is about one subject, or about rows of an epoch."""
    with op.batch_alter_table("reviews") as batch:
        batch.add_column(
            sa.Column("consent_root", sa.String(length=64), nullable=False, server_default="")
        )
    with op.batch_alter_table("reviews") as batch:
        batch.alter_column("consent_root", server_default=None)
