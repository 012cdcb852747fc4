"""What the model alone said of a cell, beside what is said once the acquisition profile is weighed.

Going down loses it; a label that was held back stays held back.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("predictions", sa.Column("model_label", sa.String(32)))
    op.execute("UPDATE predictions SET model_label = label")
    # SQLite builds the table anew from what can be read of it and of those it points to; this index cannot.
    op.drop_index("ix_cases_site_id_lower_accession", "cases")
    with op.batch_alter_table("predictions") as predictions:
        predictions.alter_column("model_label", existing_type=sa.String(32), nullable=False)
        predictions.create_check_constraint(
            op.f("ck_predictions_model_label"),
            "model_label IN ('malignant', 'healthy', 'indeterminate', 'not_assessable')",
        )
    _create_accession_index()


def downgrade() -> None:
    op.drop_index("ix_cases_site_id_lower_accession", "cases")
    with op.batch_alter_table("predictions") as predictions:
        predictions.drop_constraint(op.f("ck_predictions_model_label"), type_="check")
        predictions.drop_column("model_label")
    _create_accession_index()


def _create_accession_index() -> None:
    op.create_index(
        "ix_cases_site_id_lower_accession", "cases", ["site_id", sa.text("lower(accession)"), "state"]
    )
