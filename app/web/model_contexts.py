"""Fills page contexts from what the services returned; pure, so that a page can be tested without a server."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TypeVar

from app.registry.service import Activated
from app.registry.tables import Activation, RegisteredModel
from app.retraining.tables import Retraining, RetrainingOverride
from app.web import page_contexts as pages
from app.web.markdown import markdown
from app.web.words import ModelState, Verification
from models.bundle import Bundle, Interval, Manifest
from models.head import HeadSpec
from models.metrics import METRIC_NAMES

Line = TypeVar("Line")

PLOT_WORDS = {
    "procedure": "The procedure, out of fold: ROC curves, reliability, predictions by true class",
    "these_weights": "These weights, test part: ROC curves, reliability, predictions by true class",
    "training": "Loss and AUROC while the weights were fitted",
}


def model_ref(model: RegisteredModel) -> pages.ModelRef:
    return pages.ModelRef(model.name, model.version)


def activation_rows(
    activations: list[tuple[Activation, RegisteredModel]],
) -> tuple[pages.ActivationRow, ...]:
    return tuple(
        pages.ActivationRow(
            model_ref(model), activation.activated_at, activation.activated_by, activation.reason
        )
        for activation, model in activations
    )


def retraining_rows(
    history: list[tuple[Retraining, RetrainingOverride | None]],
) -> tuple[pages.RetrainingRow, ...]:
    return tuple(
        pages.RetrainingRow(
            number=row.number,
            at=row.finished_at,
            champion=row.champion,
            challenger=row.challenger,
            learned_from=f"{row.new_cells} new cells"
            + (f"; {row.reviewed_cells} reviewed ones were offered" if row.reviewed_cells else ""),
            snapshot=row.snapshot_sha256,
            verdict=row.verdict,
            reasons=tuple(row.reasons),
            let_pass_by=f"{override.first_admin} and {override.second_admin}" if override else "",
        )
        for row, override in history
    )


def model_row(entry: Activated, manifest: Manifest | None) -> pages.ModelRow:
    """manifest: None when the bundle no longer verifies."""
    return pages.ModelRow(
        model=model_ref(entry.model),
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


def model_page(
    entry: Activated,
    bundle: Bundle | None,
    damage: str | None,
    activations: list[tuple[Activation, RegisteredModel]],
    *,
    may_manage: bool,
    trouble: str | None = None,
    reason: str = "",
) -> pages.ModelPage:
    """bundle: None when it does not verify; then `damage` says why. activations: of all models."""
    manifest = bundle.manifest if bundle else None
    return pages.ModelPage(
        model=model_ref(entry.model),
        state=model_state(entry),
        sha256=entry.model.sha256,
        verification=Verification.VERIFIED if bundle else Verification.FAILED,
        verified_at=None,
        verification_detail=damage,
        facts=_facts(manifest) if manifest else (),
        metrics=_metrics(manifest) if manifest else (),
        metrics_note=_metrics_note(manifest) if manifest else "",
        plots=_plots(manifest) if manifest else (),
        card=markdown(bundle.card, deeper=2) if bundle else None,
        activations=activation_rows([row for row in activations if row[1].id == entry.model.id]),
        may_activate=may_manage and bundle is not None and not entry.active,
        trouble=trouble,
        reason=reason,
    )


def comparison_page(
    left: tuple[Activated, Manifest], right: tuple[Activated, Manifest], choices: list[RegisteredModel]
) -> pages.ModelComparisonPage:
    """Two bundles whose files verify."""
    (_, first), (_, second) = left, right
    return pages.ModelComparisonPage(
        left=_compared(*left),
        right=_compared(*right),
        metrics=tuple(
            pages.ComparedMetric(name, here, there)
            for name, here, there in _paired(
                {row.name: row for row in _metrics(first)}, {row.name: row for row in _metrics(second)}
            )
        ),
        facts=tuple(
            pages.ComparedFact(name, here.value if here else "", there.value if there else "")
            for name, here, there in _paired(
                {fact.name: fact for fact in _facts(first)}, {fact.name: fact for fact in _facts(second)}
            )
        ),
        choices=tuple(model_ref(model) for model in choices),
    )


def _compared(entry: Activated, manifest: Manifest) -> pages.Compared:
    return pages.Compared(model_ref(entry.model), model_state(entry), _metrics_note(manifest))


def _paired(
    left: Mapping[str, Line], right: Mapping[str, Line]
) -> Iterator[tuple[str, Line | None, Line | None]]:
    """Both sides by name: those of the left in its order, then what only the right has."""
    for name in {**left, **right}:
        yield name, left.get(name), right.get(name)


def _plots(manifest: Manifest) -> tuple[pages.Plot, ...]:
    files = [PurePosixPath(path) for path in manifest.report_pictures()]
    return tuple(
        pages.Plot(file.name, PLOT_WORDS.get(file.stem, file.stem.replace("_", " ").capitalize()))
        for file in files
    )


def _architecture(manifest: Manifest) -> str:
    blocks = manifest.architecture.blocks
    suffix = f", {blocks} of 5 blocks" if manifest.architecture.name.startswith("vgg") and blocks < 5 else ""
    suffix += ", two levels read" if manifest.architecture.levels == 2 else ""
    networks = f", mean of {manifest.members} networks" if manifest.members > 1 else ""
    return manifest.architecture.name.upper() + suffix + networks


def _headline(manifest: Manifest) -> str:
    figures = manifest.procedure or manifest.these_weights
    if figures is None or "auroc" not in figures.metrics:
        return "No figures"
    auroc = figures.metrics["auroc"]
    return f"AUROC {auroc.value:.3f} ({auroc.low:.3f} to {auroc.high:.3f}), {figures.description}"


def _fused(head: HeadSpec) -> str:
    if not head.fusion:
        return "none"
    return f"{len(head.fusion)}, also through {head.trees} trees" if head.trees else str(len(head.fusion))


def _facts(manifest: Manifest) -> tuple[pages.Fact, ...]:
    recipe, origin = manifest.preprocessing, manifest.origin
    where = "around the cell" if recipe.centre == "cell" else "from the middle"
    facts = {
        "Architecture": _architecture(manifest),
        "Input": f"{recipe.crop_px} px cut {where}, {recipe.output_px} px shown to the network",
        "Pooling": manifest.head.pooling.replace("_", " "),
        "Fused measurements": _fused(manifest.head),
        "Calibrated at": f"{manifest.calibration.malignant_prevalence:.0%} malignant cells",
        "Indeterminate band": f"{manifest.band.low:.3f} to {manifest.band.high:.3f}",
        "Unlike the training cells": _novelty(manifest),
        "Prediction sets": _sets(manifest),
        "Quality gate": f"{len(manifest.quality)} values, limits of the training cells"
        if manifest.quality
        else "none",
        "Training data": f"{origin.data}; {origin.cells} cells of {origin.leak_groups} leak groups",
        "Split": origin.split,
        "Starting weights": origin.starting_weights,
        "Made by": origin.command,
        "Citation": origin.citation,
        "Licence": manifest.licence,
    }
    return tuple(pages.Fact(name, value) for name, value in facts.items())


def _novelty(manifest: Manifest) -> str:
    novelty = manifest.novelty
    if novelty is None:
        return "not noticed"
    return f"noticed; {novelty.kept_share:.1%} of the cells of {novelty.kept_groups} held-out people pass"


def _sets(manifest: Manifest) -> str:
    limits = manifest.conformal
    if limits is None:
        return "none"
    return ", ".join(
        f"{label} ruled out below {limit.least:.3f} (alpha {limit.alpha:g}, {limit.groups} leak groups)"
        for label, limit in (("malignant", limits.malignant), ("healthy", limits.healthy))
    )


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
