"""Boosted decision trees over a few numbers, in numpy: what the measurements add to a network's margin.

Every tree is complete: `d` levels of questions, a value under each of its 2^d ends, nodes counted level by level.
A question asks whether a number is greater than a threshold, and goes right where it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

PREFIX = "trees__"
"""How the names of a bundle's arrays of trees begin."""


@dataclass(frozen=True)
class BoostedTrees:
    """feature: (t, 2^d - 1) int, which number is asked. threshold: (t, 2^d - 1) float32. value: (t, 2^d) float32.

    Raises:
        ValueError: the shapes contradict one another, or a number is asked that is not among `numbers`.
    """

    feature: npt.NDArray[np.intp]
    threshold: Floats
    value: Floats
    numbers: int

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[np.floating]], numbers: int) -> "BoostedTrees":
        """Out of a bundle's arrays, `trees__feature`, `trees__threshold`, `trees__value`.

        Raises:
            ValueError: one is missing, or they do not fit together.
        """
        missing = [name for name in ("feature", "threshold", "value") if PREFIX + name not in arrays]
        if missing:
            raise ValueError(f"Expected {[PREFIX + name for name in missing]} beside the other weights.")
        return cls(
            feature=arrays[f"{PREFIX}feature"].astype(np.intp),
            threshold=arrays[f"{PREFIX}threshold"].astype(np.float32),
            value=arrays[f"{PREFIX}value"].astype(np.float32),
            numbers=numbers,
        )

    def __post_init__(self) -> None:
        questions = (len(self.value), self.value.shape[-1] - 1)
        if self.feature.shape != questions or self.threshold.shape != questions:
            raise ValueError(
                f"Expected features and thresholds of shape {questions} for values of shape {self.value.shape}, "
                f"got {self.feature.shape} and {self.threshold.shape}."
            )
        if self.value.shape[-1] != 1 << self.depth:
            raise ValueError(f"Expected a power of two ends a tree, got {self.value.shape[-1]}.")
        if self.feature.size and not 0 <= self.feature.min() <= self.feature.max() < self.numbers:
            raise ValueError(f"Expected trees that ask for numbers 0 to {self.numbers - 1}.")

    @property
    def depth(self) -> int:
        """Questions on the way to a value."""
        return int(self.value.shape[-1]).bit_length() - 1

    def margin(self, numbers: Floats) -> Floats:
        """Sum of the trees' values: (n, numbers) float32 -> (n,) float32."""
        trees = np.arange(len(self.value))
        rows = np.arange(len(numbers))[:, None]
        place = np.zeros((len(numbers), len(trees)), np.intp)
        for level in range(self.depth):
            node = place + (1 << level) - 1
            asked = numbers[rows, self.feature[trees, node]]
            place = 2 * place + (asked > self.threshold[trees, node])
        return np.asarray(self.value[trees, place].sum(axis=1), np.float32)
