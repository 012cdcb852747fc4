from pathlib import Path

import keras
import numpy as np
import pytest

from training.fitting.checkpoint import Checkpoint
from training.fitting.curve import CURVE, TENSORBOARD, Curve, read_curve
from training.fitting.steps import averaged


def small_model(*, ema: bool = False) -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5, seed=1), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.1, use_ema=ema), "mse", run_eagerly=True)
    return model


def one_step(model: keras.Model) -> None:
    model.train_on_batch(np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32))


def test_a_restored_model_takes_the_same_next_step(tmp_path: Path) -> None:
    first, second = small_model(ema=True), small_model(ema=True)
    one_step(first)
    Checkpoint(tmp_path / "state.npz", "one").save(first, 1)
    assert Checkpoint(tmp_path / "state.npz", "one").restore(second) == 1
    for model in (first, second):
        one_step(model)
        model.optimizer.finalize_variable_values(model.trainable_variables)
    for expected, found in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_state_of_another_training_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "state.npz", "one").save(small_model(), 1)
    with pytest.raises(ValueError, match="Remove it to train anew"):
        Checkpoint(tmp_path / "state.npz", "another").restore(small_model())


def test_a_checkpoint_that_was_cut_off_leaves_the_one_before(tmp_path: Path) -> None:
    model, checkpoint = small_model(), Checkpoint(tmp_path / "state.npz", "one")
    checkpoint.save(model, 3)
    (tmp_path / "state.part").write_bytes(b"half of a state")
    assert checkpoint.restore(model) == 3


def test_the_moving_average_is_lent_and_taken_back() -> None:
    model = small_model(ema=True)
    before = [weight.copy() for weight in model.get_weights()]
    for _ in range(2):
        one_step(model)
    trained = model.get_weights()
    with averaged(model):
        lent = model.get_weights()
    assert not np.array_equal(lent[0], trained[0])
    assert not np.array_equal(lent[0], before[0])
    np.testing.assert_array_equal(model.get_weights()[0], trained[0])


def test_rows_of_steps_that_will_be_repeated_are_dropped(tmp_path: Path) -> None:
    curve = Curve(tmp_path, 0)
    for step in (0, 2, 4):
        curve.add(step, {"loss": 1 / 3 + step})
    Curve(tmp_path, 2).add(4, {"loss": 9.0})
    found = read_curve(tmp_path / CURVE)
    np.testing.assert_array_equal(found["step"], [0, 2, 4])
    np.testing.assert_array_equal(found["loss"], [1 / 3, 1 / 3 + 2, 9.0])


def test_the_same_figures_are_there_for_tensorboard(tmp_path: Path) -> None:
    Curve(tmp_path, 0).add(2, {"held_out_auroc": 0.5})
    events = next((tmp_path / TENSORBOARD).iterdir())
    assert b"held_out_auroc" in events.read_bytes()
