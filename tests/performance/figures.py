"""What a benchmark hands on: spreads over rounds, bounds, rows of the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of one value over the rounds."""

    middle: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values), len(values))

    def __str__(self) -> str:
        if self.rounds == 1:
            return _short(self.middle)
        return f"{_short(self.middle)} ({_short(self.low)} to {_short(self.high)})"


@dataclass(frozen=True)
class Bound:
    """What issue 4 asks for. at_least: otherwise at most. aim: what it hopes for."""

    value: float
    at_least: bool
    aim: float | None = None

    def holds(self, found: float) -> bool:
        return found >= self.value if self.at_least else found <= self.value

    def __str__(self) -> str:
        aim = f", aim {self.aim:g}" if self.aim is not None else ""
        return f"{'>=' if self.at_least else '<='} {self.value:g}{aim}"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ours, theirs: with their unit, as text. found: the value the bound is about, usually a ratio. met: None
    where the row is there for comparison only.
    """

    measure: str
    ours: str
    theirs: str
    found: str
    asked: str
    met: bool | None = None


def ratio_row(
    measure: str, unit: str, ours: Sequence[float], theirs: Sequence[float], bound: Bound | None = None
) -> Row:
    """A row from paired rounds: the ratio is taken inside each round, then its median."""
    ratio = Spread.of([mine / other for mine, other in zip(ours, theirs, strict=True)])
    return Row(
        measure,
        f"{Spread.of(ours)} {unit}",
        f"{Spread.of(theirs)} {unit}",
        f"{ratio}x",
        f"{bound}x" if bound else "for comparison",
        bound.holds(ratio.middle) if bound else None,
    )


def value_row(measure: str, unit: str, values: Sequence[float], bound: Bound) -> Row:
    """A row with a bound on the value itself, which must hold in every round."""
    spread = Spread.of(values)
    worst = spread.low if bound.at_least else spread.high
    return Row(measure, f"{spread} {unit}", "", f"{spread} {unit}", f"{bound} {unit}", bound.holds(worst))


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
