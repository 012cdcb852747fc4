"""Decode every cell once: crops, measurements and augmented patches as arrays on disk.

Everything that needs the pictures is done here; fitting reads memory-mapped arrays, whose row `i` is the
`i`-th cell of `read_dataset`.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from models.measurements import MEASUREMENTS, ImageArray, measure_cell
from models.preprocessing import Floats, Preprocessing
from models.quality import inspect_cell
from training.dataset import LabelledCell, read_pixels
from training.patches import jitter_stain, pooling_weights, sample_patch
from training.profiles import Profile


@dataclass(frozen=True)
class PreparedCells:
    """The arrays of `prepare`, cells first.

    crops: (n, s, s, 3) uint8, what the network sees at serving time. measurements: (n, len(MEASUREMENTS))
    float32. inspections: (n, len(INSPECTIONS)) float32. patches: (n, p, PATCH_PX, PATCH_PX, 3) uint8, augmented. patch_weights: (n, p, POOLED_POSITIONS,
    POOLED_POSITIONS) float32. patch_means: (n, p, 3) float32, what is subtracted from a patch, 0..1.
    """

    crops: ImageArray
    measurements: Floats
    inspections: Floats
    patches: ImageArray
    patch_weights: Floats
    patch_means: Floats


_ARRAYS = ("crops", "measurements", "inspections", "patches", "patch_weights", "patch_means")


def prepare_cells(
    cells: Sequence[LabelledCell], profile: Profile, out: Path, *, workers: int = 2
) -> PreparedCells:
    """Fill `out` with the arrays of `PreparedCells` and open them."""
    out.mkdir(parents=True, exist_ok=True)
    work = partial(
        _prepare_one,
        recipe=profile.preprocessing,
        patches_per_cell=profile.patches_per_cell,
        seed=profile.seed,
    )
    with ProcessPoolExecutor(workers) as pool:
        arrays: list[npt.NDArray[np.generic]] = []
        for index, rows in enumerate(pool.map(work, range(len(cells)), cells, chunksize=16)):
            if not arrays:
                arrays = [
                    open_memmap(out / f"{name}.npy", "w+", row.dtype, (len(cells), *row.shape))
                    for name, row in zip(_ARRAYS, rows, strict=True)
                ]
            for array, row in zip(arrays, rows, strict=True):
                array[index] = row
    for array in arrays:
        array.flush()  # type: ignore[attr-defined]
    return open_prepared(out)


def open_prepared(out: Path) -> PreparedCells:
    """Memory-map what `prepare_cells` wrote."""
    return PreparedCells(**{name: np.load(out / f"{name}.npy", mmap_mode="r") for name in _ARRAYS})


def _prepare_one(
    index: int, cell: LabelledCell, *, recipe: Preprocessing, patches_per_cell: int, seed: int
) -> tuple[npt.NDArray[np.generic], ...]:
    pixels = read_pixels(cell)
    values = measure_cell(pixels)
    rng = np.random.default_rng((seed, index))
    patches, means = [], []
    for _ in range(patches_per_cell):
        # The whole picture changes its stain, so that what is subtracted changes with the patch.
        stained = jitter_stain(pixels, rng)
        patches.append(sample_patch(stained, rng))
        means.append(recipe.channel_mean(recipe.crop(stained)))
    return (
        recipe.crop(pixels),
        np.array([values[name] for name in MEASUREMENTS], np.float32),
        np.array(list(inspect_cell(pixels, recipe).values()), np.float32),
        np.stack(patches),
        np.stack([pooling_weights(patch) for patch in patches]),
        np.array(means, np.float32),
    )
