import numpy as np
import pytest

from models.conformal import ConformalLimit, ConformalLimits, fit_limit, groups_needed
from models.labels import Label

RANDOM = np.random.default_rng(0)


def sets(malignant: float, healthy: float) -> ConformalLimits:
    limits = [
        ConformalLimit(alpha=0.1, least=least, least_new_person=0, cells=1, groups=1)
        for least in (malignant, healthy)
    ]
    return ConformalLimits(malignant=limits[0], healthy=limits[1], fitted_on="nothing")


@pytest.mark.parametrize(
    ("limits", "p_malignant", "expected"),
    [
        (sets(0.3, 0.2), 0.9, (Label.MALIGNANT,)),
        (sets(0.3, 0.2), 0.1, (Label.HEALTHY,)),
        (sets(0.3, 0.2), 0.5, (Label.MALIGNANT, Label.HEALTHY)),
        (sets(0.7, 0.6), 0.5, ()),
    ],
)
def test_a_set_holds_the_labels_not_ruled_out(
    limits: ConformalLimits, p_malignant: float, expected: tuple[Label, ...]
) -> None:
    assert expected == limits.prediction_set(p_malignant)


def test_cells_like_those_fitted_on_are_covered_as_promised() -> None:
    limit = fit_limit(RANDOM.random(4000), ["one"] * 4000, 0.1)
    assert (RANDOM.random(20000) >= limit.least).mean() == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(("alpha", "groups"), [(0.05, 19), (0.10, 9), (0.5, 1)])
def test_a_promise_for_a_new_person_needs_one_over_alpha_less_one_groups(alpha: float, groups: int) -> None:
    assert groups_needed(alpha) == groups
    for count, rules_out in ((groups - 1, False), (groups, True)):
        names = [str(i) for i in range(count)] * 20
        if names:
            limit = fit_limit(0.4 + 0.5 * RANDOM.random(len(names)), names, alpha)
            assert (limit.least_new_person > 0) is rules_out


def test_cells_of_a_new_person_are_covered_by_the_dearer_limit() -> None:
    """People differ; each draws its own centre."""
    hits = []
    for _ in range(300):
        centres = RANDOM.normal(0.7, 0.15, 20)
        cells = np.clip(centres.repeat(10) + RANDOM.normal(0, 0.05, 200), 0, 1)
        limit = fit_limit(cells, [str(i) for i in range(20) for _ in range(10)], 0.1)
        hits.append(RANDOM.normal(0.7, 0.15) + RANDOM.normal(0, 0.05) >= limit.least_new_person)
    assert np.mean(hits) >= 0.87
