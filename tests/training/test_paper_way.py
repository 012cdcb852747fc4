import numpy as np
import pytest

from training.judging.paper_table import Counts
from training.report.paper_way import balanced_figures, counts_of

MALIGNANT = np.arange(300) < 200
P_MALIGNANT = np.where(np.arange(300) % 10 == 0, ~MALIGNANT, MALIGNANT).astype(float)
"""A tenth of each class wrong."""


def test_counts_are_by_truth_and_call() -> None:
    assert counts_of(P_MALIGNANT, MALIGNANT) == Counts(180, 20, 90, 10)


def test_dropping_cells_of_the_larger_class_moves_precision_and_not_specificity() -> None:
    found = balanced_figures(P_MALIGNANT, MALIGNANT, seed=1)
    assert found["specificity"].value == pytest.approx(0.9)
    assert found["specificity"].low == found["specificity"].high
    assert found["sensitivity"].value == pytest.approx(0.9, abs=0.005)
    assert found["precision"].value == pytest.approx(0.9, abs=0.005)  # 180 of 190 before


def test_the_same_seed_draws_the_same_cells() -> None:
    one, other = (balanced_figures(P_MALIGNANT, MALIGNANT, seed=seed) for seed in (5, 5))
    assert one == other
