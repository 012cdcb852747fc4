"""Which of a cell's verdicts hold. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.reviews.tables import Reading, Review, Verdict


def standing(reviews: Iterable[Review]) -> Review | None:
    """The newest verdict of one reading of one cell that was not taken back."""
    rows = list(reviews)
    gone = {row.withdraws for row in rows if row.withdraws is not None}
    held = [row for row in rows if row.withdraws is None and row.number not in gone]
    return max(held, key=lambda row: row.number, default=None)


@dataclass(frozen=True)
class CellVerdicts:
    """The verdict that holds in each reading of one cell."""

    first: Review | None = None
    second: Review | None = None
    adjudication: Review | None = None

    @classmethod
    def of(cls, reviews: Iterable[Review]) -> "CellVerdicts":
        """From all rows of one cell."""
        rows = list(reviews)
        return cls(
            **{reading.value: standing(row for row in rows if row.reading is reading) for reading in Reading}
        )

    @property
    def final(self) -> Review | None:
        """The verdict that counts; None where there is none, or where two readers disagree and nobody settled it."""
        if self.adjudication is not None:
            return self.adjudication
        return None if self.disagree else self.first

    @property
    def disagree(self) -> bool:
        """Whether both readers judged and said different things."""
        return (
            self.first is not None
            and self.second is not None
            and self.first.verdict is not self.second.verdict
        )


def both_readings(verdicts: Iterable[CellVerdicts]) -> Iterator[tuple[Verdict, Verdict]]:
    """First and second verdict of each cell that has both, as they were before adjudication."""
    for each in verdicts:
        if each.first is not None and each.second is not None:
            yield each.first.verdict, each.second.verdict
