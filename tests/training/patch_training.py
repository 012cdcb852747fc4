"""A small patch training in a process of its own: `python -m tests.training.patch_training FOLDER`.

Prints how many batches of patches it took; leaves the weights in FOLDER/trained.npz.
"""

import sys
from pathlib import Path

import numpy as np

from models.networks import Architecture
from training.cells.sampling import balanced_weights
from training.fitting.fit import PatchMaps, fit_last_block
from training.fitting.initial_weights import random_vgg_weights
from training.pictures.patches import INNER_POSITIONS, POOLED_POSITIONS
from training.profiles import profile

STEPS, EVERY = 8, 2
CELLS, CHANNELS = 12, 128


class CountedMaps(PatchMaps):
    """Counts what is taken."""

    taken = 0

    def take(self, *rows):
        CountedMaps.taken += 1
        return super().take(*rows)


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(7)
    maps = random.gamma(1.0, size=(CELLS, 2, INNER_POSITIONS, INNER_POSITIONS, CHANNELS))
    malignant = np.arange(CELLS) % 2 == 0
    trained = fit_last_block(
        CountedMaps(
            maps.astype(np.float16),
            np.ones((CELLS, 2, POOLED_POSITIONS, POOLED_POSITIONS), np.float32),
            malignant,
        ),
        balanced_weights(malignant, [str(each // 3) for each in range(CELLS)]),
        random_vgg_weights(Architecture(name="vgg16", blocks=3), seed=1),
        profile("smoke").model_copy(
            update={"steps": STEPS, "watch_steps": EVERY, "start_patches": 8, "batch": 2}
        ),
        watched=np.arange(4),
        folder=folder,
        training="of a test",
    )
    np.savez(folder / "trained.npz", **trained)
    print(CountedMaps.taken)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
