"""A whole-image network from cells to a bundle that serves."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.classifier import Classifier
from training.__main__ import app
from training.cells.dataset import read_pixels
from training.fitting.curve import CURVE, read_curve
from training.runs import Run

pytestmark = pytest.mark.slow


def run_command(*words: object) -> None:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def run_folder(drawn_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    options = {"--data": drawn_dataset, "--init": "none", "--profile": "smoke_image", "--out": out}
    options |= {"--store": out / "store", "--name": "drawn", "--version": "0.0.1", "--fold": 0}
    run_command("all", *(word for pair in options.items() for word in pair))
    return out


def test_the_bundle_gives_the_margins_that_were_held_out(run_folder: Path) -> None:
    run, classifier = Run.open(run_folder), Classifier.open(run_folder / "store/drawn/0.0.1")
    assert classifier.bundle.manifest.views == 4
    held_out = run.load("final", "held_out")
    cells = [read_pixels(run.cells[row]) for row in held_out["rows"][:3]]
    calibration = classifier.bundle.manifest.calibration
    p_malignant = np.array([classifier.p_malignant_ungated(cell) for cell in cells])
    expected = calibration.slope * held_out["margin"][:3] + calibration.intercept
    np.testing.assert_allclose(np.log(p_malignant / (1 - p_malignant)), expected, rtol=1e-3, atol=1e-4)


def test_the_card_describes_the_network_and_speaks_of_no_patches(run_folder: Path) -> None:
    card = (run_folder / "store/drawn/0.0.1/CARD.md").read_text()
    assert "Mean over 4 turns and mirrors." in card
    assert "None, random numbers. All convolutions were trained." in card
    assert "patch" not in card


def test_the_curve_has_the_loss_per_leak_group(run_folder: Path) -> None:
    assert np.isfinite(read_curve(run_folder / "final" / CURVE)["held_out_group_loss"]).all()
