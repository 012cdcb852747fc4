"""A real retraining on real cells, from the shipped bundle: labels as they are, and with some of one class flipped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle import read_bundle
from models.labels import Label
from tests.conftest import REAL_DATA
from tests.shipped import SHIPPED_FOLDER
from training.cells.dataset import LabelledCell, read_dataset
from training.profiles import profile
from training.retraining.challenger import Sources, retrain_bundle
from training.retraining.gate import Verdict, read_limits
from training.retraining.replay import write_joined
from training.retraining.report import Retraining
from training.runs import capped

CELLS_A_PERSON = 60
"""So many that right labels do not make a worse model. The champion learned from 4,628 cells; a challenger that saw 15 of
each person, 245 in all, is refused, and rightly."""


def retrained(folder: Path, flipped: float) -> Retraining:
    """Every second person of the train part is new.

    Args:
        flipped: share of the new malignant cells that stand under healthy, drawn at random.
    """
    cells = capped(read_dataset(REAL_DATA), CELLS_A_PERSON)
    people = sorted({cell.leak_group for cell in cells if cell.split == "train"})[::2]
    new = [cell for cell in cells if cell.leak_group in people]
    random = np.random.default_rng(7)
    sources = Sources(
        SHIPPED_FOLDER,
        write_joined([cell for cell in cells if cell.leak_group not in people], folder / "old"),
        (write_joined([_perhaps_flipped(cell, flipped, random) for cell in new], folder / "new"),),
    )
    head = profile("head")
    return retrain_bundle(
        sources, folder / "out", head, read_limits(), name="local", version="0.1.0", say=print
    )


def _perhaps_flipped(cell: LabelledCell, share: float, random: np.random.Generator) -> LabelledCell:
    flip = cell.label is Label.MALIGNANT and random.random() < share
    return replace(cell, label=Label.HEALTHY) if flip else cell


@pytest.mark.long
@pytest.mark.real_data
def test_real_cells_pass_or_leave_open_what_a_reason_names(tmp_path: Path) -> None:
    found = retrained(tmp_path, flipped=0.0)
    print(found.model_dump_json(indent=1))
    assert found.labels.people == 0
    assert found.judgement.verdict is not Verdict.REFUSED
    assert (found.judgement.verdict is Verdict.PASSED) == (found.judgement.reasons == ())
    bundle = read_bundle(tmp_path / "out/store/local/0.1.0")
    assert bundle.sha256 == found.challenger_sha256


@pytest.mark.long
@pytest.mark.real_data
def test_real_cells_with_three_in_ten_malignant_labels_flipped_are_refused(tmp_path: Path) -> None:
    found = retrained(tmp_path, flipped=0.3)
    print(found.model_dump_json(indent=1))
    assert found.judgement.verdict is Verdict.REFUSED
    assert any("mixed-up labels" in reason for reason in found.judgement.reasons)
    assert not (tmp_path / "out/store").exists()
