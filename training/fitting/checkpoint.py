"""Where a training stands, in one file: every variable of the model and of its optimizer, and the steps done."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Checkpoint:
    """A place for one training's state; what stands there is always whole.

    file: `.npz`. training: names what is trained on what, so that no other training goes on from here.
    """

    file: Path
    training: str

    def save(self, model: "keras.Model", steps_done: int) -> None:
        """Replace what stands there; a kill leaves the old state or the new one."""
        _write(self.file, _state(model), training=self.training, steps_done=steps_done)

    def restore(self, model: "keras.Model") -> int:
        """Put the state into a compiled model of the same make, and return the steps done: 0 without a file.

        Raises:
            ValueError: the state is another training's.
        """
        if not self.file.is_file():
            return 0
        with np.load(self.file) as archive:
            if archive["training"] != self.training:
                raise ValueError(
                    f"Expected {self.file} to be of this training, it is of other data, weights or profile. "
                    "Remove it to train anew."
                )
            _read(archive, _state(model))
            return int(archive["steps_done"])


def save_weights(file: Path, model: "keras.Model") -> None:
    """Keep a model's weights alone, whole or not at all."""
    _write(file, model.weights)


def load_weights(file: Path, model: "keras.Model") -> None:
    """Put weights back that `save_weights` kept."""
    with np.load(file) as archive:
        _read(archive, model.weights)


def _state(model: "keras.Model") -> list["keras.Variable"]:
    """Weights, seeds of random layers, moments and moving averages."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _write(file: Path, variables: list["keras.Variable"], **facts: str | int) -> None:
    arrays = {str(i): keras.ops.convert_to_numpy(each) for i, each in enumerate(variables)}
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as out:
        np.savez(out, **facts, **arrays)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)


def _read(archive: Mapping[str, npt.NDArray[np.generic]], variables: list["keras.Variable"]) -> None:
    for i, variable in enumerate(variables):
        variable.assign(archive[str(i)])
