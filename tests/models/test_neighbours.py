import numpy as np
import pytest

from models.neighbours import NeighbourSearch

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(500, 32)).astype(np.float32)
SCALE = RANDOM.uniform(0.5, 2, 32).astype(np.float32)


def test_the_nearest_are_those_a_plain_loop_finds() -> None:
    asked = RANDOM.normal(size=32).astype(np.float32)
    distances = np.sqrt(np.square((ROWS - asked) / SCALE).mean(axis=1))
    found = NeighbourSearch(ROWS, SCALE).nearest(asked, 7)
    assert found.rows.tolist() == np.argsort(distances)[:7].tolist()
    assert found.distances == pytest.approx(np.sort(distances)[:7], rel=1e-4)


def test_a_row_is_its_own_nearest_neighbour() -> None:
    found = NeighbourSearch(ROWS, SCALE).nearest(ROWS[42], 1)
    assert found.rows.tolist() == [42]
    assert found.distances[0] == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize("rows", [0, 3])
def test_fewer_rows_than_asked_for_are_all_there_is(rows: int) -> None:
    assert len(NeighbourSearch(ROWS[:rows], SCALE).nearest(ROWS[0], 10).rows) == rows
