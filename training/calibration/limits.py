"""What a bundle knows of its limits: gate, distances, prediction sets, reference set.

The gate's limits and the training cells' place come from the cells that were learned from. How far out cells of other
people still belong, and the prediction sets, come from people who were not: those of the folds
(`training.calibration.out_of_fold`), or, where no folds were trained, the val part and a head that never saw the person.
"""

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from models.bundle import Arrays, ClassRanges, Range
from models.conformal import ConformalLimits, fit_limit
from models.labels import Label
from models.measurements import MEASUREMENTS
from models.neighbours import NeighbourSearch
from models.novelty import Distances, NoveltyDetector, NoveltyLimits, fit_novelty
from models.preprocessing import Floats
from models.quality import INSPECTIONS, Limits, QualityLimits
from models.reference import reference_arrays
from training.calibration.calibrate import cross_fitted
from training.cells.sampling import spread
from training.fitting.head_fit import fit_head, head_margin
from training.fitting.initial_weights import rounded
from training.fitting.prepare import PreparedCells
from training.profiles import HeadRecipe
from training.runs import Run

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

ALPHA = {Label.MALIGNANT: 0.05, Label.HEALTHY: 0.10}
KEPT = 0.993
"""Share of held-out people's cells that each distance alone lets through. Four of them and the gate together are to stop at
most 3 % of an unseen person's cells: 2.7 % out of fold, 5,433 cells, profiles `frozen` and `honest_cells` (`evaluate`).
Chosen on such figures."""

NEIGHBOUR = 5
OPEN_LIMITS = NoveltyLimits(
    relative=0, neighbours=1, measurements=1, texture=1, neighbour=NEIGHBOUR, kept_share=1, kept_groups=1
)
"""For measuring distances before there are limits."""

MARGIN = 0.05
"""How far beyond the training cells the gate reaches, as a share of their range."""


@dataclass(frozen=True)
class Watched:
    """One value the gate looks at, and what it means to lie below or above; `margin` as `MARGIN`."""

    name: str
    below: str | None
    above: str | None
    margin: float = MARGIN


WATCHED = (
    Watched("equivalent_diameter_px", "size_outside_training_range", "size_outside_training_range"),
    Watched("main_part_share", "several_separate_parts", None),
    Watched("solidity", "several_cells_or_not_segmented", None),
    Watched("frame_share", None, "cell_cut_by_the_frame", 0.5),
    Watched("lost_share", None, "cell_outside_the_crop", 0.25),
    Watched("sharpness", "out_of_focus", "texture_outside_training_range", 0.15),
    Watched("band_1px", "out_of_focus", "texture_outside_training_range", 0.15),
    Watched("brightness", "under_exposed", "over_exposed"),
    Watched("hue_mean", "stain_outside_training_range", "stain_outside_training_range"),
    Watched("saturation_mean", "stain_outside_training_range", "stain_outside_training_range"),
    Watched("lab_a_mean", "stain_outside_training_range", "stain_outside_training_range"),
    Watched("lab_b_mean", "stain_outside_training_range", "stain_outside_training_range"),
    Watched("blockiness", None, "jpeg_artefacts", 0.5),
    Watched("rim_ratio", "outline_fades", None, 0.25),
    Watched("veil_share", None, "background_not_black", 20.0),
)
"""JPEG is accepted with a remark, so the three that notice it reach far."""

NO_CELL_SHARE = 0.5
"""A foreground below this much of the smallest usual diameter is no cell at all."""


@dataclass(frozen=True)
class Observed:
    """What a bundle's own engine and the measurements say of labelled cells.

    embeddings (n, d), measurements (n, len(MEASUREMENTS)), inspections (n, len(INSPECTIONS)): float32. malignant:
    (n,) bool. groups, parts: (n,) leak groups, and `train` or `val`. folds: (n,) cv_fold.
    """

    embeddings: Floats
    measurements: Floats
    inspections: Floats
    malignant: Bools
    groups: npt.NDArray[np.str_]
    parts: npt.NDArray[np.str_]
    folds: npt.NDArray[np.int_]

    def where(self, kept: Bools) -> "Observed":
        """Some of the cells."""
        return Observed(**{name: values[kept] for name, values in vars(self).items()})


