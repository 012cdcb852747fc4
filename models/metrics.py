"""Figures of a set of predictions, with intervals from a bootstrap over leak groups.

Cells of one person resemble each other, so the person is what is drawn: groups with replacement, separately
within each class, and all cells of a drawn group with it.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from models.bundle import Band, Interval

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Metric = Callable[[Doubles, Bools], float]

ECE_BINS = 15
RESAMPLES = 2000
DECISION = 0.5
FIXED_SPECIFICITY = 0.9
"""Where `sensitivity_at_specificity` is read: one healthy cell in ten may be called malignant."""


def auroc(score: Doubles, malignant: Bools) -> float:
    """Chance that a malignant cell scores above a healthy one, ties counted half. (n,), (n,) -> 0..1."""
    values, which = np.unique(score, return_inverse=True)
    positive = np.bincount(which[malignant], minlength=len(values))
    negative = np.bincount(which[~malignant], minlength=len(values))
    below = np.cumsum(negative) - negative
    return float((positive * (below + 0.5 * negative)).sum() / (positive.sum() * negative.sum()))


def sensitivity(p_malignant: Doubles, malignant: Bools) -> float:
    """Share of malignant cells called malignant at `DECISION`."""
    return float((p_malignant[malignant] >= DECISION).mean())


def specificity(p_malignant: Doubles, malignant: Bools) -> float:
    """Share of healthy cells called healthy at `DECISION`."""
    return float((p_malignant[~malignant] < DECISION).mean())


def accuracy(p_malignant: Doubles, malignant: Bools) -> float:
    """Share of cells called right at `DECISION`."""
    return float(((p_malignant >= DECISION) == malignant).mean())


def weighted_f1(p_malignant: Doubles, malignant: Bools) -> float:
    """F1 of both classes, weighted by their cells; the C-NMC challenge's figure."""
    called = p_malignant >= DECISION
    total = 0.0
    for truth, answer in ((malignant, called), (~malignant, ~called)):
        hits = float((truth & answer).sum())
        total += truth.mean() * 2 * hits / max(float(truth.sum() + answer.sum()), 1.0)
    return float(total)


def f1(p_malignant: Doubles, malignant: Bools) -> float:
    """Harmonic mean of precision and sensitivity, of the malignant class."""
    called = p_malignant >= DECISION
    return 2 * float((called & malignant).sum()) / max(float(called.sum() + malignant.sum()), 1.0)


def precision(p_malignant: Doubles, malignant: Bools) -> float:
    """Share malignant of the cells called malignant at `DECISION`; 0 where none is."""
    called = p_malignant >= DECISION
    return float((called & malignant).sum()) / max(float(called.sum()), 1.0)


def mcc(p_malignant: Doubles, malignant: Bools) -> float:
    """Matthews correlation of call and truth, -1..1; 0 where all cells are called alike."""
    called = p_malignant >= DECISION
    hits, misses = float((called & malignant).sum()), float((~called & malignant).sum())
    false, right = float((called & ~malignant).sum()), float((~called & ~malignant).sum())
    spread = (hits + false) * (hits + misses) * (right + false) * (right + misses)
    return (hits * right - false * misses) / spread**0.5 if spread else 0.0


def pr_auc(score: Doubles, malignant: Bools) -> float:
    """Average precision of the malignant class, ties taken together; chance gives the prevalence."""
    values, which = np.unique(-score, return_inverse=True)
    hits = np.bincount(which[malignant], minlength=len(values))
    called = np.cumsum(np.bincount(which, minlength=len(values)))
    return float((hits * np.cumsum(hits) / called).sum() / hits.sum())


def sensitivity_at_specificity(score: Doubles, malignant: Bools) -> float:
    """Share of malignant cells above the lowest threshold that keeps `FIXED_SPECIFICITY` of the healthy ones below.

    The threshold is that of the cells judged: what an ideal choice of it would reach.
    """
    healthy = np.sort(score[~malignant])
    threshold = healthy[int(np.ceil(FIXED_SPECIFICITY * len(healthy))) - 1]
    return float((score[malignant] > threshold).mean())


