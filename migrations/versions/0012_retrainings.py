"""The history of retrainings, and who let an inconclusive one pass."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retrainings",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("champion", sa.String(length=90), nullable=False),
        sa.Column("champion_sha256", sa.String(length=64), nullable=False),
        sa.Column("challenger", sa.String(length=90), nullable=False),
        sa.Column("challenger_sha256", sa.String(length=64), nullable=True),
        sa.Column("snapshot_sha256", sa.String(length=64), nullable=False),
        sa.Column("new_cells", sa.Integer(), nullable=False),
        sa.Column("reviewed_cells", sa.Integer(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "passed",
                "inconclusive",
                "refused",
                name="gate_verdict",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("sensitivity", sa.Double(), nullable=False),
        sa.Column("sensitivity_floor", sa.Double(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_retrainings")),
    )
    op.create_table(
        "retraining_overrides",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_admin_id", sa.Uuid(), nullable=False),
        sa.Column("first_admin", sa.String(length=100), nullable=False),
        sa.Column("second_admin_id", sa.Uuid(), nullable=False),
        sa.Column("second_admin", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"], ["retrainings.number"], name=op.f("fk_retraining_overrides_number_retrainings")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_retraining_overrides")),
    )


def downgrade() -> None:
    op.drop_table("retraining_overrides")
    op.drop_table("retrainings")
