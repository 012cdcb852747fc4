"""Which cell a step of whole-image training sees, how altered, and the batch that makes of it.

Everything is a function of (seed, step), so that a training can be resumed anywhere; the pictures of a batch are made
in threads.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from models.measurements import ImageArray
from models.preprocessing import Floats, Preprocessing
from training.cells.sampling import draw, drawing_weights, filled_up
from training.pictures.augmentation import altered
from training.profiles import Copies, ImageProfile, Variation

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

LEARNED, WATCHED = 0, 1
"""What a copy is made for: no copy is made twice."""


@dataclass(frozen=True)
class Example:
    """One picture of a cell. seed: of its alterations; None leaves it as it is."""

    row: int
    seed: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Pictures:
    """pixels: (n, 450, 450, 3) uint8 RGB, on disk. malignant: (n,) bool. groups: (n,) leak groups."""

    pixels: ImageArray
    malignant: Bools
    groups: npt.NDArray[np.str_]


def learned_examples(pictures: Pictures, rows: Rows, profile: ImageProfile) -> Callable[[int], list[Example]]:
    """Step -> its examples, out of the cells `rows`."""
    if isinstance(profile.examples, Copies):
        copies = copied_examples(pictures, rows, profile.examples.train_per_class, LEARNED, profile.seed)
        return partial(shuffled, copies, profile.batch, profile.seed)
    weights = drawing_weights(rows, pictures.malignant, pictures.groups)
    return partial(_drawn, weights, profile.batch, profile.seed)


def watched_examples(pictures: Pictures, rows: Rows, profile: ImageProfile) -> list[Example]:
    """What is looked at between steps: cells as they are, or the paper's validation images, copies among them."""
    if isinstance(profile.examples, Copies):
        return copied_examples(pictures, rows, profile.examples.val_per_class, WATCHED, profile.seed)
    return [Example(int(row)) for row in rows]


def copied_examples(pictures: Pictures, rows: Rows, per_class: int, use: int, seed: int) -> list[Example]:
    """Each class as often as the other: its cells, then copies of them."""
    sources, copied = filled_up(rows, pictures.malignant[rows], per_class, seed=seed)
    return [
        Example(int(row), (seed, use, index) if is_copy else None)
        for index, (row, is_copy) in enumerate(zip(sources, copied, strict=True))
    ]


def shuffled(examples: Sequence[Example], batch: int, seed: int, step: int) -> list[Example]:
    """The examples of a step, where each comes once an epoch, in another order each time."""
    epoch, place = divmod(step, max(len(examples) // batch, 1))
    order = np.random.default_rng((seed, epoch)).permutation(len(examples))
    return [examples[index] for index in order[place * batch : (place + 1) * batch]]


def _drawn(weights: npt.NDArray[np.float64], batch: int, seed: int, step: int) -> list[Example]:
    rows = draw(weights, batch, seed=seed, step=step)
    return [Example(int(row), (seed, step, place)) for place, row in enumerate(rows)]


def images(
    pictures: Pictures, examples: Sequence[Example], recipe: Preprocessing, how: Copies | Variation
) -> Floats:
    """The network's inputs: (n, s, s, 3) float32."""

    def prepared(example: Example) -> Floats:
        pixels = np.asarray(pictures.pixels[example.row])
        if example.seed is not None:
            pixels = altered(pixels, np.random.default_rng(example.seed), how)
        return recipe.prepare(pixels)

    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(prepared, examples)))
