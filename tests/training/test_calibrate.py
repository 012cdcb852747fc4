import numpy as np
import pytest

from models.bundle import Calibration
from models.classifier import calibrated
from training.calibration.calibrate import cross_fitted, fit_band, fit_calibration, probabilities

RNG = np.random.default_rng(3)
MARGIN = RNG.normal(size=4000)
TRUE_P = 1 / (1 + np.exp(-(1.7 * MARGIN + 0.6)))
MALIGNANT = RNG.random(4000) < TRUE_P
ALONE = np.arange(4000).astype(str)  # everybody with one cell


def test_slope_and_intercept_are_recovered() -> None:
    found = fit_calibration(MARGIN, MALIGNANT, ALONE)
    assert found.slope == pytest.approx(1.7, abs=0.15)
    assert found.intercept == pytest.approx(0.6, abs=0.12)
    assert found.malignant_prevalence == pytest.approx(MALIGNANT.mean())


def test_one_person_with_many_cells_bends_the_line_less_than_as_many_people() -> None:
    margin = np.concatenate([MARGIN, np.full(1000, 3.0)])  # healthy cells that all look malignant
    malignant = np.concatenate([MALIGNANT, np.zeros(1000, bool)])
    person, people = (
        np.concatenate([ALONE, names]) for names in (["h"] * 1000, np.arange(4000, 5000).astype(str))
    )
    by_one, by_many = (fit_calibration(margin, malignant, groups).slope for groups in (person, people))
    assert by_many < by_one < fit_calibration(MARGIN, MALIGNANT, ALONE).slope


def test_probabilities_are_those_the_classifier_serves() -> None:
    calibration = Calibration(slope=1.3, intercept=-0.2, malignant_prevalence=0.5)
    margins = np.array([-900.0, -2.0, 0.0, 3.0, 900.0])
    served = [calibrated(np.array([m, 0.0], np.float32), calibration) for m in margins]
    assert probabilities(margins, calibration) == pytest.approx(served, abs=1e-7)


def test_the_band_leaves_the_stated_share_of_each_class_on_the_wrong_side() -> None:
    band = fit_band(TRUE_P, MALIGNANT, missed=0.05)
    assert (TRUE_P[MALIGNANT] <= band.low).mean() == pytest.approx(0.05, abs=0.01)
    assert (TRUE_P[~MALIGNANT] >= band.high).mean() == pytest.approx(0.05, abs=0.01)


def test_separated_classes_need_no_band() -> None:
    band = fit_band(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]), missed=0.1)
    assert (band.low, band.high) == (0.5, 0.5)


def test_a_folds_own_labels_do_not_touch_its_probabilities() -> None:
    folds = np.arange(4000) % 4
    turned = np.where(folds == 2, ~MALIGNANT, MALIGNANT)
    before, after = (cross_fitted(MARGIN, each, ALONE, folds) for each in (MALIGNANT, turned))
    assert (before[folds == 2] == after[folds == 2]).all()
