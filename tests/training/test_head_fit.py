import numpy as np
import pytest

from models.head import Head, HeadSpec
from models.measurements import MEASUREMENTS
from training.cells.sampling import balanced_weights, draw
from training.fitting.head_fit import FUSED, fit_head, head_margin
from training.fitting.initial_weights import Weights, rounded
from training.profiles import HeadRecipe

RNG = np.random.default_rng(5)
MALIGNANT = np.arange(90) < 50
FEATURES = (RNG.gamma(2.0, size=(90, 8)) + MALIGNANT[:, None]).astype(np.float32)
MEASURED = (RNG.normal(size=(90, len(MEASUREMENTS))) * 50 + 20 * MALIGNANT[:, None]).astype(np.float32)
GROUPS = [f"{'m' if side else 'h'}{i % 5}" for i, side in enumerate(MALIGNANT)]
HEAD = fit_head(FEATURES, MEASURED, MALIGNANT, GROUPS, HeadRecipe(1.0))
WITH_TREES = fit_head(FEATURES, MEASURED, MALIGNANT, GROUPS, HeadRecipe(1.0, trees=12))


@pytest.mark.parametrize(("head", "trees"), [(HEAD, 0), (WITH_TREES, 12)])
def test_the_margin_of_many_cells_is_what_the_served_head_gives_for_each(head: Weights, trees: int) -> None:
    spec = HeadSpec(
        pooling="cell_mean_deviation", dense_layers=1, embedding_length=8, fusion=FUSED, trees=trees
    )
    served = Head(spec, dict(head))
    inside = np.ones((2, 2), np.float32)
    # Four channels that are m - d and m + d over the cell have mean m and deviation d.
    means, deviations = FEATURES[0, :4], FEATURES[0, 4:]
    feature_map = means[:, None, None] + deviations[:, None, None] * np.array([[-1, 1], [1, -1]], np.float32)
    logits = served(feature_map, inside, dict(zip(MEASUREMENTS, MEASURED[0].tolist(), strict=True))).logits
    assert logits[0] - logits[1] == pytest.approx(head_margin(FEATURES, MEASURED, head)[0], abs=1e-4)


def test_with_trees_the_margin_is_the_mean_of_both() -> None:
    trees = WITH_TREES | {
        name: array * 0 for name, array in WITH_TREES.items() if "__kernel" in name or "__bias" in name
    }
    alone = head_margin(FEATURES, MEASURED, trees)
    assert head_margin(FEATURES, MEASURED, WITH_TREES) == pytest.approx(
        head_margin(FEATURES, MEASURED, HEAD) / 2 + alone, abs=1e-4
    )
    assert alone[MALIGNANT].mean() > 0 > alone[~MALIGNANT].mean()


def test_with_two_levels_the_margin_is_the_mean_of_a_regression_on_each_and_of_the_trees() -> None:
    recipe = HeadRecipe(1.0, trees=12, levels=(1, 3))
    levels = [FEATURES[:, [0, 4]], FEATURES[:, [1, 2, 3, 5, 6, 7]]]
    alone = [fit_head(each, MEASURED, MALIGNANT, GROUPS, HeadRecipe(1.0)) for each in levels]
    margins = [head_margin(each, MEASURED, head) for each, head in zip(levels, alone, strict=True)]
    trees = 2 * head_margin(FEATURES, MEASURED, WITH_TREES) - head_margin(FEATURES, MEASURED, HEAD)
    found = head_margin(FEATURES, MEASURED, fit_head(FEATURES, MEASURED, MALIGNANT, GROUPS, recipe))
    assert found == pytest.approx((margins[0] + margins[1] + trees) / 3, abs=1e-4)
    assert np.abs(margins[0] - margins[1]).max() > 0.1


def test_a_bundle_keeps_thresholds_whole() -> None:
    kept = rounded(WITH_TREES)
    assert (kept["trees__threshold"] == WITH_TREES["trees__threshold"]).all()
    assert (kept["head__dense1__kernel"] != WITH_TREES["head__dense1__kernel"]).any()


def test_the_fitted_head_scores_malignant_cells_higher() -> None:
    margin = head_margin(FEATURES, MEASURED, HEAD)
    assert margin[MALIGNANT].mean() > 0 > margin[~MALIGNANT].mean()


def test_classes_weigh_the_same_and_groups_by_the_root_of_their_size() -> None:
    malignant = np.array([True] * 5 + [False] * 4)
    weights = balanced_weights(malignant, ["m1"] * 4 + ["m2"] + ["h1"] * 4)
    assert weights[malignant].sum() == pytest.approx(0.5)
    assert weights[:4].sum() == pytest.approx(2 * weights[4])


def test_a_draw_depends_on_seed_and_step_only() -> None:
    weights = np.full(10, 0.1)
    assert (draw(weights, 20, seed=1, step=5) == draw(weights, 20, seed=1, step=5)).all()
    assert (draw(weights, 20, seed=1, step=5) != draw(weights, 20, seed=1, step=6)).any()
