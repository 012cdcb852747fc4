"""What augmentation does, shown on drawn cells: the paper's figure 3 without a picture of anybody's cell."""

import numpy as np
from matplotlib.figure import Figure

from models.drawn_cells import draw_cell
from models.measurements import ImageArray
from training.fitting.cell_variation import altered_crops
from training.pictures.augmentation import altered
from training.pictures.patches import jitter_stain, sample_patch
from training.profiles import CellProfile, ImageProfile, Profile

SHOWN = 5
SHOWN_PX = 300
"""Side of the part of a picture that is shown."""


def augmentation_samples(profile: Profile, *, cells: int = 2) -> Figure:
    """A row a drawn cell: the cell, then what a step of training would see of it."""
    figure = Figure(figsize=(7.2, 1.35 * cells), layout="constrained")
    for row, axes in enumerate(figure.subplots(cells, SHOWN + 1, squeeze=False)):
        pixels = draw_cell(profile.seed + row)
        shown = [_middle(pixels), *_samples(pixels, profile, np.random.default_rng((profile.seed, row)))]
        for place, (each, picture) in enumerate(zip(axes, shown, strict=True)):
            each.imshow(picture)
            each.set_axis_off()
            if row == 0:
                each.set_title(f"sample {place}" if place else "drawn cell", fontsize=8)
    return figure


def _samples(pixels: ImageArray, profile: Profile, random: np.random.Generator) -> list[ImageArray]:
    """Altered pictures, crops or patches, whatever the profile learns from."""
    if isinstance(profile, ImageProfile):
        return [_middle(altered(pixels, random, profile.examples)) for _ in range(SHOWN)]
    if isinstance(profile, CellProfile):
        return list(altered_crops(np.stack([profile.preprocessing.crop(pixels)] * SHOWN), random, profile))
    return [sample_patch(jitter_stain(pixels, random), random) for _ in range(SHOWN)]


def _middle(pixels: ImageArray) -> ImageArray:
    border = (pixels.shape[0] - SHOWN_PX) // 2
    return pixels[border:-border, border:-border]
