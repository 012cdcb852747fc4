from pathlib import Path

import numpy as np
import pytest

from training.cells.pieces import stored_in_pieces


class Stopped(Exception):
    pass


def test_a_stopped_run_goes_on_and_computes_no_piece_twice(tmp_path: Path) -> None:
    asked: list[int] = []

    def double(rows: slice) -> dict[str, np.ndarray]:
        asked.append(rows.start)
        if asked == [0, 4]:
            raise Stopped
        return {"doubled": 2 * np.arange(rows.start, rows.stop)}

    with pytest.raises(Stopped):
        stored_in_pieces(tmp_path, 10, 4, double)
    found = stored_in_pieces(tmp_path, 10, 4, double)
    assert asked == [0, 4, 4, 8]
    assert found["doubled"].tolist() == list(range(0, 20, 2))
