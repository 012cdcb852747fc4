"""Different cells, encoded as PNG before anything is measured: one for every request."""

import csv
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from app.inference.upload import encode_png
from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from models.measurements import ImageArray
from tests.conftest import REAL_DATA

DRAWN_PER_SHAPE = 8


def prepare_images(folder: Path, count: int) -> tuple[list[Path], str]:
    """Write what is missing of `count` different cells below `folder`.

    Returns:
        The files, and in words what they show.
    """
    index = REAL_DATA / "index.csv"
    if index.is_file():
        with index.open(newline="", encoding="utf-8") as file:
            sources = sorted(row["file"] for row in csv.DictReader(file))
        step = max(1, len(sources) // count)
        tasks = [
            (folder / f"real-{step}-{n}.png", source) for n, source in enumerate(sources[::step][:count])
        ]
        _run(_write_real, tasks)
        return [path for path, _ in tasks], f"{len(tasks)} real cells (C-NMC 2019) as PNG"
    shapes = range(-(-count // DRAWN_PER_SHAPE))
    _run(_write_drawn, [(folder, shape) for shape in shapes])
    drawn = [_drawn_path(folder, shape, turn) for shape in shapes for turn in range(DRAWN_PER_SHAPE)]
    return drawn[:count], f"{count} drawn cells as PNG"


def eight_turns(cell: ImageArray) -> list[ImageArray]:
    """The cell turned and mirrored: eight different pictures from one."""
    return [
        np.ascontiguousarray(np.rot90(side, quarter))
        for side in (cell, cell[:, ::-1])
        for quarter in range(4)
    ]


def _run(function: object, tasks: Sequence[tuple[object, object]]) -> None:
    with ProcessPoolExecutor() as pool:
        list(pool.map(function, *zip(*tasks, strict=True), chunksize=16))  # type: ignore[arg-type]


def _write_real(path: Path, source: str) -> None:
    if not path.exists():
        _write(path, decode_cell((REAL_DATA / source).read_bytes()).pixels)


def _write_drawn(folder: Path, shape: int) -> None:
    paths = [_drawn_path(folder, shape, turn) for turn in range(DRAWN_PER_SHAPE)]
    if not all(path.exists() for path in paths):
        for path, cell in zip(paths, eight_turns(draw_cell(shape)), strict=True):
            _write(path, cell)


def _drawn_path(folder: Path, shape: int, turn: int) -> Path:
    return folder / f"drawn-{shape}-{turn}.png"


def _write(path: Path, cell: ImageArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(cell))
