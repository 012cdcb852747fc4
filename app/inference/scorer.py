"""The seam between the case log and whatever computes: everything above it is unaware of which one runs."""

from dataclasses import dataclass
from typing import Protocol

from models.classifier import CellOutput
from models.measurements import ImageArray


@dataclass(frozen=True)
class ModelRef:
    """Which model must answer: its digest leaves no doubt."""

    name: str
    version: str
    sha256: str

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """`NAME/VERSION@SHA256`, as `str` writes it."""
        name_version, _, sha256 = text.partition("@")
        name, _, version = name_version.partition("/")
        return cls(name, version, sha256)

    def __str__(self) -> str:
        return f"{self.name}/{self.version}@{self.sha256}"


@dataclass(frozen=True)
class Question:
    """One cell to score. pixels: (450, 450, 3) uint8 RGB; measurements: `measure_cell` of them."""

    pixels: ImageArray
    measurements: dict[str, float]
    model: ModelRef


@dataclass(frozen=True)
class Score:
    """An answer. model: the one that computed it. band: its indeterminate band of p_malignant, (low, high).
    latency_ms: hand-over to answer.
    """

    output: CellOutput
    model: ModelRef
    engine: str
    preprocessing_version: int
    band: tuple[float, float]
    latency_ms: float


class Scorer(Protocol):
    """Scores cells."""

    async def score(self, question: Question, *, deadline_s: float) -> Score:
        """Score one cell.

        Raises:
            Overloaded: no place, or no answer within the deadline. EngineUnavailable: the engine is away.
            ScoreFailed: the engine answered that this cell cannot be scored.
        """
        ...

    async def load(self, model: ModelRef) -> None:
        """Have an engine load a model beside the one that answers, and hold it against its golden cells.

        Raises:
            EngineUnavailable: the engine is away, or refuses the model; the text says which.
        """
        ...

    async def ready(self) -> bool:
        """Whether an engine answers."""
        ...
