"""Pictures that are no C-NMC cells, and how the shipped bundle answers them."""

import numpy as np
import pytest

from models.classifier import Classifier
from models.decision import PredictionLabel
from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from tests.conftest import RealCell
from tests.shipped import SHIPPED_FOLDER
from training.judging.abstention import judge_strangers
from training.pictures.strangers import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_picture(kind: str) -> None:
    first, second = (KINDS[kind](draw_cell(1), np.random.default_rng(5)) for _ in range(2))
    assert first.shape == (450, 450, 3)
    assert first.dtype == np.uint8
    assert (first == second).all()


@pytest.mark.slow
def test_no_kind_of_stranger_drawn_from_drawn_cells_gets_a_class() -> None:
    found = judge_strangers(Classifier.open(SHIPPED_FOLDER, "ncnn"), [draw_cell(seed) for seed in range(8)])
    assert all(each.caught >= 0.8 for each in found), found
    assert np.mean([each.caught for each in found]) >= 0.95


@pytest.mark.slow
@pytest.mark.real_data
def test_strangers_are_caught_and_cells_of_the_test_part_are_not(test_part: list[RealCell]) -> None:
    cells = [decode_cell(cell.path.read_bytes()).pixels for cell in test_part[::80]]
    classifier = Classifier.open(SHIPPED_FOLDER, "ncnn")
    found = judge_strangers(classifier, cells)
    assert all(each.caught >= 0.8 for each in found), found
    assert np.mean([each.caught for each in found]) >= 0.95
    refused = [
        output.label is PredictionLabel.NOT_ASSESSABLE or "unlike_training_cells" in output.reasons
        for output in classifier.classify_many(cells)
    ]
    assert sum(refused) <= 1