@dataclass(frozen=True)
class FittedLimits:
    """Fields of a manifest, and the arrays of its statistics file."""

    quality: QualityLimits
    novelty: NoveltyLimits
    conformal: ConformalLimits | None
    ranges: ClassRanges
    statistics: Arrays

    @property
    def fields(self) -> dict[str, object]:
        """What the manifest takes."""
        return {name: value for name, value in vars(self).items() if name != "statistics"}


def observed_rows(
    run: Run, prepared: PreparedCells, rows: npt.NDArray[np.intp], embeddings: Floats
) -> Observed:
    """Some of a run's cells. embeddings: (len(rows), d)."""
    return Observed(
        embeddings=embeddings,
        measurements=np.asarray(prepared.measurements[rows]),
        inspections=np.asarray(prepared.inspections[rows]),
        malignant=run.malignant[rows],
        groups=run.groups[rows],
        parts=np.array([run.cells[row].split for row in rows]),
        folds=np.array([run.cells[row].cv_fold for row in rows]),
    )


def fit_limits(observed: Observed, *, recipe: HeadRecipe) -> FittedLimits:
    """Fit everything without folds.

    Args:
        observed: train and val cells, none of the test part.
        recipe: of the head, as it was fitted.
    """
    train, val = observed.where(observed.parts == "train"), observed.where(observed.parts == "val")
    statistics = learned_statistics(train)
    return FittedLimits(
        quality=fit_gate(train.measurements, train.inspections),
        novelty=fit_distances(val, statistics),
        conformal=fit_sets(observed, recipe=recipe),
        ranges=fit_ranges(train.measurements, train.malignant),
        statistics=statistics,
    )


REFERENCE_CELLS = 120
"""Of each leak group at most so many are in the reference set: more of one person show little that is new, and weigh."""


def learned_statistics(learned: Observed) -> Arrays:
    """Where the cells lie that were learned from, and the reference set."""
    kept = spread(np.arange(len(learned.groups)), learned.groups, REFERENCE_CELLS)
    return fit_novelty(learned.embeddings, learned.measurements, learned.malignant) | reference_arrays(
        learned.embeddings[kept], learned.measurements[kept], learned.malignant[kept], learned.groups[kept]
    )


def detector_of(statistics: Arrays) -> NoveltyDetector:
    """The detector that serves these statistics, without limits."""
    search = NeighbourSearch(statistics["reference__embedding"], statistics["novelty__scale"])
    return NoveltyDetector(statistics, search, OPEN_LIMITS)


def fit_gate(measurements: Floats, inspections: Floats) -> QualityLimits:
    """Where the training cells' values lie, and how far beyond a cell can still be assessed."""
    columns = dict(zip((*MEASUREMENTS, *INSPECTIONS), np.hstack([measurements, inspections]).T, strict=True))
    gate: dict[str, list[Limits]] = {}
    for watched in WATCHED:
        gate.setdefault(watched.name, []).extend(_limits(watched, columns[watched.name]))
    smallest = gate["equivalent_diameter_px"][0].lowest
    assert smallest is not None
    no_cell = Limits(reason="no_cell", lowest=_round(smallest * NO_CELL_SHARE))
    gate["equivalent_diameter_px"].insert(0, no_cell)
    return {name: tuple(limits) for name, limits in gate.items()}


def _limits(watched: Watched, values: Floats) -> list[Limits]:
    lowest, low, high, highest = (float(np.quantile(values, share)) for share in (0.001, 0.005, 0.995, 0.999))
    if watched.below is None or watched.above is None:  # a share, usually at its one end
        lowest, highest = float(values.min()), float(values.max())
    reach = watched.margin * (highest - lowest)
    below = {"lowest": _round(lowest - reach), "low": _round(low)}
    above = {"high": _round(high), "highest": _round(highest + reach)}
    if watched.below == watched.above and watched.below is not None:
        return [Limits(reason=watched.below, **below, **above)]
    sides = ((watched.below, below), (watched.above, above))
    return [Limits(reason=reason, **bounds) for reason, bounds in sides if reason is not None]


def fit_distances(val: Observed, statistics: Arrays) -> NoveltyLimits:
    """How far cells of people nothing was fitted to lie from the training cells, a few left out."""
    return farthest_kept(distances_of(detector_of(statistics), val), val.groups)


