from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    roc_auc_score,
)

from models.bundle import Band
from models.metrics import (
    METRIC_NAMES,
    METRICS,
    auroc,
    band_metrics,
    difference,
    ece,
    group_resamples,
    sensitivity_at_specificity,
    weighted_f1,
    with_interval,
)

RNG = np.random.default_rng(7)
MALIGNANT = np.arange(200) < 120
SCORE = np.round(RNG.normal(size=200) + MALIGNANT, 1)
P_MALIGNANT = 1 / (1 + np.exp(-SCORE))
GROUPS = [f"{'m' if side else 'h'}{i % 6}" for i, side in enumerate(MALIGNANT)]


def test_auroc_counts_ties_half_like_scikit_learn() -> None:
    assert auroc(SCORE, MALIGNANT) == pytest.approx(roc_auc_score(MALIGNANT, SCORE))


def test_weighted_f1_is_scikit_learns() -> None:
    expected = f1_score(MALIGNANT, P_MALIGNANT >= 0.5, average="weighted")
    assert weighted_f1(P_MALIGNANT, MALIGNANT) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("f1", f1_score), ("precision", precision_score), ("mcc", matthews_corrcoef)],
)
def test_what_is_counted_at_one_half_is_scikit_learns(name: str, theirs: Callable[..., float]) -> None:
    assert METRICS[name](P_MALIGNANT, MALIGNANT) == pytest.approx(theirs(MALIGNANT, P_MALIGNANT >= 0.5))


def test_average_precision_takes_ties_together_like_scikit_learn() -> None:
    assert METRICS["pr_auc"](SCORE, MALIGNANT) == pytest.approx(average_precision_score(MALIGNANT, SCORE))


def test_sensitivity_is_read_where_nine_of_ten_healthy_cells_lie_below() -> None:
    score = np.array([*range(10), 8.5, 9.5, 20.0, 3.0])
    malignant = np.arange(14) >= 10
    assert sensitivity_at_specificity(score, malignant) == 0.75


def test_all_cells_called_alike_have_no_correlation_and_no_precision() -> None:
    nothing = np.zeros(200)
    assert (METRICS["mcc"](nothing, MALIGNANT), METRICS["precision"](nothing, MALIGNANT)) == (0.0, 0.0)


def test_every_metric_has_a_name_for_people() -> None:
    assert list(METRIC_NAMES) == list(METRICS)


def test_a_constant_at_the_prevalence_has_no_calibration_error() -> None:
    assert ece(np.full(200, 0.6), MALIGNANT) == pytest.approx(0.0, abs=1e-12)


def test_every_metric_of_a_perfect_prediction_is_perfect() -> None:
    perfect = MALIGNANT.astype(float)
    values = {name: metric(perfect, MALIGNANT) for name, metric in METRICS.items()}
    assert values == {name: 0.0 if name in ("ece", "brier") else 1.0 for name in METRICS}


def test_a_resample_draws_whole_groups_and_as_many_of_each_class() -> None:
    names = np.array(GROUPS)
    for rows in group_resamples(MALIGNANT, GROUPS, seed=1, resamples=20):
        drawn, counts = np.unique(names[rows], return_counts=True)
        times = [count / np.sum(names == name) for name, count in zip(drawn, counts, strict=True)]
        assert all(time == int(time) for time in times)
        assert sum(t for t, name in zip(times, drawn, strict=True) if name[0] == "m") == 6
        assert sum(t for t, name in zip(times, drawn, strict=True) if name[0] == "h") == 6


def test_an_interval_holds_its_value_and_a_model_gains_nothing_over_itself() -> None:
    samples = group_resamples(MALIGNANT, GROUPS, seed=1, resamples=200)
    found = with_interval(auroc, P_MALIGNANT, MALIGNANT, samples)
    assert found.low <= found.value <= found.high
    same = difference(auroc, P_MALIGNANT, P_MALIGNANT, MALIGNANT, samples)
    assert (same.low, same.value, same.high) == (0.0, 0.0, 0.0)


def test_the_band_metrics_judge_only_cells_outside_the_band() -> None:
    p_malignant = np.array([0.1, 0.45, 0.55, 0.9, 0.2, 0.8])
    malignant = np.array([False, True, False, True, True, True])
    found = {
        name: metric(p_malignant, malignant) for name, metric in band_metrics(Band(low=0.4, high=0.6)).items()
    }
    assert found == pytest.approx(
        {"indeterminate_share": 1 / 3, "sensitivity_outside": 2 / 3, "specificity_outside": 1.0}
    )
