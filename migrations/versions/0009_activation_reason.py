"""Why a model was activated."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "activations", sa.Column("reason", sa.String(length=500), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("activations", "reason")