def farthest_kept(found: Doubles, groups: npt.NDArray[np.str_]) -> NoveltyLimits:
    """Limits that each let `KEPT` of held-out people's cells through.

    Args:
        found: (n, 4) their `distances_of`. groups: (n,) leak groups.
    """
    limits = np.quantile(found, KEPT, axis=0)
    return NoveltyLimits(
        relative=_round(limits[0]),
        neighbours=_round(limits[1]),
        measurements=_round(limits[2]),
        texture=_round(limits[3]),
        neighbour=NEIGHBOUR,
        kept_share=_round((found <= limits).all(axis=1).mean()),
        kept_groups=len(set(groups.tolist())),
    )


def distances_of(detector: NoveltyDetector, observed: Observed) -> Doubles:
    """(n, 4): relative, neighbours, measurements, texture."""
    found: list[Distances] = [
        detector.distances(embedding, dict(zip(MEASUREMENTS, map(float, values), strict=True)))
        for embedding, values in zip(observed.embeddings, observed.measurements, strict=True)
    ]
    return np.array([astuple(each) for each in found])


def fit_sets(observed: Observed, *, recipe: HeadRecipe) -> ConformalLimits | None:
    """Cross-conformal limits over `cv_fold`; None where the folds do not allow a head without the person."""
    p_malignant = cross_fitted_head(observed, recipe=recipe)
    scored = np.isfinite(p_malignant)
    if len(set(observed.malignant[scored].tolist())) < 2:
        return None
    return class_limits(
        p_malignant[scored],
        observed.malignant[scored],
        observed.groups[scored],
        fitted_on=(
            "train and val part, head and calibration refitted without each cv_fold in turn; "
            "the convolutions have seen the train part"
        ),
    )


def class_limits(
    p_malignant: Doubles, malignant: Bools, groups: npt.NDArray[np.str_], *, fitted_on: str
) -> ConformalLimits:
    """One limit a class. p_malignant, malignant, groups: (n,), scored by a model without their person."""
    p_true = {Label.MALIGNANT: p_malignant[malignant], Label.HEALTHY: 1.0 - p_malignant[~malignant]}
    people = {Label.MALIGNANT: groups[malignant], Label.HEALTHY: groups[~malignant]}
    limits = {label: fit_limit(p_true[label], people[label].tolist(), ALPHA[label]) for label in Label}
    return ConformalLimits(
        malignant=limits[Label.MALIGNANT], healthy=limits[Label.HEALTHY], fitted_on=fitted_on
    )


def cross_fitted_head(observed: Observed, *, recipe: HeadRecipe) -> Doubles:
    """p_malignant by a head and a calibration that saw nobody of the fold; NaN where none could be fitted."""
    margin = np.full(len(observed.malignant), np.nan)
    for fold in np.unique(observed.folds):
        held_out = observed.folds == fold
        seen = observed.where(~held_out)
        if len(set(seen.malignant.tolist())) < 2:
            continue
        head = fit_head(seen.embeddings, seen.measurements, seen.malignant, seen.groups.tolist(), recipe)
        margin[held_out] = head_margin(
            observed.embeddings[held_out], observed.measurements[held_out], rounded(head)
        )
    scored = np.isfinite(margin)
    p_malignant = np.full(len(margin), np.nan)
    folds = observed.folds[scored]
    if all(len(set(observed.malignant[scored][folds != fold].tolist())) == 2 for fold in np.unique(folds)):
        p_malignant[scored] = cross_fitted(
            margin[scored], observed.malignant[scored], observed.groups[scored], folds
        )
    return p_malignant


def fit_ranges(measurements: Floats, malignant: Bools) -> ClassRanges:
    """Where each measurement lies in each class."""
    quantiles = {
        label: np.quantile(measurements[malignant == (label is Label.MALIGNANT)], (0.05, 0.5, 0.95), axis=0)
        for label in Label
    }
    return {
        name: {
            label: Range(p05=_round(found[0, i]), p50=_round(found[1, i]), p95=_round(found[2, i]))
            for label, found in quantiles.items()
        }
        for i, name in enumerate(MEASUREMENTS)
    }


def _round(value: float) -> float:
    """Five digits say enough, and a manifest is read by people."""
    return float(f"{float(value):.5g}")
