"""`leukolens bench`, or `python -m tests.performance`: the project's performance table in one run.

Wants a checkout with the dev group (`uv sync`), and a machine with nothing else to do.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.settings import Settings
from models.bundle import STORE, copy_bundle
from tests.performance import limits
from tests.performance.case_list import case_list_rows
from tests.performance.crosstalk_row import crosstalk_rows
from tests.performance.engine import engine_rows
from tests.performance.figures import Row
from tests.performance.images import prepare_images
from tests.performance.limits import limits_rows
from tests.performance.machine import describe
from tests.performance.overload import overload_rows
from tests.performance.paper_bundle import ID as PAPER_ID
from tests.performance.paper_bundle import prepare_paper_bundle
from tests.performance.pieces import piece_rows
from tests.performance.results import RESULTS, save, show
from tests.performance.services import Service, keras_peer, leukolens
from tests.performance.serving import BATCHED, PREDICT, SAME_NET, SHIPPED, Pace, measure_serving, serving_rows

console = Console()


class Part(StrEnum):
    """What can be measured by itself."""

    SERVING = "serving"
    ENGINE = "engine"
    OVERLOAD = "overload"
    CROSSTALK = "crosstalk"
    CASES = "cases"
    PIECES = "pieces"
    LIMITS = "limits"


@dataclass(frozen=True)
class Scale:
    """How much is done. looks: at each kind of case-list page."""

    pace: Pace
    images: int
    engine_s: float
    burst: int
    bursts: int
    requests: int
    cells: int
    looks: int


FULL = Scale(Pace(5, 20, 30), 1_200, 10, 1_000, 3, 10_000, 1_000_000, 200)
QUICK = Scale(Pace(1, 6, 20), 300, 4, 300, 1, 300, 50_000, 20)


@dataclass(frozen=True)
class Bench:
    """One run. bundle: a bundle's folder, `<name>/<version>`, None where only the paper's net is measured."""

    scale: Scale
    scratch: Path
    bundle: Path | None
    images: list[Path]
    say: Callable[[str], None]

    def rows(self, part: Part) -> list[Row]:
        return {
            Part.SERVING: self._serving,
            Part.ENGINE: self._engine,
            Part.OVERLOAD: self._overload,
            Part.CROSSTALK: lambda: crosstalk_rows(self.scratch, self.scale.requests),
            Part.CASES: lambda: case_list_rows(
                self.scratch, 10_000, self.scale.cells, self.scale.looks, self.say
            ),
            Part.PIECES: self._pieces,
            Part.LIMITS: self._limits,
        }[part]()

    def _serving(self) -> list[Row]:
        weights = prepare_paper_bundle(self.scratch / "store") / "weights.safetensors"
        services: dict[str, Service] = {
            PREDICT: keras_peer(weights, "predict"),
            SAME_NET: self._ours(PAPER_ID),
            BATCHED: keras_peer(weights, "batched"),
        }
        names = {SAME_NET: "Leukolens with the peer's own net"}
        if self.bundle is not None:
            model = _id(self.bundle)
            services[SHIPPED] = self._ours(model)
            names[SHIPPED] = f"Leukolens with {model}"
        visits = measure_serving(services, self.images, self.scale.pace, self.scratch, self.say)
        return serving_rows(visits, names)

    def _ours(self, model: str) -> Service:
        data_dir = self._data_dir(f"serving-{model.replace('/', '-')}", model)
        return leukolens(data_dir, model, name=f"Leukolens, {model}")

    def _engine(self) -> list[Row]:
        folders = [*([self.bundle] if self.bundle else []), prepare_paper_bundle(self.scratch / "store")]
        scale = self.scale
        return [
            row
            for folder in folders
            for row in engine_rows(folder, scale.pace.rounds, scale.engine_s, self.images[:64])
        ]

    def _overload(self) -> list[Row]:
        model = _id(self.bundle) if self.bundle else PAPER_ID
        data_dirs = [self._data_dir(f"overload-{n}", model) for n in range(self.scale.bursts)]
        return overload_rows(data_dirs, model, self.images[: self.scale.burst], self.scratch)

    def _pieces(self) -> list[Row]:
        model = _id(self.bundle) if self.bundle else PAPER_ID
        data_dir = self._data_dir("pieces", model)
        seconds = self.scale.pace.many_s
        return piece_rows(leukolens(data_dir, model), data_dir, self.images, seconds, self.scratch)

    def _limits(self) -> list[Row]:
        folder = self.bundle or prepare_paper_bundle(self.scratch / "store")
        return limits_rows(folder, self.images[: limits.WARM_UP + limits.ROUNDS])

    def _data_dir(self, name: str, model: str) -> Path:
        """A new data folder whose own store holds the model, wherever it comes from."""
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        source = self.bundle if self.bundle and _id(self.bundle) == model else self.scratch / "store" / model
        if not source.is_dir():
            prepare_paper_bundle(self.scratch / "store")
        copy_bundle(source, folder / "models")
        return folder


def bench(
    parts: Annotated[
        list[Part] | None, typer.Argument(help="What to measure; everything when not given.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One short round: a try, no result.")] = False,
    keep: Annotated[bool, typer.Option("--save", help=f"Write {RESULTS.name}.")] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Folder NAME/VERSION of the bundle to serve; the shipped one when not given."),
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of serving and engine.")] = None,
    one_s: Annotated[float | None, typer.Option(help="Seconds with one client.")] = None,
    many_s: Annotated[float | None, typer.Option(help="Seconds with 16 clients.")] = None,
    cells: Annotated[int | None, typer.Option(help="Cells of the large case log.")] = None,
    requests: Annotated[int | None, typer.Option(help="Requests of the crosstalk part.")] = None,
    scratch: Annotated[
        Path, typer.Option(help="Folder for images, logs and case logs (20 GB for 1,000,000 cells).")
    ] = Path("/tmp/leukolens-bench"),
) -> None:
    """Print the performance table."""
    scale = _scale(quick, rounds, one_s, many_s, cells, requests)
    machine = describe()
    for key, value in machine.items():
        console.print(f"{key}: {value}", highlight=False)
    scratch.mkdir(parents=True, exist_ok=True)
    images, shown = prepare_images(scratch / "images", max(scale.images, scale.burst))
    console.print(f"images: {shown}", highlight=False)
    run = Bench(scale, scratch, bundle or _shipped(), images, _say)
    for part in parts or list(Part):
        rows = run.rows(part)
        show(rows, console)
        if keep:
            save({part.value: rows}, machine, _command(), [f"images: {shown}"])
            console.print(f"Written to {RESULTS}.")


def _scale(
    quick: bool,
    rounds: int | None,
    one_s: float | None,
    many_s: float | None,
    cells: int | None,
    requests: int | None,
) -> Scale:
    base = QUICK if quick else FULL
    pace = Pace(rounds or base.pace.rounds, one_s or base.pace.one_s, many_s or base.pace.many_s)
    changed = {"pace": pace, "cells": cells or base.cells, "requests": requests or base.requests}
    return Scale(**{**vars(base), **changed})


def _shipped() -> Path | None:
    """The shipped bundle's folder, None while there is none."""
    folder = STORE / str(Settings.model_fields["model"].default)
    return folder if folder.is_dir() else None


def _id(bundle: Path) -> str:
    return f"{bundle.parent.name}/{bundle.name}"


def _say(text: str) -> None:
    console.print(text, highlight=False)


def _command() -> str:
    return " ".join(["leukolens bench", *sys.argv[1:]])


def main() -> None:
    """Entry point of the benchmark."""
    typer.run(bench)


if __name__ == "__main__":
    main()
