"""Fills page contexts from what the services returned; pure, so that a page can be tested without a server."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from app.cases.repository import CaseCounts
from app.cases.tables import Case, CaseState, Cell, CellState, Prediction
from app.reviews.tables import Review
from app.web import page_contexts as pages
from app.web.gallery_contexts import refusal_of
from app.web.measured import measurement_rows
from app.web.words import Tone, remark
from models.classifier import PredictionLabel
from models.preprocessing import Preprocessing


def case_ref(case: Case) -> pages.CaseRef:
    return pages.CaseRef(str(case.id), case.accession, case.state)


def case_row(
    case: Case,
    counts: CaseCounts,
    labels: Mapping[PredictionLabel, int],
    with_verdict: int,
    created_by: str | None,
) -> pages.CaseRow:
    return pages.CaseRow(
        case=case_ref(case),
        created_at=case.created_at,
        created_by=created_by,
        cells=counts.cells - counts.refused,
        waiting=counts.stored,
        refused=counts.refused,
        labels=pages.LabelCounts(**{str(label): count for label, count in labels.items()}),
        with_verdict=with_verdict,
        drawn=case.drawn,
    )


def cases_page(
    rows: tuple[pages.CaseRow, ...],
    counts: Mapping[CaseState, int],
    search: str,
    state: CaseState | None,
    cursor: str | None,
    next_cursor: str | None,
) -> pages.CasesPage:
    """counts: cases that match the search, by state."""
    return pages.CasesPage(
        rows=rows,
        search=search,
        state=state,
        state_counts=tuple(pages.StateCount(each, counts.get(each, 0)) for each in CaseState),
        total=counts.get(state, 0) if state else sum(counts.values()),
        cursor=cursor,
        next_cursor=next_cursor,
    )


def cell_result(
    case: Case, cell: Cell, prediction: Prediction | None, recipe: Preprocessing | None
) -> pages.CellResult:
    """recipe: how the model that made the prediction cuts a cell; None before there is one."""
    return pages.CellResult(
        cell_id=str(cell.id),
        state=cell.state,
        prediction=_prediction(prediction) if prediction else None,
        quality=_notes(cell.quality or [], Tone.WARNING),
        measurements=measurement_rows(cell.measurements or {}),
        crop_px=recipe.crop_px if recipe else None,
        crop_follows_cell=recipe is not None and recipe.centre == "cell",
        refusal=refusal_of(cell) if cell.state is CellState.REFUSED else None,
        failure=cell.problem_detail if cell.state is CellState.FAILED else None,
        drawn=case.drawn,
    )


def _prediction(row: Prediction) -> pages.Prediction:
    probabilities = None
    if row.p_malignant is not None:
        probabilities = pages.Probabilities(row.p_malignant, 1 - row.p_malignant, row.band_low, row.band_high)
    return pages.Prediction(
        label=row.label,
        probabilities=probabilities,
        reasons=_notes(row.reasons, Tone.NOTE),
        model=pages.ModelRef(row.model_name, row.model_version),
        model_sha256=row.model_sha256,
        preprocessing=f"version {row.preprocessing_version}, engine {row.engine}",
        predicted_at=row.created_at,
    )


def _notes(codes: Iterable[str], tone: Tone) -> tuple[pages.Note, ...]:
    return tuple(pages.Note(code, remark(code), tone) for code in codes)


def verdict_panel(
    cell: Cell,
    history: list[Review],
    next_cell_id: UUID | None,
    *,
    may_judge: bool,
    note: str = "",
    conflict: str | None = None,
    just_saved: bool = False,
) -> pages.VerdictPanel:
    """history: oldest first, as the service gives it."""
    blocked = None
    if cell.state is CellState.REFUSED:
        blocked = "The file was refused, so there is no cell to judge."
    elif not may_judge:
        blocked = "Your role lets you look. A verdict needs the role Reviewer or Admin."
    return pages.VerdictPanel(
        cell_id=str(cell.id),
        seen_version=history[-1].number if history else 0,
        history=tuple(
            pages.VerdictEntry(review.verdict, review.author_name, review.created_at, review.note)
            for review in reversed(history)
        ),
        next_cell_id=str(next_cell_id) if next_cell_id else None,
        note=note,
        blocked=blocked,
        conflict=conflict,
        just_saved=just_saved,
    )
