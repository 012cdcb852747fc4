"""All SQL of monitoring. Drawn cases, retracted cases and voided cells are left out everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.accounts.tables import Site
from app.cases.tables import Case, CaseState, Cell, CellState, Prediction
from app.inference.scorer import ModelRef
from app.monitoring.figures import AlertLevel
from app.monitoring.tables import AlertState, Summary
from app.reviews.tables import Reading, Review
from models.classifier import PredictionLabel

Query = TypeVar("Query", bound="sa.Select[*tuple[Any, ...]]")


@dataclass(frozen=True)
class Window:
    """One site between two moments."""

    site_id: UUID
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Seen:
    """One assessed cell as drift tests read it. measurements: by name; embedding: (d,) float32."""

    case_id: UUID
    measurements: dict[str, float]
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Audited:
    """One cell of a case that has blinded verdicts, and what one model said of it."""

    case_id: UUID
    cell_id: UUID
    label: PredictionLabel
    p_malignant: float | None


class MonitoringRepository:
    """Reads the case log, and keeps what the nightly summary leaves, in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def sites(self) -> list[UUID]:
        return list(self._session.scalars(sa.select(Site.id).order_by(Site.name)))

    def days(self, window: Window) -> list[tuple[date, CellState, int]]:
        """How many files of each day are in which state."""
        day = sa.func.date(Cell.created_at)
        query = sa.select(day, Cell.state, sa.func.count()).join(Case, Case.id == Cell.case_id)
        rows = self._session.execute(
            query.where(*_counted(window, Cell.created_at)).group_by(day, Cell.state).order_by(day)
        )
        return [(_as_date(found), state, count) for found, state, count in rows]

    def refusals(self, window: Window) -> dict[str, int]:
        """Files refused or not scored, by code, most frequent first."""
        count = sa.func.count()
        rows = self._session.execute(
            sa.select(Cell.problem_code, count)
            .join(Case, Case.id == Cell.case_id)
            .where(*_counted(window, Cell.created_at), Cell.problem_code.is_not(None))
            .group_by(Cell.problem_code)
            .order_by(count.desc(), Cell.problem_code)
        )
        return {str(code): number for code, number in rows}

    def labels(self, window: Window) -> dict[ModelRef, dict[PredictionLabel, int]]:
        """Cells by the label the model alone gave, whatever their acquisition profile made of it."""
        newest = _newest()
        name, version, sha256 = Prediction.model_name, Prediction.model_version, Prediction.model_sha256
        rows = self._session.execute(
            _answered(sa.select(name, version, sha256, Prediction.model_label, sa.func.count()), window)
            .where(newest)
            .group_by(name, version, sha256, Prediction.model_label)
            .order_by(name, version, sha256)
        )
        found: dict[ModelRef, dict[PredictionLabel, int]] = {}
        for *model, label, count in rows:
            found.setdefault(ModelRef(*model), {})[label] = count
        return found

    def latencies(self, window: Window, model: ModelRef, limit: int) -> list[float]:
        """Milliseconds of the newest predictions."""
        query = _answered(sa.select(Prediction.latency_ms), window).where(
            Prediction.model_sha256 == model.sha256
        )
        return list(self._session.scalars(query.order_by(Prediction.created_at.desc()).limit(limit)))

    def assessed(self, window: Window, model: ModelRef, limit: int) -> list[Seen]:
        """The newest assessed cells, with what drift tests read."""
        query = _answered(sa.select(Cell.case_id, Cell.measurements, Prediction.embedding), window).where(
            Prediction.model_sha256 == model.sha256, Prediction.p_malignant.is_not(None), _newest()
        )
        rows = self._session.execute(query.order_by(Prediction.created_at.desc()).limit(limit))
        return [
            Seen(case_id, measurements or {}, np.frombuffer(embedding, "<f4"))
            for case_id, measurements, embedding in rows
        ]

    def audited(self, window: Window, model: ModelRef) -> list[Audited]:
        """Every cell that one model answered, of the cases with a second reading."""
        read = (
            sa.select(Cell.case_id)
            .join(Review, Review.cell_id == Cell.id)
            .where(Review.reading == Reading.SECOND)
        )
        query = _answered(
            sa.select(Cell.case_id, Cell.id, Prediction.model_label, Prediction.p_malignant), window
        ).where(Prediction.model_sha256 == model.sha256, _newest(), Cell.case_id.in_(read))
        return [
            Audited(case_id, cell_id, label, p_malignant)
            for case_id, cell_id, label, p_malignant in self._session.execute(query)
        ]

    def blinded_verdicts(self, cell_ids: Sequence[UUID]) -> list[Review]:
        """Second readings given one by one, withdrawals included."""
        return list(
            self._session.scalars(
                sa.select(Review).where(
                    Review.cell_id.in_(cell_ids), Review.reading == Reading.SECOND, Review.bulk.is_(False)
                )
            )
        )

    # --- of the whole server ---

    def cells_by_state(self) -> dict[CellState, int]:
        rows = self._session.execute(sa.select(Cell.state, sa.func.count()).group_by(Cell.state))
        return {state: count for state, count in rows}

    def predictions_by_label(self) -> dict[ModelRef, dict[PredictionLabel, int]]:
        name, version, sha256 = Prediction.model_name, Prediction.model_version, Prediction.model_sha256
        rows = self._session.execute(
            sa.select(name, version, sha256, Prediction.model_label, sa.func.count()).group_by(
                name, version, sha256, Prediction.model_label
            )
        )
        found: dict[ModelRef, dict[PredictionLabel, int]] = {}
        for *model, label, count in rows:
            found.setdefault(ModelRef(*model), {})[label] = count
        return found

    def newest_latencies(self, model: ModelRef, limit: int) -> list[float]:
        """Milliseconds."""
        query = sa.select(Prediction.latency_ms).where(Prediction.model_sha256 == model.sha256)
        return list(self._session.scalars(query.order_by(Prediction.created_at.desc()).limit(limit)))

    def alerts_by_level(self) -> dict[AlertLevel, int]:
        rows = self._session.execute(sa.select(AlertState.level, sa.func.count()).group_by(AlertState.level))
        return {level: count for level, count in rows}

    def waiting_since_before(self, moment: datetime) -> int:
        """Cells stored before a moment that nobody has scored."""
        query = sa.select(sa.func.count()).where(Cell.state == CellState.STORED, Cell.created_at < moment)
        return self._session.scalar(query) or 0

    # --- what the summary leaves ---

    def alerts(self, site_id: UUID) -> list[AlertState]:
        return list(
            self._session.scalars(
                sa.select(AlertState).where(AlertState.site_id == site_id).order_by(AlertState.watched)
            )
        )

    def newest_summary(self, site_id: UUID) -> Summary | None:
        return self._session.scalar(
            sa.select(Summary).where(Summary.site_id == site_id).order_by(Summary.day.desc()).limit(1)
        )

    def keep(self, row: Summary | AlertState) -> None:
        """Add, or replace what has the same key."""
        self._session.merge(row)
        self._session.flush()


def _counted(window: Window, moment: sa.orm.InstrumentedAttribute[datetime]) -> list[sa.ColumnElement[bool]]:
    return [
        Case.site_id == window.site_id,
        Case.drawn.is_(False),
        Case.state != CaseState.RETRACTED,
        Cell.voided_at.is_(None),
        moment >= window.since,
        moment < window.until,
    ]


def _answered(query: Query, window: Window) -> Query:
    """Over the predictions of the window."""
    joined = query.select_from(Prediction).join(Cell, Cell.id == Prediction.cell_id)
    return joined.join(Case, Case.id == Cell.case_id).where(*_counted(window, Prediction.created_at))


def _newest() -> sa.ColumnElement[bool]:
    """The last answer of a model on a cell: an acquisition profile that changed may have given another label."""
    later = sa.orm.aliased(Prediction)
    return ~sa.exists().where(
        later.cell_id == Prediction.cell_id,
        later.model_sha256 == Prediction.model_sha256,
        later.number > Prediction.number,
    )


def _as_date(found: date | str) -> date:
    """SQLite's date() is text."""
    return date.fromisoformat(found) if isinstance(found, str) else found
