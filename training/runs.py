"""The folder of one run, and what the commands leave in it for one another.

RUN/profile.json           the profile as it ran
RUN/inputs.json            data folder, starting weights, fingerprint of the data
RUN/prepared/              crops, measurements; patches and maps.npy, the frozen blocks' output, or pictures
RUN/<part>/               final, fold<k>, official<k> or random: base, features, head, held_out (.npz) of one training,
                           its checkpoint.npz and best.npz, curve.csv and tensorboard/
RUN/calibration.json       slope, intercept, band
RUN/baseline/              features and figures of the standing baselines
RUN/<column>.json, .npz    figures and predictions of `these_weights` and `procedure`
RUN/robustness.json        figures of disturbed pictures; RUN/probe/ the answers behind them
RUN/report/                report.html, report.json, predictions, plots
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from models.labels import Label
from models.metrics import group_resamples
from training.cells.dataset import LabelledCell, read_dataset
from training.cells.splits import Split, fold_split, frozen_split, official_split, random_split, with_split
from training.fitting.initial_weights import Weights, initial_weights
from training.profiles import AnyProfile, read_profile

FINAL = "final"
RANDOM = "random"


class Inputs(BaseModel):
    """What a run was given. init: see `training.fitting.initial_weights`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path
    init: str
    fingerprint: str


@dataclass(frozen=True)
class Run:
    """One opened run: its folder, profile, inputs, and the cells in the order of every array."""

    folder: Path
    profile: AnyProfile
    inputs: Inputs
    cells: tuple[LabelledCell, ...]

    @classmethod
    def create(cls, folder: Path, profile: AnyProfile, data: Path, init: str) -> "Run":
        """Start a run in a folder of its own."""
        cells = capped(with_split(read_dataset(data)), profile.max_cells)
        inputs = Inputs(data=data.resolve(), init=init, fingerprint=fingerprint(cells))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "profile.json").write_text(profile.model_dump_json(indent=1))
        (folder / "inputs.json").write_text(inputs.model_dump_json(indent=1))
        return cls(folder, profile, inputs, tuple(cells))

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Open a run that `prepare` started.

        Raises:
            ValueError: the data changed since.
        """
        profile = read_profile((folder / "profile.json").read_text())
        inputs = Inputs.model_validate_json((folder / "inputs.json").read_text())
        cells = capped(with_split(read_dataset(inputs.data)), profile.max_cells)
        if fingerprint(cells) != inputs.fingerprint:
            raise ValueError(
                f"Expected the data that {folder} was prepared from in {inputs.data}, got other cells."
            )
        return cls(folder, profile, inputs, tuple(cells))

    @property
    def malignant(self) -> npt.NDArray[np.bool_]:
        """(n,) bool."""
        return np.array([cell.label is Label.MALIGNANT for cell in self.cells])

    @property
    def groups(self) -> npt.NDArray[np.str_]:
        """(n,) leak groups."""
        return np.array([cell.leak_group for cell in self.cells])

    def samples(self, rows: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
        """Bootstrap samples over the leak groups of some of the cells: positions within `rows`."""
        return group_resamples(
            self.malignant[rows],
            self.groups[rows].tolist(),
            seed=self.profile.seed,
            resamples=self.profile.resamples,
        )

    @property
    def folds(self) -> npt.NDArray[np.int_]:
        """(n,) cv_fold."""
        return np.array([cell.cv_fold for cell in self.cells])

    def starting_weights(self) -> Weights:
        """The base as it is before training."""
        return initial_weights(self.inputs.init, self.profile.architecture, self.profile.seed)

    def split(self, part: str) -> Split:
        """What a part learns from and is judged on.

        `final` is the frozen split, `fold<k>` cross-validation fold k, `official<k>` the data set's own fold k,
        `random` the paper's split by image, for comparison only.
        """
        if part == FINAL:
            split = frozen_split(self.cells)
            return split.without_val() if self.profile.calibrated_on == "folds" else split
        if part == RANDOM:
            return random_split(self.cells, self.profile.seed)
        if part.startswith("official"):
            return official_split(self.cells, int(part.removeprefix("official")))
        return fold_split(self.cells, int(part.removeprefix("fold")))

    def part_folder(self, part: str) -> Path:
        """Where a part's files lie; made when it is not there."""
        folder = self.folder / part
        folder.mkdir(exist_ok=True)
        return folder

    def identity(self, part: str) -> str:
        """Digest of what one training depends on: profile, data, starting weights, part."""
        lines = (self.profile.model_dump_json(), self.inputs.init, self.inputs.fingerprint, part)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def parts_done(self) -> list[str]:
        """Parts whose held-out predictions exist, by name."""
        return sorted(path.parent.name for path in self.folder.glob("*/held_out.npz"))

    def folds_done(self) -> list[int]:
        """Folds whose held-out predictions exist."""
        return sorted(int(part[4:]) for part in self.parts_done() if part.startswith("fold"))

    def save(self, part: str, name: str, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        """Write arrays as RUN/<part>/<name>.npz."""
        np.savez(self.part_folder(part) / f"{name}.npz", **arrays)  # type: ignore[arg-type]

    def load(self, part: str, name: str) -> dict[str, npt.NDArray[np.generic]]:
        """Read what `save` wrote."""
        with np.load(self.folder / part / f"{name}.npz") as archive:
            return {key: archive[key] for key in archive}


def capped(cells: Sequence[LabelledCell], per_group: int) -> list[LabelledCell]:
    """The first `per_group` cells of each leak group, all for 0."""
    if per_group == 0:
        return list(cells)
    seen: dict[str, int] = {}
    kept = []
    for cell in cells:
        seen[cell.leak_group] = seen.get(cell.leak_group, 0) + 1
        if seen[cell.leak_group] <= per_group:
            kept.append(cell)
    return kept


def fingerprint(cells: Sequence[LabelledCell]) -> str:
    """SHA-256 over names, labels, groups and splits, in order: which cells, not their bytes."""
    lines = (
        f"{cell.path.name},{cell.label},{cell.leak_group},{cell.split},{cell.cv_fold}\n" for cell in cells
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()
