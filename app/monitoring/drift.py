"""Whether a site's cases look like the people a model learned from. Pure.

Cells of one case resemble each other, so the unit is the case here and the leak group there: each is the mean of its
cells. With every cell for itself any two people would differ beyond doubt.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from app.monitoring.figures import MINIMUM_CASES, Drift
from app.monitoring.repository import Seen
from app.monitoring.statistics import kolmogorov_smirnov, mean_shift
from models.measurements import MEASUREMENTS
from models.reference import ReferenceSet

Doubles = npt.NDArray[np.float64]

WATCHED = (
    "equivalent_diameter_px",
    "circularity",
    "sharpness",
    "gradient_mean",
    "hue_mean",
    "saturation_mean",
    "red_mean",
    "green_mean",
    "blue_mean",
    "dark_contrast",
)
"""What tells of scale, segmentation, focus and stain; tested one by one, the rest together."""


def drift_of(seen: Sequence[Seen], reference: ReferenceSet) -> tuple[Drift, ...]:
    """Every test. Empty where the model has no reference set."""
    if not len(reference):
        return ()
    whole = [each for each in seen if set(MEASUREMENTS) <= each.measurements.keys()]
    cases = [each.case_id for each in whole]
    measured = np.array([[each.measurements[name] for name in MEASUREMENTS] for each in whole])
    people = reference.group.tolist()
    here, there = unit_means(cases, measured), unit_means(people, reference.measurements)
    tests = [_tested("measurements", here, there)]
    embedded = np.array([each.embedding for each in whole])
    tests.append(_tested("embedding", unit_means(cases, embedded), unit_means(people, reference.embeddings)))
    columns = [MEASUREMENTS.index(name) for name in WATCHED]
    tests += [
        _tested(name, here[:, column] if len(here) else here, there[:, column])
        for name, column in zip(WATCHED, columns, strict=True)
    ]
    return tuple(tests)


def unit_means(units: Sequence[Hashable], rows: npt.NDArray[np.floating]) -> Doubles:
    """One row a unit, in order of appearance: (n,), (n, d) -> (units, d)."""
    places: dict[Hashable, list[int]] = {}
    for place, unit in enumerate(units):
        places.setdefault(unit, []).append(place)
    return np.array([rows[own].astype(np.float64).mean(axis=0) for own in places.values()])


def _tested(name: str, here: Doubles, there: Doubles) -> Drift:
    """A vector is tested by its mean, a single value by its distribution."""
    test = "mean_shift" if there.ndim == 2 else "ks"
    if len(here) < MINIMUM_CASES:
        return Drift(name, test, len(here), len(there), None, None)
    statistic, p_value = (mean_shift if there.ndim == 2 else kolmogorov_smirnov)(here, there)
    return Drift(name, test, len(here), len(there), statistic, p_value)
