"""What the share of cells called malignant may mean, beside the shares seen in people whose class is known. Pure.

Source of the correction: Rogan and Gladen, Estimating prevalence from the results of a screening test (1978).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.bundle import SubjectShare
from models.labels import Label

DECISION = 0.5
"""The p_malignant from which a cell counts as called malignant here, as in the bundles' reports; no band."""

MINIMUM_ASSESSABLE = 50
MINIMUM_SUBJECTS = 2
DRAWS = 4000
SEED = 0


@dataclass(frozen=True)
class CalledShare:
    """How many assessable cells have a p_malignant of at least `DECISION`."""

    called: int
    assessable: int

    @property
    def share(self) -> float | None:
        return self.called / self.assessable if self.assessable else None


@dataclass(frozen=True)
class KnownShares:
    """Shares called malignant, out of fold, one a person: of people all of whose cells are healthy, or malignant."""

    healthy: tuple[float, ...]
    malignant: tuple[float, ...]


@dataclass(frozen=True)
class CorrectedShare:
    """Exploratory: the share of malignant cells that would explain the called one. value: median; low, high: 95 %."""

    value: float
    low: float
    high: float
    assessable: int
    healthy_subjects: int
    malignant_subjects: int


def called_share(p_malignant: Sequence[float]) -> CalledShare:
    """p_malignant: of the assessable cells."""
    return CalledShare(sum(p >= DECISION for p in p_malignant), len(p_malignant))


def known_shares(subjects: Sequence[SubjectShare]) -> KnownShares | None:
    """Lowest first; None where the bundle says nothing."""
    if not subjects:
        return None
    return KnownShares(
        *(
            tuple(sorted(each.called_malignant for each in subjects if each.label == label))
            for label in (Label.HEALTHY, Label.MALIGNANT)
        )
    )


def corrected_share(called: CalledShare, subjects: Sequence[SubjectShare]) -> CorrectedShare | None:
    """Rogan-Gladen, (q + specificity - 1) / (sensitivity + specificity - 1), clipped to 0..1.

    The case is a new person, so each draw takes the sensitivity of one malignant person and the specificity of
    one healthy one, each with the uncertainty of that person's number of cells. A draw in which the model tells
    nothing apart says nothing: it is any share at all.

    Returns:
        None below `MINIMUM_ASSESSABLE` cells and below `MINIMUM_SUBJECTS` people of either class.
    """
    healthy = [each for each in subjects if each.label == Label.HEALTHY]
    malignant = [each for each in subjects if each.label == Label.MALIGNANT]
    if called.assessable < MINIMUM_ASSESSABLE or min(len(healthy), len(malignant)) < MINIMUM_SUBJECTS:
        return None
    random = np.random.default_rng(SEED)
    sensitivity = _drawn_rates(malignant, random)
    false_alarms = _drawn_rates(healthy, random)
    q = random.beta(called.called + 0.5, called.assessable - called.called + 0.5, DRAWS)
    gain = sensitivity - false_alarms
    explained = np.divide(q - false_alarms, gain, out=random.random(DRAWS), where=gain > 0)
    low, value, high = np.percentile(explained.clip(0, 1), (2.5, 50, 97.5))
    return CorrectedShare(
        float(value), float(low), float(high), called.assessable, len(healthy), len(malignant)
    )


def _drawn_rates(subjects: Sequence[SubjectShare], random: np.random.Generator) -> npt.NDArray[np.float64]:
    """(draws,) shares called malignant of one person drawn at a time."""
    cells = np.array([each.cells for each in subjects], float)
    called = np.array([each.cells * each.called_malignant for each in subjects])
    drawn = random.integers(len(subjects), size=DRAWS)
    return random.beta(called[drawn] + 0.5, (cells - called)[drawn] + 0.5)
