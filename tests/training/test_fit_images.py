from pathlib import Path

import keras
import numpy as np
import pytest

from models.drawn_cells import draw_cell
from models.networks import Architecture, build_base, published_base
from models.preprocessing import Preprocessing
from training.fitting.curve import CURVE, read_curve
from training.fitting.fit_images import fit_images, group_loss
from training.fitting.image_part import watched_apart
from training.fitting.starting_base import imagenet_base, start_base
from training.fitting.steps import Schedule
from training.pictures.examples import Pictures
from training.profiles import changed, profile

GROUPS = np.array([f"{side}{group}" for side in "mh" for group in range(4) for _ in range(2)])
MALIGNANT = np.array([name.startswith("m") for name in GROUPS])


def test_a_group_counts_as_one_however_many_its_cells() -> None:
    loss = np.array([1.0, 1.0, 1.0, 3.0, 10.0])
    malignant = np.array([True, True, True, True, False])
    assert group_loss(loss, malignant, np.array(["a", "a", "a", "b", "c"])) == (2.0 + 10.0) / 2


def test_groups_are_set_apart_whole_and_from_both_classes() -> None:
    learned, watched = watched_apart(np.arange(len(GROUPS)), MALIGNANT, GROUPS)
    assert not set(GROUPS[learned]) & set(GROUPS[watched])
    assert {name[0] for name in GROUPS[watched]} == {"m", "h"}
    assert sorted([*learned, *watched]) == list(range(len(GROUPS)))


def test_a_single_group_of_a_class_cannot_be_set_apart() -> None:
    with pytest.raises(ValueError, match="two leak groups of each class"):
        watched_apart(np.flatnonzero(np.isin(GROUPS, ["m0", "m1", "h0"])), MALIGNANT, GROUPS)


def test_patience_ends_after_so_many_looks_without_a_better_one() -> None:
    schedule = Schedule(100, 10, patience=2, minimised="loss")
    rows = [{"loss": loss} for loss in (0.1, 0.9, 0.5, 0.6, 0.7)]
    assert schedule.best(rows) == 2
    assert schedule.over(rows)
    assert not schedule.over(rows[:4])
    assert not Schedule(100, 10).over(rows)


def test_a_patch_profile_keeps_its_own_base() -> None:
    assert changed(profile("paper"), "resnet50v2").architecture.name == "resnet50v2"
    with pytest.raises(ValueError, match="pools inside the cell"):
        changed(profile("honest"), "vgg19")


def test_imagenet_weights_that_cannot_be_had_are_said_with_what_to_do() -> None:
    def unreachable(*_: object, **__: object) -> keras.Model:
        raise OSError("URL fetch failure")

    with pytest.raises(ValueError, match=r"Give --init a file, or none\."):
        imagenet_base(Architecture(name="vgg16"), unreachable)


def test_another_base_takes_no_file_of_vgg_convolutions() -> None:
    base = build_base(Architecture(name="vgg16", blocks=1))
    with pytest.raises(ValueError, match="Expected an architecture"):
        published_base(Architecture(name="vgg99"))
    before = base.get_weights()
    start_base(base, Architecture(name="vgg16", blocks=1), "none")
    np.testing.assert_array_equal(base.get_weights()[0], before[0])


@pytest.mark.slow
def test_two_steps_of_the_papers_procedure(tmp_path: Path) -> None:
    paper = profile("paper")
    few = paper.examples.model_copy(update={"train_per_class": 9, "val_per_class": 9})
    small = {
        "architecture": Architecture(name="vgg16", blocks=1),
        "preprocessing": Preprocessing(crop_px=320, output_px=32, centre="cell", mean="crop"),
        "examples": few,
        "batch": 4,
        "steps": 2,
        "watch_steps": 1,
    }
    pictures = Pictures(np.stack([draw_cell(seed) for seed in range(len(GROUPS))]), MALIGNANT, GROUPS)
    learned, watched = watched_apart(np.arange(len(GROUPS)), MALIGNANT, GROUPS)
    model = fit_images(
        pictures,
        learned,
        watched,
        paper.model_copy(update=small),
        init="none",
        folder=tmp_path,
        training="of a test",
    )
    curve = read_curve(tmp_path / CURVE)
    np.testing.assert_array_equal(curve["step"], [0, 1, 2])
    assert {"loss", "accuracy", "held_out_loss", "held_out_accuracy"} <= curve.keys()
    assert all(np.isfinite(each).all() for each in model.get_weights())
