"""A bundle with an engine: pixels in, predictions out. The one path for serving, commands and evaluation."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np

from models.bundle import Bundle, Calibration, Weights, read_bundle
from models.cell_view import look_at_cell
from models.decoding import decode_cell
from models.engines import Engine, EngineName, Floats, open_engine
from models.head import Head, HeadOutput
from models.measurements import ImageArray, measure_cell
from models.preprocessing import cell_weights

GOLDEN_TOLERANCE = 1e-4
"""How far a probability may lie from the bundle's golden one before the engine is refused."""


class PredictionLabel(StrEnum):
    """What a prediction may say of one cell; the last two are answers, not errors."""

    MALIGNANT = "malignant"
    HEALTHY = "healthy"
    INDETERMINATE = "indeterminate"
    NOT_ASSESSABLE = "not_assessable"


class EngineDisagrees(RuntimeError):
    """An engine does not reproduce the bundle's golden outputs and must not serve."""


@dataclass(frozen=True)
class CellOutput:
    """What a bundle says of one cell.

    p_malignant: calibrated, 0..1; p_healthy is its complement. label and reasons: after the indeterminate
    band. logits (2,), embedding (d,), heatmap (h, w): float32, see `models.head`.
    """

    p_malignant: float
    label: PredictionLabel
    reasons: tuple[str, ...]
    logits: Floats
    embedding: Floats
    heatmap: Floats

    @property
    def p_healthy(self) -> float:
        return 1.0 - self.p_malignant


class Classifier:
    """One loaded model."""

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        self.bundle = bundle
        self.engine = engine
        self._head = Head(bundle.manifest.head, bundle.weights)
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
        return cls(bundle, open_engine(bundle, engine))

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
        recipe = self.bundle.manifest.preprocessing
        crops = [recipe.crop(cell) for cell in cells]
        if self._cell_alone and self.engine.batch == 1:
            look = partial(
                look_at_cell,
                engine=self.engine,
                head=self._head,
                architecture=self.bundle.manifest.architecture,
                recipe=recipe,
            )
            heads = [look(crop, values) for crop, values in zip(crops, measurements, strict=True)]
        else:
            maps = self.engine.maps(np.stack([recipe.normalise(crop) for crop in crops]))
            heads = [
                self._head(feature_map, cell_weights(crop, feature_map.shape[-1]), values)
                for feature_map, crop, values in zip(maps, crops, measurements, strict=True)
            ]
        return [self._finish(output) for output in heads]

    def classify_many(self, cells: Sequence[ImageArray]) -> list[CellOutput]:
        """`classify` for any number of cells, as many at a time as the engine has streams."""
        size = self.engine.batch
        batches = [cells[start : start + size] for start in range(0, len(cells), size)]
        with ThreadPoolExecutor(self.engine.streams) as pool:
            return [output for batch in pool.map(self.classify, batches) for output in batch]

    def _finish(self, output: HeadOutput) -> CellOutput:
        if not np.isfinite(output.logits).all():
            raise FloatingPointError(f"Expected finite logits from {self.bundle.id}, got {output.logits}.")
        p_malignant = calibrated(output.logits, self.bundle.manifest.calibration)
        label, reasons = self._label(p_malignant, output.embedding)
        return CellOutput(p_malignant, label, reasons, output.logits, output.embedding, output.heatmap)

    def _label(self, p_malignant: float, embedding: Floats) -> tuple[PredictionLabel, tuple[str, ...]]:
        band, novelty = self.bundle.manifest.band, self.bundle.manifest.novelty
        reasons = []
        if band.low < p_malignant < band.high:
            reasons.append("inside_indeterminate_band")
        if novelty is not None and novelty_distance(embedding, self.bundle.weights) > novelty.limit:
            reasons.append("unlike_training_cells")
        if reasons:
            return PredictionLabel.INDETERMINATE, tuple(reasons)
        malignant = p_malignant >= band.high
        return (PredictionLabel.MALIGNANT if malignant else PredictionLabel.HEALTHY), ()

    def _check_golden(self) -> None:
        for cell in self.bundle.golden:
            found = self.classify([decode_cell(cell.data).pixels])[0].p_malignant
            if not abs(found - cell.p_malignant) <= GOLDEN_TOLERANCE:
                raise EngineDisagrees(
                    f"Engine {self.engine.name} gives {found:.6f} for {cell.file} of {self.bundle.id}, "
                    f"expected {cell.p_malignant:.6f} within {GOLDEN_TOLERANCE}."
                )


def novelty_distance(embedding: Floats, weights: Weights) -> float:
    """How far an embedding lies from those of the training cells; see `models.bundle.Novelty`."""
    mean, scale = (weights[f"novelty__{part}"].astype(np.float32) for part in ("mean", "scale"))
    return float(np.square((embedding - mean) / scale).mean())


def calibrated(logits: Floats, calibration: Calibration) -> float:
    """p_malignant = sigmoid(slope * (l_malignant - l_healthy) + intercept), without overflow."""
    z = calibration.slope * (float(logits[0]) - float(logits[1])) + calibration.intercept
    return 1.0 / (1.0 + math.exp(-z)) if z >= 0 else math.exp(z) / (1.0 + math.exp(z))
