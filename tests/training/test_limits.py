"""The limits a bundle carries, fitted on made-up cells."""

import numpy as np
import pytest

from models.labels import Label
from models.measurements import MEASUREMENTS
from models.neighbours import NeighbourSearch
from models.novelty import NoveltyDetector
from models.quality import INSPECTIONS, QualityLevel, judge_quality
from training.calibration.limits import (
    ALPHA,
    FittedLimits,
    Observed,
    cross_fitted_head,
    distances_of,
    fit_limits,
    learned_statistics,
)
from training.profiles import HeadRecipe

CELLS, WIDTH = 600, 16


def observed(seed: int = 0) -> Observed:
    """Cells of 30 people, 15 a class, who differ in everything a little."""
    random = np.random.default_rng(seed)
    people = np.arange(CELLS) % 30
    malignant = people % 2 == 0
    shift = random.normal(0, 0.3, (30, WIDTH))[people] + malignant[:, None]
    return Observed(
        embeddings=(random.normal(0, 1, (CELLS, WIDTH)) + shift).astype(np.float32),
        measurements=random.normal(100, 10, (CELLS, len(MEASUREMENTS))).astype(np.float32),
        inspections=random.uniform(0, 1, (CELLS, len(INSPECTIONS))).astype(np.float32),
        malignant=malignant,
        groups=np.array([f"P{person}" for person in people]),
        parts=np.where(people < 24, "train", "val"),
        folds=people // 2 % 5,
    )


@pytest.fixture(scope="module")
def cells() -> Observed:
    return observed()


@pytest.fixture(scope="module")
def limits(cells: Observed) -> FittedLimits:
    return fit_limits(cells, recipe=HeadRecipe(10.0))


def test_training_cells_pass_the_gate_fitted_on_them(cells: Observed, limits: FittedLimits) -> None:
    rows = np.hstack([cells.measurements, cells.inspections])[cells.parts == "train"]
    stopped = [
        judge_quality(dict(zip((*MEASUREMENTS, *INSPECTIONS), row, strict=True)), limits.quality).level
        is QualityLevel.NOT_ASSESSABLE
        for row in rows
    ]
    assert np.mean(stopped) < 0.02


def test_the_stated_share_of_held_out_cells_lies_within_the_distances(
    cells: Observed, limits: FittedLimits
) -> None:
    val = cells.where(cells.parts == "val")
    search = NeighbourSearch(limits.statistics["reference__embedding"], limits.statistics["novelty__scale"])
    found = distances_of(NoveltyDetector(limits.statistics, search, limits.novelty), val)
    novelty = limits.novelty
    within = found <= (novelty.relative, novelty.neighbours, novelty.measurements, novelty.texture)
    assert within.all(axis=1).mean() == pytest.approx(limits.novelty.kept_share, abs=0.02)
    assert limits.novelty.kept_groups == 6


def test_the_reference_set_is_the_train_part_alone(cells: Observed, limits: FittedLimits) -> None:
    assert len(limits.statistics["reference__embedding"]) == (cells.parts == "train").sum()
    assert len(limits.statistics["reference__group_digest"]) == 24
    assert set(limits.ranges["area_px2"]) == set(Label)


def test_of_one_person_the_reference_set_has_so_many_cells_and_no_more(
    cells: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.calibration.limits.REFERENCE_CELLS", 2)
    statistics = learned_statistics(cells)
    assert np.unique(cells.groups, return_counts=True)[1].min() > 2
    assert set(np.bincount(statistics["reference__group"]).tolist()) == {2}
    assert len(statistics["reference__embedding"]) == len(statistics["reference__measurements"])


def test_each_class_has_its_alpha_and_its_people(limits: FittedLimits) -> None:
    assert limits.conformal is not None
    assert (limits.conformal.malignant.alpha, limits.conformal.healthy.alpha) == tuple(ALPHA.values())
    assert (limits.conformal.malignant.groups, limits.conformal.healthy.groups) == (15, 15)
    assert limits.conformal.malignant.least_new_person == 0  # 15 people are fewer than 1 / 0.05 - 1


def test_a_persons_own_labels_do_not_touch_its_scores(cells: Observed) -> None:
    held_out = cells.folds == 2
    turned = Observed(**vars(cells) | {"malignant": np.where(held_out, ~cells.malignant, cells.malignant)})
    before, after = (cross_fitted_head(each, recipe=HeadRecipe(10.0))[held_out] for each in (cells, turned))
    # The other folds' margins, which calibrate this one, have seen the turned labels; the order is the head's own.
    assert (np.argsort(before) == np.argsort(after)).mean() > 0.99


def test_without_folds_there_are_no_sets(cells: Observed) -> None:
    alone = Observed(**vars(cells) | {"folds": np.zeros(CELLS, int)})
    assert fit_limits(alone, recipe=HeadRecipe(10.0)).conformal is None
