"""The part of a crop that a cell's pooled positions can see, and the network run there and nowhere else.

One piece for training and serving. It holds for heads that pool the cell alone; the background outside the view
cannot change their answer, and is a third of the work.
"""

from dataclasses import replace

import numpy as np

from models.engines import Engine, Floats
from models.head import Head, HeadOutput
from models.measurements import ImageArray
from models.networks import Architecture, vgg_reach
from models.preprocessing import Preprocessing, cell_weights


def look_at_cell(
    crop: ImageArray,
    measurements: dict[str, float],
    *,
    engine: Engine,
    head: Head,
    architecture: Architecture,
    recipe: Preprocessing,
) -> HeadOutput:
    """Engine and head for one cell whose head pools `cell_mean_deviation`.

    Args:
        crop: (s, s, 3) uint8, what `recipe.crop` cut. measurements: as `Head.__call__` takes them.

    Returns:
        The head's output; its heatmap covers the whole crop, zero outside the view.
    """
    stride, reach = vgg_reach(architecture)
    inside = cell_weights(crop, crop.shape[0] // stride)
    rows, columns = cell_view(inside, reach)
    image = recipe.normalise(crop)
    seen = image[rows.start * stride : rows.stop * stride, columns.start * stride : columns.stop * stride]
    output = head(engine.maps(seen[None])[0], np.ascontiguousarray(inside[rows, columns]), measurements)
    heatmap = np.zeros_like(inside)
    # Grad-CAM's channel weights are means over the map, and the view's map is smaller.
    heatmap[rows, columns] = output.heatmap * (output.heatmap.size / inside.size)
    return replace(output, heatmap=heatmap)


def cell_view(inside: Floats, reach: int) -> tuple[slice, slice]:
    """Rows and columns of the map that hold the cell and `reach` positions more on every side.

    Args:
        inside: (h, w) float32, `preprocessing.cell_weights`. reach: from `networks.vgg_reach`.
    """
    return _span(inside.max(axis=1), reach), _span(inside.max(axis=0), reach)


def _span(occupied: Floats, reach: int) -> slice:
    positions = np.flatnonzero(occupied)
    return slice(max(int(positions[0]) - reach, 0), min(int(positions[-1]) + 1 + reach, len(occupied)))
