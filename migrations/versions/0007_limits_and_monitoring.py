"""Prediction sets and gate remarks with each prediction; what the nightly summary leaves behind."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("predictions", sa.Column("prediction_set", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("predictions", sa.Column("quality", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "monitoring_summaries",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_monitoring_summaries_site_id_sites")
        ),
        sa.PrimaryKeyConstraint("site_id", "day", name=op.f("pk_monitoring_summaries")),
    )
    op.create_table(
        "monitoring_alerts",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("watched", sa.String(length=120), nullable=False),
        sa.Column(
            "level",
            sa.Enum(
                "quiet",
                "watch",
                "alert",
                name="alert_level",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sentence", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_monitoring_alerts_site_id_sites")),
        sa.PrimaryKeyConstraint("site_id", "watched", name=op.f("pk_monitoring_alerts")),
    )


def downgrade() -> None:
    op.drop_table("monitoring_alerts")
    op.drop_table("monitoring_summaries")
    op.drop_column("predictions", "quality")
    op.drop_column("predictions", "prediction_set")
