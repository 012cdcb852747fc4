import numpy as np

from models.drawn_cells import draw_cell
from training.pictures.examples import (
    LEARNED,
    Pictures,
    copied_examples,
    images,
    learned_examples,
    watched_examples,
)
from training.profiles import Copies, profile

MALIGNANT = np.array([True] * 6 + [False] * 3)
GROUPS = np.array(list("aabbcc") + list("def"))
PICTURES = Pictures(np.stack([draw_cell(seed) for seed in range(9)]), MALIGNANT, GROUPS)
ROWS = np.array([0, 1, 2, 3, 6, 7])
PAPER = profile("paper").model_copy(
    update={"examples": Copies(train_per_class=5, val_per_class=4, blur_px=17, shears=("x",)), "batch": 5}
)


def test_copies_make_both_classes_equal_and_every_cell_is_there_as_it_is() -> None:
    examples = copied_examples(PICTURES, ROWS, 5, LEARNED, seed=1)
    assert [MALIGNANT[example.row] for example in examples] == [True] * 5 + [False] * 5
    assert {example.row for example in examples if example.seed is None} == set(ROWS)
    assert {example.row for example in examples} == set(ROWS)


def test_a_class_larger_than_wanted_loses_cells_and_gets_no_copies() -> None:
    examples = copied_examples(PICTURES, ROWS, 2, LEARNED, seed=1)
    assert len(set(examples)) == 4
    assert all(example.seed is None for example in examples)


def test_each_example_comes_once_an_epoch_in_another_order_each_time() -> None:
    at = learned_examples(PICTURES, ROWS, PAPER)
    epochs = [[example for step in (first, first + 1) for example in at(step)] for first in (0, 2)]
    assert set(epochs[0]) == set(epochs[1])
    assert len(set(epochs[0])) == 10
    assert epochs[0] != epochs[1]
    assert at(3) == at(3)


def test_no_copy_is_both_learned_from_and_watched() -> None:
    learned = {each.seed for step in (0, 1) for each in learned_examples(PICTURES, ROWS, PAPER)(step)}
    watched = {each.seed for each in watched_examples(PICTURES, ROWS, PAPER)}
    assert learned & watched == {None}


def test_ours_draws_from_the_given_rows_and_alters_every_one_otherwise() -> None:
    at = learned_examples(PICTURES, ROWS, profile("honest_image"))
    drawn = [example for step in range(3) for example in at(step)]
    assert {example.row for example in drawn} == set(ROWS)
    assert len({example.seed for example in drawn}) == len(drawn)
    assert all(example.seed is None for example in watched_examples(PICTURES, ROWS, profile("honest_image")))


def test_a_batch_is_what_serving_would_give_the_network() -> None:
    smoke = profile("smoke_image")
    batch = images(PICTURES, watched_examples(PICTURES, ROWS, smoke), smoke.preprocessing, smoke.examples)
    expected = np.stack([smoke.preprocessing.prepare(PICTURES.pixels[row]) for row in ROWS])
    np.testing.assert_array_equal(batch, expected)
