"""A bundle with an engine: pixels in, predictions out. The one path for serving, commands and evaluation."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from models.bundle import Bundle, BundleRefused, Calibration, GoldenCell, read_bundle
from models.cell_view import look_at_cell
from models.decision import Decision, Judge, PredictionLabel, not_assessable
from models.decoding import decode_cell
from models.engines import Engine, EngineName, Floats, open_engine
from models.head import Head, HeadOutput
from models.labels import Label
from models.measurements import ImageArray, measure_cell
from models.preprocessing import Preprocessing, cell_weights
from models.quality import Quality, QualityLevel, inspect_cell
from models.views import mean_output, turn

__all__ = ["CellOutput", "Classifier", "EngineDisagrees", "PredictionLabel", "calibrated"]

GOLDEN_TOLERANCE = 1e-4
"""How far a probability may lie from the bundle's golden one before the engine is refused."""


class EngineDisagrees(RuntimeError):
    """An engine does not reproduce the bundle's golden outputs and must not serve."""


@dataclass(frozen=True)
class CellOutput:
    """What a bundle says of one cell.

    decision: label, reasons, prediction set. quality: what the gate saw. p_malignant: calibrated, 0..1. logits (2,),
    embedding (d,), heatmap (h, w): float32, see `models.head`. Where a cell is not assessable no network was asked,
    and all four are None.
    """

    decision: Decision
    quality: Quality
    p_malignant: float | None = None
    logits: Floats | None = None
    embedding: Floats | None = None
    heatmap: Floats | None = None

    @property
    def label(self) -> PredictionLabel:
        return self.decision.label

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.decision.reasons

    @property
    def prediction_set(self) -> tuple[Label, ...] | None:
        return self.decision.prediction_set

    @property
    def p_healthy(self) -> float | None:
        return None if self.p_malignant is None else 1.0 - self.p_malignant