def brier(p_malignant: Doubles, malignant: Bools) -> float:
    """Mean squared distance between probability and truth; 0 is perfect."""
    return float(np.square(p_malignant - malignant).mean())


def ece(p_malignant: Doubles, malignant: Bools) -> float:
    """Expected calibration error over `ECE_BINS` equal bins of p_malignant.

    A perfectly calibrated model shows about 0.04 on 800 cells by chance.
    """
    bins = np.minimum((p_malignant * ECE_BINS).astype(int), ECE_BINS - 1)
    gap = np.bincount(bins, weights=p_malignant - malignant, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(p_malignant))


def band_metrics(band: Band) -> dict[str, Metric]:
    """What an indeterminate band does: its share of cells, and the figures of the cells outside it."""

    def outside(metric: Metric) -> Metric:
        def on_assessed(p_malignant: Doubles, malignant: Bools) -> float:
            kept = (p_malignant <= band.low) | (p_malignant >= band.high)
            return metric(p_malignant[kept], malignant[kept])

        return on_assessed

    return {
        "indeterminate_share": lambda p, _: float(((p > band.low) & (p < band.high)).mean()),
        "sensitivity_outside": outside(sensitivity),
        "specificity_outside": outside(specificity),
    }


METRICS: dict[str, Metric] = {
    "weighted_f1": weighted_f1,
    "auroc": auroc,
    "pr_auc": pr_auc,
    "accuracy": accuracy,
    "f1": f1,
    "precision": precision,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "sensitivity_at_specificity": sensitivity_at_specificity,
    "mcc": mcc,
    "ece": ece,
    "brier": brier,
}


METRIC_NAMES = {
    "weighted_f1": "Weighted F1",
    "auroc": "AUROC",
    "pr_auc": "PR-AUC (average precision)",
    "accuracy": "Accuracy",
    "f1": "F1 (malignant)",
    "precision": "Precision (malignant)",
    "sensitivity": "Sensitivity (malignant)",
    "specificity": "Specificity (healthy)",
    "sensitivity_at_specificity": f"Sensitivity at specificity {FIXED_SPECIFICITY}",
    "mcc": "Matthews correlation",
    "ece": "Expected calibration error",
    "brier": "Brier score",
}
"""How each of `METRICS` is written for people."""


def group_resamples(
    malignant: Bools, groups: Sequence[str], *, seed: int, resamples: int = RESAMPLES
) -> list[npt.NDArray[np.intp]]:
    """Row numbers of each bootstrap sample: leak groups drawn with replacement within their class."""
    names = np.asarray(groups)
    rng = np.random.default_rng(seed)
    rows = {name: np.flatnonzero(names == name) for name in dict.fromkeys(groups)}
    sides = [[name for name in rows if malignant[rows[name][0]] == side] for side in (True, False)]
    return [
        np.concatenate([rows[side[i]] for side in sides for i in rng.integers(len(side), size=len(side))])
        for _ in range(resamples)
    ]


def interval(value: float, resampled: Sequence[float]) -> Interval:
    """A figure with the 2.5 % and 97.5 % quantiles of its resamples."""
    low, high = np.quantile(np.asarray(resampled), (0.025, 0.975))
    return Interval(value=value, low=float(low), high=float(high))


def with_interval(
    metric: Metric, score: Doubles, malignant: Bools, samples: Sequence[npt.NDArray[np.intp]]
) -> Interval:
    """One metric on all cells, and its interval."""
    return interval(metric(score, malignant), [metric(score[rows], malignant[rows]) for rows in samples])


def difference(
    metric: Metric, one: Doubles, other: Doubles, malignant: Bools, samples: Sequence[npt.NDArray[np.intp]]
) -> Interval:
    """Paired: metric of `one` minus metric of `other` on the same cells and the same resamples."""
    gaps = [metric(one[rows], malignant[rows]) - metric(other[rows], malignant[rows]) for rows in samples]
    return interval(metric(one, malignant) - metric(other, malignant), gaps)
