"""Acquisition profile, identifiers, reuse, second reading, undone verdicts, voided cells, signatures.

Going down loses them all: verdicts of a second reading and adjudications, withdrawals (a verdict that was taken back
stands again), and later labels of one model's answer are deleted; a signed case is in review again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATES = ("open", "scored", "in_review")
_READINGS = ("first", "second", "adjudication")


def upgrade() -> None:
    _drop_accession_index()
    _alter_cases_up()
    with op.batch_alter_table("cells") as cells:
        cells.add_column(sa.Column("voided_at", sa.DateTime(timezone=True)))
        cells.add_column(sa.Column("voided_by", sa.Uuid()))
        cells.add_column(sa.Column("void_reason", sa.String(500)))
    op.create_index("ix_cells_image_sha256", "cells", ["image_sha256"])
    with op.batch_alter_table("predictions") as predictions:
        predictions.add_column(sa.Column("number", sa.Integer(), server_default="1", nullable=False))
        predictions.drop_constraint(op.f("uq_predictions_cell_id_model_sha256"), type_="unique")
        predictions.create_unique_constraint(
            op.f("uq_predictions_cell_id_model_sha256_number"), ["cell_id", "model_sha256", "number"]
        )
    with op.batch_alter_table("reviews") as reviews:
        reviews.add_column(sa.Column("reading", sa.String(32), server_default="first", nullable=False))
        reviews.add_column(sa.Column("bulk", sa.Boolean(), server_default=sa.false(), nullable=False))
        reviews.add_column(sa.Column("withdraws", sa.Integer()))
        reviews.drop_constraint(op.f("uq_reviews_cell_id_number"), type_="unique")
        reviews.create_unique_constraint(
            op.f("uq_reviews_cell_id_reading_number"), ["cell_id", "reading", "number"]
        )
        reviews.create_check_constraint(op.f("ck_reviews_reading"), _one_of("reading", _READINGS))
    _create_accession_index()
    _create_tables()


def downgrade() -> None:
    _drop_accession_index()
    for table in ("sign_offs", "site_acquisitions", "sightings", "reuse_permissions"):
        op.drop_table(table)
    op.execute("DELETE FROM reviews WHERE reading <> 'first' OR withdraws IS NOT NULL")
    with op.batch_alter_table("reviews") as reviews:
        reviews.drop_constraint(op.f("ck_reviews_reading"), type_="check")
        reviews.drop_constraint(op.f("uq_reviews_cell_id_reading_number"), type_="unique")
        for column in ("reading", "bulk", "withdraws"):
            reviews.drop_column(column)
        reviews.create_unique_constraint(op.f("uq_reviews_cell_id_number"), ["cell_id", "number"])
    op.execute("DELETE FROM predictions WHERE number > 1")
    with op.batch_alter_table("predictions") as predictions:
        predictions.drop_constraint(op.f("uq_predictions_cell_id_model_sha256_number"), type_="unique")
        predictions.drop_column("number")
        predictions.create_unique_constraint(
            op.f("uq_predictions_cell_id_model_sha256"), ["cell_id", "model_sha256"]
        )
    op.drop_index("ix_cells_image_sha256", "cells")
    for column in ("voided_at", "voided_by", "void_reason"):
        op.drop_column("cells", column)
    _alter_cases_down()
    _create_accession_index()


def _alter_cases_up() -> None:
    with op.batch_alter_table("cases") as cases:
        cases.drop_constraint(op.f("ck_cases_case_state"), type_="check")
        for column in ("subject_ref", "specimen_id", "placer_order", "filler_order"):
            cases.add_column(sa.Column(column, sa.String(64)))
        cases.add_column(sa.Column("notes", sa.String(2000), server_default="", nullable=False))
        cases.add_column(sa.Column("acquisition", sa.JSON()))
        cases.add_column(sa.Column("second_read", sa.Boolean(), server_default=sa.false(), nullable=False))
        cases.add_column(sa.Column("readings_closed_at", sa.DateTime(timezone=True)))
        cases.create_check_constraint(
            op.f("ck_cases_case_state"), _one_of("state", (*_STATES, "signed", "amended", "retracted"))
        )


def _alter_cases_down() -> None:
    op.execute("UPDATE cases SET state = 'in_review' WHERE state IN ('signed', 'amended', 'retracted')")
    with op.batch_alter_table("cases") as cases:
        cases.drop_constraint(op.f("ck_cases_case_state"), type_="check")
        for column in (
            "subject_ref",
            "specimen_id",
            "placer_order",
            "filler_order",
            "notes",
            "acquisition",
            "second_read",
            "readings_closed_at",
        ):
            cases.drop_column(column)
        cases.create_check_constraint(op.f("ck_cases_case_state"), _one_of("state", _STATES))


def _drop_accession_index() -> None:
    """SQLite builds a table anew from what can be read of the old one and of those it points to; an index on an
    expression cannot.
    """
    op.drop_index("ix_cases_site_id_lower_accession", "cases")


def _create_accession_index() -> None:
    op.create_index(
        "ix_cases_site_id_lower_accession", "cases", ["site_id", sa.text("lower(accession)"), "state"]
    )


def _create_tables() -> None:
    op.create_table(
        "reuse_permissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reuse", sa.String(32), nullable=False),
        sa.Column("basis", sa.String(500), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reuse_permissions_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reuse_permissions")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_reuse_permissions_case_id_number")),
        sa.CheckConstraint(
            _one_of("reuse", ("none", "local_training", "shareable")), name=op.f("ck_reuse_permissions_reuse")
        ),
    )
    op.create_table(
        "sightings",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sightings_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", "person_id", name=op.f("pk_sightings")),
    )
    op.create_table(
        "site_acquisitions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("acquisition", sa.JSON(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_site_acquisitions_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_acquisitions")),
        sa.UniqueConstraint("site_id", "number", name=op.f("uq_site_acquisitions_site_id_number")),
    )
    op.create_table(
        "sign_offs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("meaning", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sign_offs_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_offs")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_sign_offs_case_id_number")),
        sa.CheckConstraint(
            _one_of("kind", ("sign", "amend", "retract")), name=op.f("ck_sign_offs_sign_off_kind")
        ),
    )


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"
