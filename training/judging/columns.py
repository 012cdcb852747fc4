"""Compute and keep the two columns of figures of a run: RUN/<column>.json and RUN/<column>.npz."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundle import Band
from training.judging.baselines import Described
from training.judging.evaluate import Comparison, Judged, compare, judge_out_of_fold, judge_test_part
from training.judging.frozen_reference import described
from training.publishing.candidate import CALIBRATION, candidate, open_candidate
from training.runs import Run

THESE_WEIGHTS = "these_weights"
PROCEDURE = "procedure"


def evaluate_run(run: Run) -> list[Comparison]:
    """Figures of the final weights where they are calibrated, and of the procedure where folds were trained.

    Raises:
        ValueError: the run has neither.
    """
    cells, folds = described(run), run.folds_done()
    columns = []
    if (run.folder / CALIBRATION).is_file():
        columns.append(_these_weights(run, cells))
    if len(folds) > 1:  # a fold is calibrated on the others
        names = ", ".join(str(fold) for fold in folds)
        text = f"the procedure, out of fold over cv_fold {names}; calibration cross-fitted over these folds"
        columns.append(_keep(run, PROCEDURE, judge_out_of_fold(run, cells), text))
    if not columns:
        raise ValueError(f"Expected {run.folder} to have two folds, or a final part that is calibrated.")
    return columns


def _these_weights(run: Run, cells: Described) -> Comparison:
    bundle = candidate(run, name="candidate", version="0.0.0", command="")
    # The figures count every cell, those the gate would stop among them.
    ungated = replace(bundle, manifest=bundle.manifest.model_copy(update={"quality": {}}))
    classifier = open_candidate(ungated)
    return _keep(
        run,
        THESE_WEIGHTS,
        judge_test_part(run, cells, classifier),
        f"these weights on the frozen test part; engine {classifier.engine.name}, weights as served",
        classifier.bundle.manifest.band,
    )


def read_column(run: Run, column: str) -> tuple[Comparison, Judged] | None:
    """A column's figures and predictions, None where it was not evaluated."""
    path = run.folder / f"{column}.json"
    if not path.is_file():
        return None
    with np.load(path.with_suffix(".npz")) as archive:
        arrays = dict(archive)
    judged = Judged(arrays.pop("rows"), arrays.pop("p_malignant"), baselines=arrays)
    return Comparison.model_validate_json(path.read_text()), judged


def _keep(run: Run, column: str, judged: Judged, description: str, band: Band | None = None) -> Comparison:
    comparison = compare(
        run, judged, description=description, command=f"python -m training evaluate --out {RUN}", band=band
    )
    path = Path(run.folder / f"{column}.json")
    path.write_text(comparison.model_dump_json(indent=1))
    np.savez(path.with_suffix(".npz"), rows=judged.rows, p_malignant=judged.p_malignant, **judged.baselines)
    return comparison


RUN = "RUN"
"""How a run's folder is written in published texts: its real path is nobody's business."""
