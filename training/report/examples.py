"""What augmentation does, shown on drawn cells: the paper's figure 3 without a picture of anybody's cell."""

import numpy as np
from matplotlib.figure import Figure

from models.drawn_cells import draw_cell
from models.measurements import ImageArray
from training.patches import jitter_stain, sample_patch

SHOWN = 5


def augmentation_samples(*, seed: int, cells: int = 2) -> Figure:
    """A row a drawn cell: the cell, then patches of it as training would draw them."""
    figure = Figure(figsize=(7.2, 1.35 * cells), layout="constrained")
    for row, axes in enumerate(figure.subplots(cells, SHOWN + 1, squeeze=False)):
        pixels = draw_cell(seed + row)
        pictures = [pixels[75:375, 75:375], *_patches(pixels, (seed, row))]
        for place, (each, shown) in enumerate(zip(axes, pictures, strict=True)):
            each.imshow(shown)
            each.set_axis_off()
            if row == 0:
                each.set_title("drawn cell" if place == 0 else f"patch {place}", fontsize=8)
    return figure


def _patches(pixels: ImageArray, seed: tuple[int, int]) -> list[ImageArray]:
    random = np.random.default_rng(seed)
    return [sample_patch(jitter_stain(pixels, random), random) for _ in range(SHOWN)]
