import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

from models.boosted_trees import BoostedTrees
from training.fitting import tree_fit

RNG = np.random.default_rng(11)
NUMBERS = RNG.integers(0, 9, size=(300, 6)).astype(np.float32)  # ties on both sides of every threshold
MALIGNANT = NUMBERS[:, 0] + NUMBERS[:, 1] * RNG.random(300) > 7
WEIGHTS = RNG.random(300) + 0.5


def test_written_trees_give_the_margin_of_those_that_scikit_learn_fitted() -> None:
    written = tree_fit.fit_trees(NUMBERS, MALIGNANT, WEIGHTS, 20)
    trees = BoostedTrees(
        written["trees__feature"].astype(int), written["trees__threshold"], written["trees__value"], 6
    )
    fitted = GradientBoostingClassifier(
        init="zero",
        n_estimators=20,
        max_depth=tree_fit.DEPTH,
        learning_rate=tree_fit.LEARNING_RATE,
        subsample=0.5,
        max_features="sqrt",
        random_state=0,
    ).fit(NUMBERS, MALIGNANT, sample_weight=WEIGHTS)
    np.testing.assert_allclose(trees.margin(NUMBERS), fitted.decision_function(NUMBERS), atol=1e-5)
