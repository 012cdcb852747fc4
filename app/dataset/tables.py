"""Which data folders were written, so that an erasure finds them."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime


class DatasetExport(Base):
    """One folder of reviewed cells. removed_at: since then the folder is known to be gone.

    index_sha256: of its `index.csv` as it was written; empty while it is being written.
    """

    __tablename__ = "dataset_exports"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    folder: Mapped[str] = mapped_column(sa.String(1000))
    shareable: Mapped[bool]
    cells: Mapped[int]
    index_sha256: Mapped[str] = mapped_column(sa.String(64))
    exported_by: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
