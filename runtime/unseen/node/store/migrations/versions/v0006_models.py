"""What a node found in a model that is held, and which models a contract has handed in."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of what was held before nothing was kept beside it, and no model was counted."""
    with op.batch_alter_table("reviews") as batch:
        batch.add_column(sa.Column("sealed_report", sa.LargeBinary(), nullable=True))
    op.create_table(
        "judged_models",
        sa.Column("contract", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("contract", "request"),
    )
