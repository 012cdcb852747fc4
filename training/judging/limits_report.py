"""What the limits of a run do: of the final weights on the test part, of the procedure out of fold; RUN/limits.json."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from models.bundle import Bundle
from training.calibration.calibrate import probabilities
from training.calibration.limits import fit_gate, observed_rows
from training.calibration.out_of_fold import FoldView, fit_fold_limits, fold_views, pooled_malignant
from training.cells.dataset import read_pixels
from training.fitting.prepare import PreparedCells, open_prepared
from training.judging.abstention import (
    Abstention,
    Answers,
    LimitsReport,
    answers_of,
    judge_answers,
    judge_strangers,
)
from training.judging.columns import RUN
from training.publishing.candidate import candidate, open_candidate
from training.runs import FINAL, Run

STRANGERS_A_KIND = 40
FILE = "limits.json"


def report_limits(run: Run) -> LimitsReport:
    """Judge every limit of a calibrated run; strangers are drawn from cells of the test part."""
    prepared = open_prepared(run.folder / "prepared")
    bundle = candidate(run, name="candidate", version="0.0.0", command="")
    parts = [_test_part(run, prepared, bundle)]
    if run.profile.calibrated_on == "folds":
        parts.append(_out_of_fold(run, prepared, bundle))
    test = run.split(FINAL).test
    chosen = test[np.linspace(0, len(test) - 1, min(STRANGERS_A_KIND, len(test))).astype(int)]
    report = LimitsReport(
        command=f"python -m training evaluate --out {RUN}",
        parts=parts,
        strangers=judge_strangers(open_candidate(bundle), [read_pixels(run.cells[row]) for row in chosen]),
    )
    (run.folder / FILE).write_text(report.model_dump_json(indent=1))
    return report


def read_limits_report(run: Run) -> LimitsReport | None:
    """What `report_limits` wrote, None where it did not."""
    path = run.folder / FILE
    return LimitsReport.model_validate_json(path.read_text()) if path.is_file() else None


def _test_part(run: Run, prepared: PreparedCells, bundle: Bundle) -> Abstention:
    rows, classifier = run.split(FINAL).test, open_candidate(bundle)
    with ThreadPoolExecutor(classifier.engine.streams) as pool:
        seen = list(pool.map(lambda row: classifier.look_ungated(read_pixels(run.cells[row])), rows))
    observed = observed_rows(run, prepared, rows, np.stack([each.embedding for each in seen]))
    margin = np.array([each.logits[0] - each.logits[1] for each in seen], np.float64)
    p_malignant = probabilities(margin, bundle.manifest.calibration)
    found = answers_of(bundle, observed, p_malignant)
    return judge_answers("test part", found, observed.malignant, observed.groups)


def _out_of_fold(run: Run, prepared: PreparedCells, bundle: Bundle) -> Abstention:
    views = fold_views(run, prepared)
    answers = [_answers_of_fold(run, bundle, view, [v for v in views if v is not view]) for view in views]
    groups = np.concatenate([view.held_out.groups for view in views])
    return judge_answers("out of fold", Answers.together(answers), pooled_malignant(views), groups)


def _answers_of_fold(run: Run, bundle: Bundle, view: FoldView, others: list[FoldView]) -> Answers:
    """One fold by the bundle that would have been published without it."""
    fitted = fit_fold_limits(others, missed=run.profile.band_missed)
    gate = fit_gate(view.learned.measurements, view.learned.inspections)
    manifest = bundle.manifest.model_copy(update={"quality": gate, **vars(fitted)})
    own = replace(bundle, manifest=manifest, statistics=view.statistics)
    return answers_of(own, view.held_out, probabilities(view.margin, fitted.calibration))
