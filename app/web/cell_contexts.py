"""Fills the page of one cell from what the services returned; pure, so that it is tested without a server."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from app.cases.acquisition import AcquisitionProfile
from app.cases.tables import Case, Cell, CellState, Prediction
from app.reviews.view import CellReading
from app.similar.service import SimilarCells
from app.web import page_contexts as pages
from app.web.case_contexts import case_ref
from app.web.gallery_contexts import refusal_of
from app.web.measured import Range, measurement_rows
from app.web.words import READING_WORDS, VERDICT_WORDS, PredictionLabel, Tone, remark
from models.bundle import Manifest
from models.labels import Label


def cell_result(
    seen: CellReading, crop: pages.Crop | None, manifest: Manifest | None, similar: SimilarCells | None
) -> pages.CellResult:
    """crop, manifest: what the newest prediction's model saw, and what it is; None before there is one."""
    if seen.blind:
        return blinded_result(seen.case, seen.cell)
    cell, predictions = seen.cell, seen.predictions
    scale = AcquisitionProfile.of(seen.case.acquisition).micrometres_per_pixel
    return pages.CellResult(
        cell_id=str(cell.id),
        state=cell.state,
        prediction=_prediction(predictions[0], manifest) if predictions else None,
        quality=_notes(_remarks(cell, predictions), Tone.WARNING),
        measurements=measurement_rows(cell.measurements or {}, _ranges(manifest), scale),
        scaled=scale is not None,
        crop=crop,
        earlier=tuple(_earlier(row) for row in predictions[1:]),
        similar=_similar(similar) if similar else None,
        learned_from=_learned_from(similar) if similar else "",
        refusal=refusal_of(cell) if cell.state is CellState.REFUSED else None,
        failure=cell.problem_detail if cell.state is CellState.FAILED else None,
        drawn=seen.case.drawn,
    )


def blinded_result(case: Case, cell: Cell) -> pages.CellResult:
    """The picture, and nothing that a machine said or measured."""
    return pages.CellResult(
        cell_id=str(cell.id),
        state=cell.state,
        prediction=None,
        quality=(),
        measurements=(),
        crop=None,
        refusal=refusal_of(cell) if cell.state is CellState.REFUSED else None,
        drawn=case.drawn,
        blinded=True,
    )


def _prediction(row: Prediction, manifest: Manifest | None) -> pages.Prediction:
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
        conformal=_conformal(row, manifest),
    )


def _conformal(row: Prediction, manifest: Manifest | None) -> pages.ConformalSet | None:
    if row.prediction_set is None or manifest is None or manifest.conformal is None:
        return None
    malignant, healthy = manifest.conformal.malignant.alpha, manifest.conformal.healthy.alpha
    alpha = (
        f"{malignant:g}" if malignant == healthy else f"{malignant:g} for malignant, {healthy:g} for healthy"
    )
    return pages.ConformalSet(alpha, tuple(PredictionLabel(label) for label in row.prediction_set))


def _ranges(manifest: Manifest | None) -> dict[str, dict[PredictionLabel, Range]]:
    """Of the training cells, by measurement and class."""
    return {
        name: {PredictionLabel(label.value): (found.p05, found.p95) for label, found in by_class.items()}
        for name, by_class in (manifest.ranges if manifest else {}).items()
    }


def _similar(found: SimilarCells) -> tuple[pages.SimilarCell, ...]:
    return tuple(
        pages.SimilarCell(
            cell_id=str(each.cell.id),
            position=each.cell.position,
            case=case_ref(each.case),
            words=VERDICT_WORDS[each.verdict].full if each.verdict else "No verdict",
            distance=each.distance,
        )
        for each in found.site
    )


def _learned_from(found: SimilarCells) -> str:
    """The nearest cells of the training data in a sentence; the bundle carries no picture of them."""
    if not found.reference:
        return ""
    malignant = sum(each.label is Label.MALIGNANT for each in found.reference)
    people = len({each.person for each in found.reference})
    return (
        f"Of the {len(found.reference)} nearest cells the model learned from, {malignant} "
        f"{'is' if malignant == 1 else 'are'} malignant and "
        f"{len(found.reference) - malignant} healthy by their expert's label, from {people} "
        f"{'person' if people == 1 else 'people'}."
    )


def _earlier(row: Prediction) -> pages.EarlierPrediction:
    model = pages.ModelRef(row.model_name, row.model_version)
    return pages.EarlierPrediction(model, row.label, row.p_malignant, row.created_at)


def _remarks(cell: Cell, predictions: Sequence[Prediction]) -> list[str]:
    """What the decoder noticed, and the gate of the newest model; what made it refuse stands with its reasons."""
    gate = (predictions[0].quality or []) if predictions else []
    refused = predictions[0].reasons if predictions else []
    return [code for code in dict.fromkeys([*gate, *(cell.quality or [])]) if code not in refused]


def _notes(codes: Iterable[str], tone: Tone) -> tuple[pages.Note, ...]:
    return tuple(pages.Note(code, remark(code), tone) for code in codes)


def verdict_panel(
    seen: CellReading,
    *,
    reader: UUID,
    may_judge: bool,
    note: str = "",
    conflict: str | None = None,
    just_saved: bool = False,
) -> pages.VerdictPanel:
    blocked = seen.blocked
    if seen.cell.state is CellState.REFUSED:
        blocked = "The file was refused, so there is no cell to judge."
    elif not may_judge:
        blocked = "Your role lets you look. A verdict needs the role Reviewer or Admin."
    return pages.VerdictPanel(
        cell_id=str(seen.cell.id),
        seen_version=seen.seen,
        current=seen.verdict.verdict if seen.verdict else None,
        history=_history(seen),
        next_cell_id=str(seen.after) if seen.after else None,
        reader=str(reader),
        note=note,
        blocked=blocked,
        conflict=conflict,
        just_saved=just_saved,
    )


def _history(seen: CellReading) -> tuple[pages.VerdictEntry, ...]:
    """Newest first; a verdict that was taken back stays, and says so."""
    gone = {(row.reading, row.withdraws) for row in seen.rows}
    return tuple(
        pages.VerdictEntry(
            verdict=row.verdict,
            reviewer=row.author_name,
            given_at=row.created_at,
            note=row.note,
            bulk=row.bulk,
            reading=READING_WORDS[row.reading] if seen.case.second_read else "",
            withdrawn=(row.reading, row.number) in gone,
        )
        for row in reversed(seen.rows)
        if row.withdraws is None
    )
