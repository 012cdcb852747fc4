"""Folds as tasks of a real Ray on this machine."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from training.__main__ import app
from training.runs import Run

# Before Ray: it sets what Ray reads when it is imported.
pytest.importorskip(
    "training.fitting.cluster", reason="needs Ray (extra cluster)", exc_type=ModuleNotFoundError
)

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


def test_folds_are_trained_side_by_side_in_processes_of_their_own(
    drawn_dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    prepare = ["prepare", "--profile", "smoke_image", "--data", drawn_dataset, "--init", "none", "--out", out]
    fit = ["fit", "--out", out, "--part", "fold0", "--part", "fold1", "--cluster", "--cpus", 0.5]
    for words in (prepare, fit):
        result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    run = Run.open(out)
    assert run.folds_done() == [0, 1]
    for part in ("fold0", "fold1"):
        np.testing.assert_array_equal(np.sort(run.load(part, "held_out")["rows"]), run.split(part).test)
