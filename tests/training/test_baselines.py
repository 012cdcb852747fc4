from dataclasses import replace

import numpy as np
import pytest

from models.measurements import MEASUREMENTS
from training.judging.baselines import (
    FROZEN_REFERENCE,
    SHAPES,
    SILHOUETTE,
    Described,
    baseline_margins,
    baselines_out_of_fold,
)

COUNT = 80
RANDOM = np.random.default_rng(4)
MALIGNANT = np.arange(COUNT) % 2 == 0
FOLDS = np.arange(COUNT) // 2 % 2
CELLS = Described(
    measurements=(RANDOM.uniform(10, 20, (COUNT, len(MEASUREMENTS))) + 3 * MALIGNANT[:, None]).astype(
        np.float32
    ),
    features=(RANDOM.normal(0, 1, (COUNT, 5)) + MALIGNANT[:, None]).astype(np.float32),
    malignant=MALIGNANT,
    groups=np.array([f"P{i // 4}{side}" for i, side in enumerate(MALIGNANT)]),
    seed=1,
)
ROWS = np.arange(COUNT)


@pytest.mark.slow
def test_a_silhouette_has_no_colour_and_no_texture() -> None:
    assert SHAPES[0] == "area_px2"
    assert not any(word in name for name in SHAPES for word in ("red", "hue", "lab", "band", "gradient"))
    learned, judged = ROWS[:60], ROWS[60:]
    painted = CELLS.measurements.copy()
    painted[:, len(SHAPES) :] = 0
    before, after = (
        baseline_margins(cells, learned, judged) for cells in (CELLS, replace(CELLS, measurements=painted))
    )
    assert (before[SILHOUETTE] == after[SILHOUETTE]).all()
    assert (before[FROZEN_REFERENCE] != after[FROZEN_REFERENCE]).any()


def test_without_features_the_frozen_reference_is_left_out() -> None:
    assert CELLS.baselines[-1] == FROZEN_REFERENCE
    assert replace(CELLS, features=None).baselines == CELLS.baselines[:-1]


@pytest.mark.slow
def test_a_folds_own_labels_do_not_touch_its_answers() -> None:
    own = FOLDS == 1
    turned = replace(CELLS, malignant=np.where(own, ~MALIGNANT, MALIGNANT))
    before, after = (baseline_margins(cells, ROWS[~own], ROWS[own]) for cells in (CELLS, turned))
    for name in before:
        assert (before[name] == after[name]).all()


@pytest.mark.slow
def test_every_baseline_learns_what_there_is_to_learn() -> None:
    for name, p_malignant in baselines_out_of_fold(CELLS, FOLDS, ROWS).items():
        assert p_malignant[MALIGNANT].mean() > p_malignant[~MALIGNANT].mean() + 0.05, name


@pytest.mark.slow
def test_folds_that_were_not_trained_are_learned_from_and_not_judged() -> None:
    folds = np.where(np.arange(COUNT) < 20, 2, FOLDS)
    found = baselines_out_of_fold(CELLS, folds, np.flatnonzero(folds != 0))
    assert {len(p_malignant) for p_malignant in found.values()} == {int((folds != 0).sum())}
