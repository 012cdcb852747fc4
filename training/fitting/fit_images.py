"""Train a whole network on whole cells: the paper's procedure, and ours beside it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from models.metrics import auroc
from models.networks import base_of, build_classifier
from training.fitting.curve import Row
from training.fitting.devices import fastest_precision, graphics_cards, precision, spread_over
from training.fitting.fit import cosine_rate, one_hot
from training.fitting.starting_base import start_base
from training.fitting.steps import Batches, Schedule, train
from training.pictures.examples import Example, Pictures, images, learned_examples, watched_examples
from training.profiles import ImageProfile

GROUP_LOSS = "held_out_group_loss"

Rows = npt.NDArray[np.intp]


def fit_images(
    pictures: Pictures,
    learned: Rows,
    watched: Rows,
    profile: ImageProfile,
    *,
    init: str,
    folder: Path,
    training: str,
) -> "keras.Model":
    """Train base and head together, or go on where a kill ended that.

    Args:
        learned: rows that examples are drawn from. watched: rows for the curve, and for stopping early.
        init: see `training.fitting.starting_base.start_base`. folder, training: see `training.fitting.steps.train`.

    Returns:
        The trained network of `build_classifier`.
    """
    keras.utils.set_random_seed(profile.seed)
    with spread_over(graphics_cards()), precision(fastest_precision()):
        model = build_classifier(
            profile.architecture,
            profile.preprocessing.output_px,
            dropout=profile.dropout,
            l1=profile.l1,
            l2=profile.l2,
        )
        _compile(model, profile)
    examples_of = learned_examples(pictures, learned, profile)
    looked_at = watched_examples(pictures, watched, profile)

    def batch(step: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        examples = examples_of(step)
        inputs = images(pictures, examples, profile.preprocessing, profile.examples)
        return inputs, one_hot(pictures.malignant[[example.row for example in examples]])

    train(
        model,
        batch,
        Schedule(profile.steps, profile.watch_steps, profile.patience, GROUP_LOSS),
        watch=lambda: held_out_figures(model, pictures, looked_at, profile),
        folder=folder,
        training=training,
        start=lambda: start_base(base_of(model), profile.architecture, init),
    )
    return model


def held_out_figures(
    model: "keras.Model", pictures: Pictures, examples: list[Example], profile: ImageProfile
) -> Row:
    """Loss and accuracy over the examples, AUROC, and the loss that counts each leak group of a class alike."""
    parts = [examples[start : start + profile.batch] for start in range(0, len(examples), profile.batch)]
    inputs = Batches(
        lambda number: images(pictures, parts[number], profile.preprocessing, profile.examples), 0, len(parts)
    )
    logits = model.predict(inputs, verbose=0).astype(np.float64)
    rows = [example.row for example in examples]
    malignant, groups = pictures.malignant[rows], pictures.groups[rows]
    margin = logits[:, 0] - logits[:, 1]
    loss = np.logaddexp(0.0, np.where(malignant, -margin, margin))
    return {
        "held_out_loss": float(loss.mean()),
        "held_out_accuracy": float(((margin >= 0) == malignant).mean()),
        "held_out_auroc": auroc(margin, malignant),
        GROUP_LOSS: group_loss(loss, malignant, groups),
    }


def group_loss(
    loss: npt.NDArray[np.float64], malignant: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]
) -> float:
    """Mean over classes of the mean over leak groups of the mean over cells."""
    means = [
        np.mean([loss[side & (groups == name)].mean() for name in np.unique(groups[side])])
        for side in (malignant, ~malignant)
        if side.any()
    ]
    return float(np.mean(means))


def _compile(model: "keras.Model", profile: ImageProfile) -> None:
    optimizer = keras.optimizers.Adam(
        _rate(profile), epsilon=1e-8, use_ema=profile.ema_momentum > 0, ema_momentum=profile.ema_momentum
    )
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=profile.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"])


def _rate(profile: ImageProfile) -> Any:
    """Learning rate over the steps."""
    if profile.schedule == "constant":
        return profile.learning_rate
    if profile.schedule == "exponential":
        share = profile.final_rate / profile.learning_rate
        return keras.optimizers.schedules.ExponentialDecay(profile.learning_rate, profile.steps, share)
    return cosine_rate(profile.learning_rate, profile.steps)
