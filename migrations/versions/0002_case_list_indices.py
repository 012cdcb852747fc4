"""Indices of the case list: search by start of the accession, filter by state, counts without the rows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _set_accession_collation("C")
    op.create_index("ix_cases_site_id_state_created_at_id", "cases", ["site_id", "state", "created_at", "id"])
    op.create_index(
        "ix_cases_site_id_lower_accession", "cases", ["site_id", sa.text("lower(accession)"), "state"]
    )
    op.create_index("ix_cells_case_id_state_id", "cells", ["case_id", "state", "id"])
    op.create_index(
        "ix_predictions_cell_id_created_at_label", "predictions", ["cell_id", "created_at", "label"]
    )


def downgrade() -> None:
    op.drop_index("ix_predictions_cell_id_created_at_label", "predictions")
    op.drop_index("ix_cells_case_id_state_id", "cells")
    op.drop_index("ix_cases_site_id_lower_accession", "cases")
    op.drop_index("ix_cases_site_id_state_created_at_id", "cases")
    _set_accession_collation("default")


def _set_accession_collation(collation: str) -> None:
    """PostgreSQL's only: SQLite compares bytes anyway."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("cases", "accession", type_=sa.String(64, collation=collation))
