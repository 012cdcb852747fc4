import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.bundle import read_bundle
from models.classifier import Classifier
from tests.shipped import SHIPPED_FOLDER
from training.__main__ import app
from training.cells.dataset import read_pixels
from training.judging.columns import PROCEDURE, THESE_WEIGHTS, read_column
from training.judging.robustness import probed_parts
from training.publishing.candidate import calibrate_run, candidate, has_seen_val
from training.runs import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_folder(drawn_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    options = {"--data": drawn_dataset, "--init": "none", "--profile": "smoke"}
    options |= {"--out": out, "--store": out / "store", "--name": "drawn", "--version": "0.0.1"}
    arguments = [str(word) for pair in options.items() for word in pair] + ["--fold", "0", "--fold", "1"]
    result = CliRunner().invoke(app, ["all", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out


def test_a_run_publishes_a_bundle_that_serves(run_folder: Path) -> None:
    classifier = Classifier.open(run_folder / "store/drawn/0.0.1")
    learned = next(cell for cell in Run.open(run_folder).cells if cell.split == "train")
    output = classifier.classify([read_pixels(learned)])[0]
    assert output.p_malignant is not None
    assert output.embedding is not None
    assert 0.0 <= output.p_malignant <= 1.0
    assert output.embedding.shape == (512,)


def test_the_published_bundle_gives_the_probabilities_its_figures_were_made_of(run_folder: Path) -> None:
    run = Run.open(run_folder)
    column = read_column(run, THESE_WEIGHTS)
    assert column is not None
    classifier = Classifier.open(run_folder / "store/drawn/0.0.1")
    rows = column[1].rows[:3]
    again = [classifier.p_malignant_ungated(read_pixels(run.cells[row])) for row in rows]
    np.testing.assert_allclose(again, column[1].p_malignant[:3], atol=1e-6)


def test_the_card_says_what_the_model_is_for_and_shows_both_columns(run_folder: Path) -> None:
    card = (run_folder / "store/drawn/0.0.1/CARD.md").read_text()
    assert "For research use only. Not for use in diagnostic procedures." in card
    assert "doi:10.7937/tcia.2019.dc64i46r" in card
    assert "|  | these weights | the procedure |" in card


def test_the_probed_networks_give_unchanged_pictures_the_procedures_probabilities(run_folder: Path) -> None:
    run = Run.open(run_folder)
    column = read_column(run, PROCEDURE)
    assert column is not None
    known = dict(zip(column[1].rows.tolist(), column[1].p_malignant.tolist(), strict=True))
    rows = np.concatenate([each.rows for each in probed_parts(run)])
    with np.load(next(run_folder.glob("probe/*/unchanged.npz"))) as archive:
        np.testing.assert_allclose(archive["p_malignant"], [known[row] for row in rows.tolist()], atol=1e-3)


def test_the_report_holds_every_section(run_folder: Path) -> None:
    html = (run_folder / "report/report.html").read_text()
    found = re.findall(r"<h2 [^>]*>([^<]+)</h2>", html)
    assert found == [
        "What was judged",
        "The procedure, out of fold",
        "These weights, test part",
        "Baselines alone",
        "What a leaking split would promise",
        "Robustness",
        "Shortcuts",
        "Training",
        "Augmentation",
    ]


def test_a_challenger_whose_champion_learned_from_val_keeps_its_limits_and_hands_on_that_it_did(
    run_folder: Path, tmp_path: Path
) -> None:
    run = Run.open(shutil.copytree(run_folder, tmp_path / "run"))
    champion = read_bundle(SHIPPED_FOLDER).manifest
    challenger = replace(
        run,
        profile=run.profile.model_copy(update={"calibrated_on": "champion"}),
        inputs=run.inputs.model_copy(update={"init": str(SHIPPED_FOLDER)}),
    )
    own, kept = calibrate_run(run), calibrate_run(challenger)
    assert (kept.calibration, kept.band) == (champion.calibration, champion.band)
    assert (kept.novelty, kept.conformal) == (champion.novelty, champion.conformal)
    assert (kept.quality, kept.ranges) == (own.quality, own.ranges)
    made = candidate(challenger, name="drawn", version="0.0.2", command="none").manifest
    alone = read_bundle(run_folder / "store/drawn/0.0.1").manifest
    assert [has_seen_val(each) for each in (champion, made, alone)] == [True, True, False]


def test_a_version_is_never_overwritten(run_folder: Path) -> None:
    arguments = ["publish", "--out", str(run_folder), "--name", "drawn", "--version", "0.0.1"]
    result = CliRunner().invoke(app, [*arguments, "--store", str(run_folder / "store")])
    assert isinstance(result.exception, FileExistsError)
