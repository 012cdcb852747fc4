"""Limits fitted on the people that the folds left out."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_limits import observed
from training.calibration.limits import ALPHA, Observed
from training.calibration.out_of_fold import FoldView, fit_fold_limits, pooled_malignant, without_test_part

FOLDS = 5


def view(fold: int, cells: Observed, margin: np.ndarray, distances: np.ndarray) -> FoldView:
    own = cells.folds == fold
    return FoldView(
        fold=fold,
        learned=cells.where(~own),
        statistics={},
        held_out=cells.where(own),
        rows=np.flatnonzero(own),
        margin=margin[own],
        distances=distances[own],
    )


@pytest.fixture(scope="module")
def views() -> list[FoldView]:
    cells, random = observed(), np.random.default_rng(1)
    margin = random.normal(0, 1, len(cells.malignant)) + 3.0 * cells.malignant
    distances = random.exponential(1, (len(margin), 4))
    return [view(fold, cells, margin, distances) for fold in range(FOLDS)]


def test_every_class_keeps_its_label_as_often_as_alpha_says(views: list[FoldView]) -> None:
    limits = fit_fold_limits(views, missed=0.1).conformal
    assert (limits.malignant.alpha, limits.healthy.alpha) == tuple(ALPHA.values())
    assert limits.malignant.cells + limits.healthy.cells == sum(len(each.rows) for each in views)
    assert (limits.malignant.groups, limits.healthy.groups) == (15, 15)


def test_each_distance_lets_99_of_100_cells_through(views: list[FoldView]) -> None:
    novelty = fit_fold_limits(views, missed=0.1).novelty
    distances = np.concatenate([each.distances for each in views])
    limits = np.array([novelty.relative, novelty.neighbours, novelty.measurements, novelty.texture])
    assert (distances <= limits).mean(axis=0) == pytest.approx(0.99, abs=0.005)
    assert novelty.kept_groups == 30


def test_a_folds_own_labels_do_not_touch_what_is_fitted_for_it(views: list[FoldView]) -> None:
    first = views[0]
    flipped = replace(first, held_out=replace(first.held_out, malignant=~first.held_out.malignant))
    changed = [flipped, *views[1:]]
    for each, others in ((views[0], views[1:]), (views[1], [views[0], *views[2:]])):
        fitted = fit_fold_limits([other for other in changed if other.fold != each.fold], missed=0.1)
        assert (fitted == fit_fold_limits(others, missed=0.1)) == (each is first)


def test_the_test_part_calibrates_nothing(views: list[FoldView]) -> None:
    judging = [
        replace(each, held_out=replace(each.held_out, parts=np.where(each.rows % 3, "train", "test")))
        for each in views
    ]
    kept = without_test_part(judging)
    assert not any((each.held_out.parts == "test").any() for each in kept)
    assert len(pooled_malignant(kept)) == sum((each.rows % 3 != 0).sum() for each in views)
    assert [len(each.margin) for each in kept] == [len(each.rows) for each in kept]
