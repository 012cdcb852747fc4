"""The report of a run whose margins are made up; baselines, intervals, plots and page are real."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from models.labels import Label
from models.metrics import auroc, weighted_f1
from tests.training.evaluated_run import write_fold_run
from training.judging.columns import PROCEDURE, evaluate_run, read_column
from training.judging.curves import read_curves
from training.judging.reference_figures import judge_baselines
from training.report.contents import EvaluationReport
from training.report.plots import roc_points
from training.report.write import write_report
from training.runs import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(drawn_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = write_fold_run(tmp_path_factory.mktemp("evaluated") / "run", drawn_dataset)
    judge_baselines(run)
    evaluate_run(run)
    write_report(run)
    return run


@pytest.fixture(scope="module")
def html(run: Run) -> str:
    return (run.folder / "report" / "report.html").read_text()


def test_the_figures_are_the_columns_and_read_back(run: Run) -> None:
    report = EvaluationReport.model_validate_json((run.folder / "report" / "report.json").read_bytes())
    column = read_column(run, PROCEDURE)
    assert column is not None
    assert report.columns[PROCEDURE].comparison == column[0]
    assert set(column[1].baselines) == {"area", "silhouette", "measurements", "frozen_reference"}
    assert (
        {each.cut for each in report.baselines.cuts} == {"cell", "field", "subject"}
        if report.baselines
        else False
    )
    assert [each.part for each in report.parts] == ["fold0", "fold1"]


def test_the_lead_says_whether_the_frozen_reference_is_beaten(run: Run, html: str) -> None:
    column = read_column(run, PROCEDURE)
    assert column is not None
    beaten = any(
        column[0].gains[f"{metric}_over_frozen_reference"].low > 0 for metric in ("auroc", "weighted_f1")
    )
    assert ("is not shown to beat it" in html) is not beaten


def test_every_plot_has_words_and_every_table_a_caption(html: str) -> None:
    assert len(re.findall(r'<img [^>]*alt="[^"]{20,}"', html)) == html.count("<img ") > 8
    assert html.count("<caption>") == html.count("<table>") > 4


def test_no_picture_of_a_cell_of_the_data_set_is_in_it(run: Run) -> None:
    """Plots are vectors; the one raster is of cells drawn for it."""
    names = {path.name for path in (run.folder / "report").iterdir()}
    assert names == {"report.html", "report.json", "procedure.csv", "procedure.png", "training.png"}


def test_a_reader_gets_the_figures_of_a_column_and_of_its_baselines_from_its_table(run: Run) -> None:
    with (run.folder / "report" / "procedure.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    column = read_column(run, PROCEDURE)
    assert column is not None
    malignant = np.array([line["label"] == Label.MALIGNANT.value for line in lines])
    p, area = (np.array([float(line[name]) for line in lines]) for name in ("p_malignant", "p_area"))
    metrics = column[0].figures.metrics
    assert auroc(p, malignant) == pytest.approx(metrics["auroc"].value, abs=1e-4)
    assert weighted_f1(p, malignant) == metrics["weighted_f1"].value
    assert auroc(area, malignant) == pytest.approx(column[0].baselines["area_auroc"].value, abs=1e-4)
    cells = [run.cells[int(line["cell"])] for line in lines]
    assert [cell.leak_group for cell in cells] == [line["leak_group"] for line in lines]


def test_what_a_run_lacks_is_left_out(html: str) -> None:
    assert "Robustness" not in html
    assert "These weights" not in html


def test_an_undecided_score_draws_the_diagonal_and_the_area_under_a_curve_is_its_auroc() -> None:
    malignant = np.arange(40) % 2 == 0
    flat = roc_points(np.zeros(40), malignant)
    assert [each.tolist() for each in flat] == [[0.0, 1.0], [0.0, 1.0]]
    score = np.round(np.random.default_rng(1).normal(size=40) + malignant, 1)
    assert np.trapezoid(*roc_points(score, malignant)[::-1]) == pytest.approx(auroc(score, malignant))


def test_curves_are_read_from_either_form(run: Run) -> None:
    part = run.folder / "fold0"
    (part / "curve.csv").write_text("step,loss,held_out_auroc\n0,0.9,\n200,0.7,0.81\n")
    found = read_curves(run)
    (part / "curve.csv").unlink()
    assert found["fold0"]["loss"].tolist() == [0.9, 0.7]
    np.testing.assert_array_equal(found["fold0"]["held_out_auroc"], [np.nan, 0.81])
    assert found["fold1"]["held_out_patch_auroc"].tolist() == [0.5, 0.7]
