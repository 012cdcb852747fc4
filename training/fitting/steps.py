"""Take a compiled model through its steps, so that a kill at any moment changes nothing but the time.

What a step draws depends on (seed, step) alone. Every `every` steps the model is watched, a row of the curve is
written and the state is kept; a run that is started again goes on from there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from rich.progress import Progress

from training.fitting.checkpoint import Checkpoint, load_weights, save_weights
from training.fitting.curve import Curve, Row

CHECKPOINT = "checkpoint.npz"
BEST = "best.npz"


@dataclass(frozen=True)
class Schedule:
    """How long, and how often the model is looked at.

    steps: of the whole training. every: steps between two looks.
    patience: stop after so many looks without a lower `minimised`, and keep the best weights; 0 for never.
    minimised: a column of the curve.
    """

    steps: int
    every: int
    patience: int = 0
    minimised: str = ""

    def best(self, rows: list[Row]) -> int:
        """Index of the best look; the one before the first step does not count."""
        return min(range(1, len(rows)), key=lambda index: rows[index][self.minimised])

    def over(self, rows: list[Row]) -> bool:
        """Whether patience is at its end."""
        return 0 < self.patience <= len(rows) - 1 - (self.best(rows) if len(rows) > 1 else 0)


def train(
    model: "keras.Model",
    batch: Callable[[int], tuple[Any, Any]],
    schedule: Schedule,
    *,
    watch: Callable[[], Row],
    folder: Path,
    training: str,
    start: Callable[[], None],
) -> None:
    """Train, or go on with, one part.

    Args:
        model: compiled. Left with its best weights where patience is set, else with the last ones; with their
            moving average where the optimizer keeps one.
        batch: step -> inputs and targets.
        watch: figures of the model as it stands, moving averages in place.
        folder: of the part: curve, checkpoint, TensorBoard. training: see `Checkpoint`.
        start: gives the model its first weights; called when nothing is there to go on from.
    """
    checkpoint = Checkpoint(folder / CHECKPOINT, training)
    steps_done = checkpoint.restore(model)
    curve = Curve(folder, steps_done)
    if not steps_done:
        start()
        curve.add(0, watch())
    if steps_done < schedule.steps and not schedule.over(curve.rows):
        stations = _Stations(schedule, steps_done, watch, checkpoint, curve)
        model.fit(
            Batches(batch, steps_done, schedule.steps),
            shuffle=False,
            verbose=0,
            callbacks=[stations, _Bar(folder.name, steps_done, schedule.steps)],
        )
    if schedule.patience:
        load_weights(folder / BEST, model)
    elif steps_done == schedule.steps:
        model.optimizer.finalize_variable_values(model.trainable_variables)


class Batches(keras.utils.PyDataset):
    """Batches by number, from `first` to before `end`, made ahead while the model computes."""

    def __init__(self, batch: Callable[[int], Any], first: int, end: int) -> None:
        super().__init__()
        self._batch, self._first, self._end = batch, first, end

    def __len__(self) -> int:
        return self._end - self._first

    def __getitem__(self, index: int) -> Any:
        return self._batch(self._first + index)


class _Stations(keras.callbacks.Callback):
    def __init__(
        self,
        schedule: Schedule,
        first: int,
        watch: Callable[[], Row],
        checkpoint: Checkpoint,
        curve: Curve,
    ) -> None:
        super().__init__()
        self._schedule, self._first, self._watch = schedule, first, watch
        self._checkpoint, self._curve = checkpoint, curve

    def on_train_batch_end(self, batch: int, logs: Row | None = None) -> None:
        done = self._first + batch + 1
        if done % self._schedule.every and done < self._schedule.steps:
            return
        with averaged(self.model):
            self._curve.add(done, {**(logs or {}), **self._watch()})
            if self._schedule.patience and self._schedule.best(self._curve.rows) == len(self._curve.rows) - 1:
                save_weights(self._checkpoint.file.with_name(BEST), self.model)
        self.model.reset_metrics()
        self._checkpoint.save(self.model, done)
        self.model.stop_training = self._schedule.over(self._curve.rows)


class _Bar(keras.callbacks.Callback):
    """A progress bar where somebody looks."""

    def __init__(self, name: str, first: int, steps: int) -> None:
        super().__init__()
        self._progress = Progress(transient=True)
        self._progress.disable = not self._progress.console.is_terminal
        self._task = self._progress.add_task(name, total=steps, completed=first)

    def on_train_begin(self, logs: Row | None = None) -> None:
        self._progress.start()

    def on_train_batch_end(self, batch: int, logs: Row | None = None) -> None:
        self._progress.advance(self._task)

    def on_train_end(self, logs: Row | None = None) -> None:
        self._progress.stop()


@contextmanager
def averaged(model: "keras.Model") -> Iterator[None]:
    """The model with its weights' moving average for a while; as it is where the optimizer keeps none."""
    kept = [keras.ops.copy(variable) for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, kept, strict=True):
            variable.assign(value)
