"""Fills page contexts from what the services returned; pure, so that a page can be tested without a server."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.cases.repository import CaseCounts
from app.cases.tables import Case, CaseState, Cell, CellState, Prediction
from app.registry.service import Activated
from app.reviews.tables import Review
from app.web import page_contexts as pages
from app.web.card import card_blocks
from app.web.measured import measurement_rows
from app.web.words import ModelState, Tone, Verification, refusal_title, remark
from models.bundle import Bundle, Interval, Manifest
from models.classifier import PredictionLabel
from models.preprocessing import Preprocessing

TILES_A_PAGE = 120
"""About 100 KB of page; the pictures come on their own."""

METRIC_NAMES = {
    "auroc": "AUROC",
    "weighted_f1": "Weighted F1",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity (malignant)",
    "specificity": "Specificity (healthy)",
    "ece": "Expected calibration error",
    "brier": "Brier score",
}


@dataclass(frozen=True)
class CaseView:
    """One case with everything its pages show."""

    case: Case
    cells: list[Cell]
    predictions: Mapping[UUID, Prediction]
    verdicts: Mapping[UUID, Review]
    created_by: str | None


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


def case_page(view: CaseView, offset: int, *, can_upload: bool) -> pages.CasePage:
    return pages.CasePage(
        case=case_ref(view.case),
        created_at=view.case.created_at,
        created_by=view.created_by,
        can_upload=can_upload,
        drawn=view.case.drawn,
        has_acquisition_profile=False,
        gallery=gallery(view, offset),
    )


def gallery(view: CaseView, offset: int = 0) -> pages.Gallery:
    """The counts are over the whole case, the tiles over one page of it from `offset` on."""
    shown = [cell for cell in view.cells if cell.state is not CellState.REFUSED]
    labels = Counter(str(view.predictions[cell.id].label) for cell in shown if cell.id in view.predictions)
    verdicts = Counter(
        str(view.verdicts[cell.id].verdict) if cell.id in view.verdicts else "none" for cell in shown
    )
    return pages.Gallery(
        case_id=str(view.case.id),
        state=view.case.state,
        tiles=tuple(_tile(cell, view) for cell in shown[offset : offset + TILES_A_PAGE]),
        refused=tuple(
            pages.RefusedCell(cell.position, _refusal(cell))
            for cell in view.cells
            if cell.state is CellState.REFUSED
        ),
        cells=len(shown),
        waiting=sum(cell.state is CellState.STORED for cell in shown),
        failed=sum(cell.state is CellState.FAILED for cell in shown),
        labels=pages.LabelCounts(**labels),
        verdicts=pages.VerdictCounts(**verdicts),
        cursor=str(offset) if offset else None,
        next_cursor=str(offset + TILES_A_PAGE) if offset + TILES_A_PAGE < len(shown) else None,
    )


def _tile(cell: Cell, view: CaseView) -> pages.Tile:
    prediction, review = view.predictions.get(cell.id), view.verdicts.get(cell.id)
    return pages.Tile(
        cell_id=str(cell.id),
        position=cell.position,
        state=cell.state,
        label=prediction.label if prediction else None,
        malignant=prediction.p_malignant if prediction else None,
        verdict=review.verdict if review else None,
        drawn=view.case.drawn,
    )


def _refusal(cell: Cell) -> pages.Refusal:
    code = cell.problem_code or ""
    return pages.Refusal(code, refusal_title(code), cell.problem_detail or "")


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
        refusal=_refusal(cell) if cell.state is CellState.REFUSED else None,
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


def model_row(entry: Activated, manifest: Manifest | None) -> pages.ModelRow:
    """manifest: None when the bundle no longer verifies."""
    return pages.ModelRow(
        model=pages.ModelRef(entry.model.name, entry.model.version),
        architecture=_architecture(manifest) if manifest else "unknown",
        state=model_state(entry),
        verification=Verification.VERIFIED if manifest else Verification.FAILED,
        created_at=manifest.created_at if manifest else None,
        sha256=entry.model.sha256,
        headline=_headline(manifest) if manifest else "The files of this bundle are not the registered ones.",
    )


def model_state(entry: Activated) -> ModelState:
    if entry.active:
        return ModelState.ACTIVE
    return ModelState.RETIRED if entry.was_active else ModelState.CANDIDATE


def model_page(entry: Activated, bundle: Bundle | None, trouble: str | None) -> pages.ModelPage:
    """bundle: None when it does not verify; then `trouble` says why."""
    manifest = bundle.manifest if bundle else None
    return pages.ModelPage(
        model=pages.ModelRef(entry.model.name, entry.model.version),
        state=model_state(entry),
        sha256=entry.model.sha256,
        verification=Verification.VERIFIED if bundle else Verification.FAILED,
        verified_at=None,
        verification_detail=trouble,
        facts=_facts(manifest) if manifest else (),
        metrics=_metrics(manifest) if manifest else (),
        metrics_note=_metrics_note(manifest) if manifest else "",
        card=card_blocks(bundle.card) if bundle else (),
    )


def _architecture(manifest: Manifest) -> str:
    blocks = manifest.architecture.blocks
    suffix = f", {blocks} of 5 blocks" if manifest.architecture.name.startswith("vgg") and blocks < 5 else ""
    return manifest.architecture.name.upper() + suffix


def _headline(manifest: Manifest) -> str:
    figures = manifest.procedure or manifest.these_weights
    if figures is None or "auroc" not in figures.metrics:
        return "No figures"
    auroc = figures.metrics["auroc"]
    return f"AUROC {auroc.value:.3f} ({auroc.low:.3f} to {auroc.high:.3f}), {figures.description}"


def _facts(manifest: Manifest) -> tuple[pages.Fact, ...]:
    recipe, origin = manifest.preprocessing, manifest.origin
    where = "around the cell" if recipe.centre == "cell" else "from the middle"
    facts = {
        "Architecture": _architecture(manifest),
        "Input": f"{recipe.crop_px} px cut {where}, {recipe.output_px} px shown to the network",
        "Pooling": manifest.head.pooling.replace("_", " "),
        "Fused measurements": str(len(manifest.head.fusion)) if manifest.head.fusion else "none",
        "Calibrated at": f"{manifest.calibration.malignant_prevalence:.0%} malignant cells",
        "Indeterminate band": f"{manifest.band.low:.3f} to {manifest.band.high:.3f}",
        "Novelty limit": f"{manifest.novelty.limit:g}, with {manifest.novelty.kept_share:.0%} of held-out cells within"
        if manifest.novelty
        else "none",
        "Training data": f"{origin.data}; {origin.cells} cells of {origin.leak_groups} leak groups",
        "Split": origin.split,
        "Starting weights": origin.starting_weights,
        "Made by": origin.command,
        "Citation": origin.citation,
        "Licence": manifest.licence,
    }
    return tuple(pages.Fact(name, value) for name, value in facts.items())


def _metrics(manifest: Manifest) -> tuple[pages.MetricRow, ...]:
    procedure = manifest.procedure.metrics if manifest.procedure else {}
    weights = manifest.these_weights.metrics if manifest.these_weights else {}
    return tuple(
        pages.MetricRow(words, _estimate(procedure.get(name)), _estimate(weights.get(name)))
        for name, words in METRIC_NAMES.items()
        if name in procedure or name in weights
    )


def _estimate(interval: Interval | None) -> pages.Estimate | None:
    return pages.Estimate(interval.value, interval.low, interval.high) if interval else None


def _metrics_note(manifest: Manifest) -> str:
    parts = [
        f"{title}: {figures.description}, {figures.cells} cells of {figures.malignant_groups} malignant and "
        f"{figures.healthy_groups} healthy leak groups."
        for title, figures in (("Procedure", manifest.procedure), ("These weights", manifest.these_weights))
        if figures is not None
    ]
    return " ".join([*parts, "Intervals: 95 %, bootstrap over leak groups, stratified by class."])
