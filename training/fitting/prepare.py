"""Decode every cell once: crops, measurements, and augmented patches or whole pictures, as arrays on disk.

Everything that needs the pictures is done here; fitting reads memory-mapped arrays, whose row `i` is the
`i`-th cell of `read_dataset`.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from models.measurements import MEASUREMENTS, ImageArray, measure_cell
from models.preprocessing import Floats
from models.quality import inspect_cell
from training.cells.dataset import LabelledCell, read_pixels
from training.pictures.patches import jitter_stain, pooling_weights, sample_patch
from training.profiles import ImageProfile, PatchProfile, Profile


@dataclass(frozen=True)
class PreparedCells:
    """What every run has, cells first.

    crops: (n, s, s, 3) uint8, what the network sees at serving time. measurements: (n, len(MEASUREMENTS))
    float32. inspections: (n, len(INSPECTIONS)) float32.
    """

    crops: ImageArray
    measurements: Floats
    inspections: Floats


@dataclass(frozen=True)
class PreparedPatches(PreparedCells):
    """For a patch profile that trains.

    patches: (n, p, PATCH_PX, PATCH_PX, 3) uint8, augmented. patch_weights: (n, p, POOLED_POSITIONS,
    POOLED_POSITIONS) float32. patch_means: (n, p, 3) float32, what is subtracted from a patch, 0..1.
    """

    patches: ImageArray
    patch_weights: Floats
    patch_means: Floats


@dataclass(frozen=True)
class PreparedPictures(PreparedCells):
    """For an image profile, which alters cells before it crops them. pictures: (n, 450, 450, 3) uint8."""

    pictures: ImageArray


Prepared = TypeVar("Prepared", bound=PreparedCells)
Row = dict[str, npt.NDArray[np.generic]]


def prepare_cells(cells: Sequence[LabelledCell], profile: Profile, out: Path, *, workers: int = 2) -> None:
    """Fill `out` with the arrays that the profile needs."""
    out.mkdir(parents=True, exist_ok=True)
    work = partial(_prepare_one, profile=profile)
    with ProcessPoolExecutor(workers) as pool:
        arrays: dict[str, np.memmap] = {}
        for index, rows in enumerate(pool.map(work, range(len(cells)), cells, chunksize=16)):
            for name, row in rows.items():
                if index == 0:
                    shape = (len(cells), *row.shape)
                    arrays[name] = open_memmap(out / f"{name}.npy", "w+", row.dtype, shape)
                arrays[name][index] = row
    for array in arrays.values():
        array.flush()


def open_prepared(out: Path, kind: type[Prepared] = PreparedCells) -> Prepared:  # type: ignore[assignment]
    """Memory-map what `prepare_cells` wrote, as much as `kind` holds."""
    return kind(**{field.name: np.load(out / f"{field.name}.npy", mmap_mode="r") for field in fields(kind)})


def _prepare_one(index: int, cell: LabelledCell, *, profile: Profile) -> Row:
    pixels, recipe = read_pixels(cell), profile.preprocessing
    values = measure_cell(pixels)
    rows: Row = {
        "crops": recipe.crop(pixels),
        "measurements": np.array([values[name] for name in MEASUREMENTS], np.float32),
        "inspections": np.array(list(inspect_cell(pixels, recipe).values()), np.float32),
    }
    if isinstance(profile, PatchProfile) and profile.steps:
        return rows | _patches(pixels, profile, np.random.default_rng((profile.seed, index)))
    return rows | {"pictures": pixels} if isinstance(profile, ImageProfile) else rows


def _patches(pixels: ImageArray, profile: PatchProfile, rng: np.random.Generator) -> Row:
    patches, means = [], []
    for _ in range(profile.patches_per_cell):
        # The whole picture changes its stain, so that what is subtracted changes with the patch.
        stained = jitter_stain(pixels, rng)
        patches.append(sample_patch(stained, rng))
        means.append(profile.preprocessing.channel_mean(profile.preprocessing.crop(stained)))
    return {
        "patches": np.stack(patches),
        "patch_weights": np.stack([pooling_weights(patch) for patch in patches]),
        "patch_means": np.array(means, np.float32),
    }
