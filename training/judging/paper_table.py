"""The paper's results table, computed again from the counts behind it: `python -m training paper-table`.

The figures stand on 339 + 339 images: malignant cells were dropped until the classes were equal.
"""

from dataclasses import dataclass

ROUNDING = 0.01
"""Per cent. Two decimals are printed, and Xception's F1, 90.76, is what its rounded precision and sensitivity give; the
counts give 90.754."""


@dataclass(frozen=True)
class Counts:
    """Cells by truth and answer; positive is malignant."""

    true_positive: int
    false_negative: int
    true_negative: int
    false_positive: int


@dataclass(frozen=True)
class PaperRow:
    """One network: the counts and what the paper prints, in per cent."""

    network: str
    counts: Counts
    printed: dict[str, float]


@dataclass(frozen=True)
class Misprint:
    """A printed figure that its counts do not give, in per cent."""

    network: str
    figure: str
    printed: float
    computed: float


PAPER_TABLE = (
    PaperRow(
        "vgg16",
        Counts(319, 20, 308, 31),
        {"accuracy": 92.48, "precision": 91.14, "sensitivity": 94.10, "specificity": 90.86, "f1": 92.60},
    ),
    PaperRow(
        "vgg19",
        Counts(317, 22, 304, 35),
        {"accuracy": 91.59, "precision": 90.06, "sensitivity": 93.51, "specificity": 86.68, "f1": 91.75},
    ),
    PaperRow(
        "xception",
        Counts(319, 20, 294, 45),
        {"accuracy": 90.41, "precision": 87.64, "sensitivity": 94.10, "specificity": 86.73, "f1": 90.76},
    ),
)


def figures(counts: Counts) -> dict[str, float]:
    """The paper's five figures of the malignant class, in per cent."""
    hits, misses = counts.true_positive, counts.false_negative
    rejections, alarms = counts.true_negative, counts.false_positive
    return {
        "accuracy": 100 * (hits + rejections) / (hits + misses + rejections + alarms),
        "precision": 100 * hits / max(hits + alarms, 1),
        "sensitivity": 100 * hits / (hits + misses),
        "specificity": 100 * rejections / (rejections + alarms),
        "f1": 100 * 2 * hits / (2 * hits + misses + alarms),
    }


def misprints() -> list[Misprint]:
    """Printed figures that their counts do not give."""
    return [
        Misprint(row.network, name, printed, round(figures(row.counts)[name], 2))
        for row in PAPER_TABLE
        for name, printed in row.printed.items()
        if abs(figures(row.counts)[name] - printed) > ROUNDING
    ]
