"""How far two that judged the same cells agree. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MINIMUM_CASES = 10
"""Cells of one case are alike, so one case alone says nothing about two readers."""

DRAWS = 2000
SEED = 0


@dataclass(frozen=True)
class AgreementTable:
    """How often one said the first word of a pair and the other the second, over the same cells."""

    counts: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "AgreementTable":
        return cls(Counter(pairs))

    @classmethod
    def sum(cls, tables: Iterable["AgreementTable"]) -> "AgreementTable":
        total: Counter[tuple[str, str]] = Counter()
        for table in tables:
            total.update(table.counts)
        return cls(total)

    @property
    def cells(self) -> int:
        return sum(self.counts.values())

    @property
    def agreeing(self) -> int:
        return sum(count for (one, other), count in self.counts.items() if one == other)


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa over the cells of several cases, with its 95 % bootstrap interval over cases."""

    value: float
    low: float
    high: float
    cases: int
    cells: int


def kappa(tables: Sequence[AgreementTable]) -> Kappa | None:
    """Cohen's kappa of two readers.

    Args:
        tables: one a case, of the two readings before anybody settled a disagreement.

    Returns:
        None below `MINIMUM_CASES` cases with cells, and where only one word was ever used: chance alone would
        agree then, and kappa is not defined.
    """
    judged = [table for table in tables if table.cells]
    if len(judged) < MINIMUM_CASES:
        return None
    words = sorted({word for table in judged for pair in table.counts for word in pair})
    counts = np.array(
        [[[table.counts.get((one, other), 0) for other in words] for one in words] for table in judged], float
    )
    value = float(_kappas(counts.sum(axis=0)[None])[0])
    if np.isnan(value):
        return None
    random = np.random.default_rng(SEED)
    weights = random.multinomial(len(judged), np.full(len(judged), 1 / len(judged)), DRAWS)
    drawn = _kappas(np.tensordot(weights.astype(float), counts, axes=1))
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return Kappa(value, float(low), float(high), len(judged), int(counts.sum()))


def _kappas(tables: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(draws, words, words) counts -> (draws,) kappas; NaN where chance alone agrees always."""
    shares = tables / tables.sum(axis=(1, 2), keepdims=True)
    observed = np.trace(shares, axis1=1, axis2=2)
    expected = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
