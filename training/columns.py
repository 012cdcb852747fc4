"""Compute and keep the two columns of figures of a run: RUN/<column>.json and RUN/<column>.npz."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundle import Band
from training.candidate import candidate, open_candidate
from training.evaluate import Comparison, Judged, compare, judge_out_of_fold, judge_test_part
from training.prepare import open_prepared
from training.runs import Run

THESE_WEIGHTS = "these_weights"
PROCEDURE = "procedure"


def evaluate_run(run: Run) -> list[Comparison]:
    """Figures of the final weights, and of the procedure where folds were trained."""
    measurements = np.asarray(open_prepared(run.folder / "prepared").measurements)
    bundle = candidate(run, name="candidate", version="0.0.0", command="")
    # The figures count every cell, those the gate would stop among them.
    ungated = replace(bundle, manifest=bundle.manifest.model_copy(update={"quality": {}}))
    classifier = open_candidate(ungated)
    columns = [
        _keep(
            run,
            THESE_WEIGHTS,
            judge_test_part(run, measurements, classifier),
            f"these weights on the frozen test part; engine {classifier.engine.name}, weights as served",
            classifier.bundle.manifest.band,
        )
    ]
    folds = run.folds_done()
    if len(folds) > 1:  # a fold is calibrated on the others
        names = ", ".join(str(fold) for fold in folds)
        columns.append(
            _keep(
                run,
                PROCEDURE,
                judge_out_of_fold(run, measurements),
                f"the procedure, out of fold over cv_fold {names}; calibration cross-fitted over these folds",
            )
        )
    return columns


def read_column(run: Run, column: str) -> tuple[Comparison, Judged] | None:
    """A column's figures and predictions, None where it was not evaluated."""
    path = run.folder / f"{column}.json"
    if not path.is_file():
        return None
    with np.load(path.with_suffix(".npz")) as archive:
        return Comparison.model_validate_json(path.read_text()), Judged(**archive)


def _keep(run: Run, column: str, judged: Judged, description: str, band: Band | None = None) -> Comparison:
    comparison = compare(
        run, judged, description=description, command=f"python -m training evaluate --out {RUN}", band=band
    )
    path = Path(run.folder / f"{column}.json")
    path.write_text(comparison.model_dump_json(indent=1))
    np.savez(path.with_suffix(".npz"), **vars(judged))
    return comparison


RUN = "RUN"
"""How a run's folder is written in published texts: its real path is nobody's business."""
