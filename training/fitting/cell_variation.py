"""Crops altered where the network computes: turned, stained, blurred and made noisy, the same for both classes.

On a graphics card the network otherwise waits for pictures: sixteen processor cores made 2,000 a second of them.
"""

from dataclasses import astuple, dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from models.measurements import BACKGROUND_MAX, ImageArray
from models.preprocessing import Floats, Preprocessing
from training.pictures.patches import STAIN_BRIGHTNESS, STAIN_CHANNEL
from training.profiles import CellProfile, Variation


@dataclass(frozen=True)
class Changes:
    """How each cell of a batch is altered.

    turned: (n, 3) bool, rows reversed, columns reversed, rows and columns exchanged. gain: (n, 3) float32, of each channel.
    blur: (n, taps) float32, weights of a Gaussian's line, sum 1. noise: (n,) float32, deviation in grey levels.
    """

    turned: npt.NDArray[np.bool_]
    gain: Floats
    blur: Floats
    noise: Floats

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """In the order in which `AlteredCells` takes them."""
        return astuple(self)


def blur_reach(how: Variation) -> int:
    """Pixels on each side of a Gaussian's middle: a line of `Changes.blur` has twice as many and one."""
    return int(np.ceil(3 * how.blur_px))


def draw_changes(count: int, rng: np.random.Generator, how: Variation) -> Changes:
    """Changes of `count` cells; the generator decides everything but the noise itself."""
    brightness = rng.normal(1.0, STAIN_BRIGHTNESS * how.stain, (count, 1))
    gain = brightness * rng.normal(1.0, STAIN_CHANNEL * how.stain, (count, 3))
    deviation = rng.uniform(how.blur_px / 4, how.blur_px, (count, 1))
    reach = blur_reach(how)
    line = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / deviation))
    line[rng.random(count) >= how.blur] = np.arange(-reach, reach + 1) == 0
    return Changes(
        rng.random((count, 3)) < 0.5,
        gain.astype(np.float32),
        (line / line.sum(axis=1, keepdims=True)).astype(np.float32),
        rng.uniform(0.0, how.noise, count).astype(np.float32),
    )


class AlteredCells(keras.layers.Layer):
    """[crops, cell weights, *`Changes.arrays`] -> what the network is given: crops, their means, cell weights.

    What was black stays black. The means are those of `models.preprocessing`, taken after the change.

    Args:
        recipe: of the crops. seed: of the noise.
    """

    def __init__(self, recipe: Preprocessing, seed: int, **layer: Any) -> None:
        super().__init__(**layer)
        self._mean = recipe.mean
        self._seed = keras.random.SeedGenerator(seed)

    def call(self, inputs: list[Any]) -> list[Any]:
        crops, inside, turned, gain, blur, noise = inputs
        ops = keras.ops
        pixels = _turned(ops.cast(crops, "float32"), turned)
        cell = ops.max(pixels, axis=-1, keepdims=True) > BACKGROUND_MAX
        stained = _grey_levels(pixels * gain[:, None, None, :])
        blurred = _along(_along(stained, blur, 1), blur, 2)
        grain = keras.random.normal(ops.shape(blurred), seed=self._seed) * noise[:, None, None, None]
        seen = ops.where(cell, _grey_levels(blurred + grain), 0.0)
        mean = ops.mean(seen, axis=(1, 2)) / 255.0
        if self._mean != "crop":
            mean = ops.zeros_like(mean) + ops.convert_to_tensor(self._mean)
        return [ops.cast(seen, "uint8"), mean, _turned(inside, turned)]


def altered_crops(crops: ImageArray, rng: np.random.Generator, profile: CellProfile) -> ImageArray:
    """Crops as a step of training sees them. (n, s, s, 3) uint8 -> same."""
    inside = np.ones((len(crops), 1, 1, 1), np.float32)
    changes = draw_changes(len(crops), rng, profile.variation)
    layer = AlteredCells(profile.preprocessing, int(rng.integers(2**31)))
    return np.asarray(keras.ops.convert_to_numpy(layer([crops, inside, *changes.arrays()])[0]))


def _turned(images: Any, turned: Any) -> Any:
    """The square's eight symmetries as three choices. (n, s, s, channels) -> same."""
    for place, way in enumerate((lambda x: keras.ops.flip(x, 1), lambda x: keras.ops.flip(x, 2), _exchanged)):
        images = keras.ops.where(turned[:, place, None, None, None], way(images), images)
    return images


def _exchanged(images: Any) -> Any:
    return keras.ops.transpose(images, (0, 2, 1, 3))


def _grey_levels(images: Any) -> Any:
    return keras.ops.round(keras.ops.clip(images, 0.0, 255.0))


def _along(images: Any, line: Any, axis: int) -> Any:
    """Each picture under its own line of weights along one axis, mirrored at the border."""
    reach, side = line.shape[1] // 2, images.shape[axis]
    border = [(0, 0)] * 4
    border[axis] = (reach, reach)
    framed = keras.ops.pad(images, border, mode="reflect")
    moved = [
        framed[:, place : place + side] if axis == 1 else framed[:, :, place : place + side]
        for place in range(2 * reach + 1)
    ]
    return sum(each * line[:, place, None, None, None] for place, each in enumerate(moved))
