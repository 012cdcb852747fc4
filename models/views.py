"""The ways a square picture can lie: a cell has no up, so a network may look at it several times."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.head import HeadOutput
from models.measurements import ImageArray

Floats = npt.NDArray[np.float32]


def turn(pixels: ImageArray, which: int) -> ImageArray:
    """One of the eight symmetries of a square: `which` 0..7, quarter turns, mirrored from 4 on."""
    turned = np.rot90(pixels, which % 4)
    return np.ascontiguousarray(turned[:, ::-1] if which >= 4 else turned)


def turn_back(plane: Floats, which: int) -> Floats:
    """Undo `turn` on a plane: (h, w) -> (h, w)."""
    mirrored = plane[:, ::-1] if which >= 4 else plane
    return np.ascontiguousarray(np.rot90(mirrored, -(which % 4)))


def mean_output(outputs: Sequence[HeadOutput]) -> HeadOutput:
    """What the views of one cell, `turn` 0, 1, ..., say together: means of logits, embeddings and heatmaps."""
    if len(outputs) == 1:
        return outputs[0]
    heatmaps = [turn_back(output.heatmap, which) for which, output in enumerate(outputs)]
    return HeadOutput(
        logits=np.mean([output.logits for output in outputs], axis=0, dtype=np.float32),
        embedding=np.mean([output.embedding for output in outputs], axis=0, dtype=np.float32),
        heatmap=np.mean(heatmaps, axis=0, dtype=np.float32),
    )
