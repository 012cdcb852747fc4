import numpy as np
import pytest

from models.boosted_trees import BoostedTrees

TWO_LEVELS = BoostedTrees(
    feature=np.array([[0, 1, 1]]),
    threshold=np.array([[0.5, 1.0, 2.0]], np.float32),
    value=np.array([[1.0, 2.0, 3.0, 4.0]], np.float32),
    numbers=2,
)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([0.5, 1.0], 1.0), ([0.5, 1.5], 2.0), ([0.6, 2.0], 3.0), ([0.6, 2.5], 4.0)],
)
def test_a_number_goes_right_only_where_it_is_greater(numbers: list[float], expected: float) -> None:
    assert TWO_LEVELS.margin(np.array([numbers], np.float32)) == expected


def test_a_tree_that_asks_for_a_number_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="numbers 0 to 0"):
        BoostedTrees(TWO_LEVELS.feature, TWO_LEVELS.threshold, TWO_LEVELS.value, numbers=1)


def test_trees_whose_parts_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        BoostedTrees(TWO_LEVELS.feature, TWO_LEVELS.threshold, TWO_LEVELS.value[:, :2], numbers=2)
    with pytest.raises(ValueError, match="power of two"):
        BoostedTrees(np.zeros((1, 2), int), np.zeros((1, 2), np.float32), np.zeros((1, 3), np.float32), 2)