class Classifier:
    """One loaded model."""

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        self.bundle = bundle
        self.engine = engine
        self._head = Head(bundle.manifest.head, bundle.weights)
        self._judge = Judge(bundle)
        # A batch needs pictures of one size; one at a time may leave the background out.
        self._cell_alone = bundle.manifest.head.pooling == "cell_mean_deviation"
        self._check_golden()

    @classmethod
    def open(
        cls, folder: Path, engine: EngineName = "auto", expected_sha256: str | None = None
    ) -> "Classifier":
        """Read, verify and load a bundle, and hold it against its golden outputs.

        Raises:
            BundleRefused, EngineUnavailable, EngineDisagrees.
        """
        bundle = read_bundle(folder, expected_sha256=expected_sha256)
        try:
            return cls(bundle, open_engine(bundle, engine))
        except (KeyError, ValueError) as impossible:
            raise BundleRefused(f"{bundle.id} reads well but cannot be loaded: {impossible}") from impossible

    def classify(
        self, cells: Sequence[ImageArray], measurements: Sequence[dict[str, float]] | None = None
    ) -> list[CellOutput]:
        """Classify cells, in order.

        Args:
            cells: (450, 450, 3) uint8 RGB each, as `decode_cell` gives them.
            measurements: their `measure_cell` values, when the caller has them already.

        Raises:
            FloatingPointError: the network gave a value that is not finite.
        """
        if measurements is None:
            measurements = [measure_cell(cell) for cell in cells]
        quality = [
            self._judge.quality(values | inspect_cell(cell, self._recipe))
            for cell, values in zip(cells, measurements, strict=True)
        ]
        assessed = [i for i, each in enumerate(quality) if each.level is not QualityLevel.NOT_ASSESSABLE]
        seen = self._look([cells[i] for i in assessed], [measurements[i] for i in assessed])
        answers = {
            i: self._finish(output, measurements[i], quality[i])
            for i, output in zip(assessed, seen, strict=True)
        }
        return [answers.get(i) or CellOutput(not_assessable(each), each) for i, each in enumerate(quality)]

    def classify_many(self, cells: Sequence[ImageArray]) -> list[CellOutput]:
        """`classify` for any number of cells, as many at a time as the engine has streams."""
        size = self.engine.batch
        batches = [cells[start : start + size] for start in range(0, len(cells), size)]
        with ThreadPoolExecutor(self.engine.streams) as pool:
            return [output for batch in pool.map(self.classify, batches) for output in batch]

    def look_ungated(self, cell: ImageArray) -> HeadOutput:
        """What the network says of a cell, whatever the gate would: for judging the network alone."""
        return self._look([cell], [measure_cell(cell)])[0]

    def p_malignant_ungated(self, cell: ImageArray) -> float:
        """The probability in what `look_ungated` gives.

        Raises:
            FloatingPointError: the network gave a value that is not finite.
        """
        return self._p_malignant(self.look_ungated(cell))

    def _look(self, cells: list[ImageArray], measurements: list[dict[str, float]]) -> list[HeadOutput]:
        """Engine and head over every view of each cell, in order."""
        views = self.bundle.manifest.views
        crops = [turn(self._recipe.crop(cell), which) for cell in cells for which in range(views)]
        values = [each for each in measurements for _ in range(views)]
        seen = self._look_once(crops, values) if crops else []
        return [mean_output(seen[start : start + views]) for start in range(0, len(seen), views)]

    def _look_once(self, crops: list[ImageArray], measurements: list[dict[str, float]]) -> list[HeadOutput]:
        if self._cell_alone and self.engine.batch == 1:
            look = partial(
                look_at_cell,
                engine=self.engine,
                head=self._head,
                architecture=self.bundle.manifest.architecture,
                recipe=self._recipe,
            )
            return [look(crop, values) for crop, values in zip(crops, measurements, strict=True)]
        maps = self.engine.maps(np.stack([self._recipe.normalise(crop) for crop in crops]))
        return [
            self._head(feature_map, cell_weights(crop, feature_map.shape[-1]), values)
            for feature_map, crop, values in zip(maps, crops, measurements, strict=True)
        ]

    def _finish(self, output: HeadOutput, measurements: dict[str, float], quality: Quality) -> CellOutput:
        p_malignant = self._p_malignant(output)
        decision = self._judge.decide(p_malignant, output.embedding, measurements)
        return CellOutput(decision, quality, p_malignant, output.logits, output.embedding, output.heatmap)

    def _p_malignant(self, output: HeadOutput) -> float:
        if not np.isfinite(output.logits).all():
            raise FloatingPointError(f"Expected finite logits from {self.bundle.id}, got {output.logits}.")
        return calibrated(output.logits, self.bundle.manifest.calibration)

    @property
    def _recipe(self) -> Preprocessing:
        return self.bundle.manifest.preprocessing

    def _check_golden(self) -> None:
        def ask(cell: GoldenCell) -> float:
            return self.p_malignant_ungated(decode_cell(cell.data).pixels)

        with ThreadPoolExecutor(self.engine.streams) as pool:
            answers = list(pool.map(ask, self.bundle.golden))
        for cell, found in zip(self.bundle.golden, answers, strict=True):
            if not abs(found - cell.p_malignant) <= GOLDEN_TOLERANCE:
                raise EngineDisagrees(
                    f"Engine {self.engine.name} gives {found} for {cell.file} of {self.bundle.id}, "
                    f"expected {cell.p_malignant:.6f} within {GOLDEN_TOLERANCE}."
                )


def calibrated(logits: Floats, calibration: Calibration) -> float:
    """p_malignant = sigmoid(slope * (l_malignant - l_healthy) + intercept), without overflow."""
    z = calibration.slope * (float(logits[0]) - float(logits[1])) + calibration.intercept
    return 1.0 / (1.0 + math.exp(-z)) if z >= 0 else math.exp(z) / (1.0 + math.exp(z))
