"""Arrays that were dear to compute, kept on disk so that a stopped command goes on where it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def stored(piece: Path, compute: Callable[[], Arrays]) -> Arrays:
    """What `piece` holds; where there is none yet it is computed and appears whole or not at all.

    Args:
        piece: an `.npz` file; its folder is made.
    """
    if not piece.is_file():
        piece.parent.mkdir(parents=True, exist_ok=True)
        unfinished = piece.with_suffix(".part.npz")
        np.savez(unfinished, **compute())
        unfinished.rename(piece)
    with np.load(piece) as archive:
        return {name: archive[name] for name in archive}


def stored_in_pieces(
    folder: Path,
    count: int,
    at_once: int,
    compute: Callable[[slice], Arrays],
    say: Callable[[int], None] = lambda _: None,
) -> Arrays:
    """Rows 0 to `count`, `at_once` of them a piece (`00000.npz` and so on), put together.

    Args:
        compute: rows of a slice -> name -> array, rows first.
        say: told how many rows are done.
    """
    pieces = []
    for start in range(0, count, at_once):
        rows = slice(start, min(start + at_once, count))
        pieces.append(stored(folder / f"{start:05d}.npz", lambda rows=rows: compute(rows)))
        say(rows.stop)
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
