"""Intervals and tests for monitoring; pure numpy."""

import math

import numpy as np
import numpy.typing as npt

from app.monitoring.figures import Share

Doubles = npt.NDArray[np.float64]

PERMUTATIONS = 4999
Z = 1.959964


def share(count: int, n: int, *, least: int) -> Share:
    """A share with Wilson's 95 % interval; silent below `least`."""
    if n < max(least, 1):
        return Share(count, n, None, None, None)
    value, spread = count / n, Z**2 / n
    middle = (value + spread / 2) / (1 + spread)
    half = Z * math.sqrt(value * (1 - value) / n + spread / (4 * n)) / (1 + spread)
    return Share(count, n, value, max(middle - half, 0.0), min(middle + half, 1.0))


def kolmogorov_smirnov(one: Doubles, other: Doubles) -> tuple[float, float]:
    """Two samples: the largest distance of their distribution functions, and its p-value (asymptotic, Stephens)."""
    points = np.concatenate([one, other])
    below = [np.searchsorted(np.sort(each), points, side="right") / len(each) for each in (one, other)]
    distance = float(np.abs(below[0] - below[1]).max())
    root = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    x = (root + 0.12 + 0.11 / root) * distance
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101))
    return distance, min(max(sum(terms), 0.0), 1.0) if x > 0.2 else 1.0


def mean_shift(one: Doubles, other: Doubles, *, seed: int = 0) -> tuple[float, float]:
    """How far the means of two samples of vectors lie apart, and how often as far by chance.

    Args:
        one: (n, d). other: (m, d). Every value is divided by its deviation over both.

    Returns:
        Root of the mean squared distance in deviations; p-value from `PERMUTATIONS` permutations of the rows.
    """
    rows = np.concatenate([one, other])
    rows = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)
    random = np.random.default_rng(seed)
    mine = np.zeros((PERMUTATIONS + 1, len(rows)))
    mine[0, : len(one)] = 1.0
    for i in range(1, PERMUTATIONS + 1):
        mine[i, random.permutation(len(rows))[: len(one)]] = 1.0
    # Rows have mean zero, so the sum of one part tells the mean of both.
    sums = mine @ rows
    gaps = np.sqrt(np.square(sums / len(one) + sums / len(other)).mean(axis=1))
    return float(gaps[0]), float((gaps >= gaps[0] - 1e-12).mean())
