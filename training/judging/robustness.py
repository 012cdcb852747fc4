"""How a procedure's answers move when pictures change, and what is left when only the outline is: RUN/robustness.json.

Each cell is judged by the network of the fold that never saw its person; with fewer than two folds, by the final one on
the test part. The gate is not asked: the figures are of the network alone.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from models.bundle import Interval
from models.classifier import Classifier
from models.measurements import ImageArray, foreground_mask
from models.metrics import Metric, auroc, difference, interval, weighted_f1, with_interval
from training.calibration.calibrate import fit_calibration
from training.cells.dataset import read_pixels
from training.cells.pieces import stored
from training.cells.sampling import spread
from training.judging.baselines import area_score
from training.judging.frozen_reference import described
from training.pictures.disturbances import GRID, Change, silhouette
from training.publishing.candidate import calibrated_run, open_candidate, part_bundle
from training.runs import FINAL, Run

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

COMMAND = "python -m training probe --out RUN"
FILE = "robustness.json"


class Disturbed(BaseModel):
    """Figures of the same cells after one change. moved: mean distance of p_malignant from the unchanged picture's.
    auroc_change: paired, after minus before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: str
    strength: str
    auroc: Interval
    weighted_f1: Interval
    moved: Interval
    auroc_change: Interval


class Robustness(BaseModel):
    """The grid, and the silhouette probe with what area alone reaches on the same cells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    command: str
    cells: int
    malignant_groups: int
    healthy_groups: int
    unchanged_auroc: Interval
    unchanged_weighted_f1: Interval
    grid: list[Disturbed]
    silhouette: Disturbed
    area_auroc: Interval


@dataclass(frozen=True)
class Probed:
    """A part's network and the cells it is asked about, none of whose people it saw."""

    part: str
    classifier: Classifier
    rows: Rows


@dataclass(frozen=True)
class Unchanged:
    """The answers that every other is held against. samples: bootstrap samples over leak groups."""

    p_malignant: Doubles
    malignant: Bools
    samples: Sequence[Rows]

    def figure(self, metric: Metric, score: Doubles) -> Interval:
        """One metric of a score of these cells."""
        return with_interval(metric, score, self.malignant, self.samples)

    def disturbed(self, change: str, strength: str, after: Doubles) -> Disturbed:
        """What a change did to the answers."""
        moved = np.abs(after - self.p_malignant)
        return Disturbed(
            change=change,
            strength=strength,
            auroc=self.figure(auroc, after),
            weighted_f1=self.figure(weighted_f1, after),
            moved=interval(float(moved.mean()), [float(moved[rows].mean()) for rows in self.samples]),
            auroc_change=difference(auroc, after, self.p_malignant, self.malignant, self.samples),
        )


def probe_run(run: Run) -> Robustness:
    """Ask every network about every change; a stopped run goes on."""
    probed = list(probed_parts(run))
    rows = np.concatenate([each.rows for each in probed])
    pictures = [read_pixels(run.cells[row]) for row in rows]
    folder = run.folder / "probe" / _digest(probed)

    def ask(name: str, how: Change | None) -> Doubles:
        piece = folder / f"{re.sub(r'[^a-z0-9.+-]+', '_', name.lower())}.npz"
        answers = stored(piece, lambda: {"p_malignant": _answers(probed, pictures, how, run.profile.seed)})
        return answers["p_malignant"]

    before = Unchanged(ask("unchanged", None), run.malignant[rows], run.samples(rows))
    one_colour = partial(silhouette, colour=mean_colour(pictures))
    found = Robustness(
        description=_description(probed),
        command=COMMAND,
        cells=len(rows),
        malignant_groups=len(set(run.groups[rows][before.malignant])),
        healthy_groups=len(set(run.groups[rows][~before.malignant])),
        unchanged_auroc=before.figure(auroc, before.p_malignant),
        unchanged_weighted_f1=before.figure(weighted_f1, before.p_malignant),
        grid=[
            before.disturbed(change, strength, ask(f"{change} {strength}", how))
            for change, degrees in GRID.items()
            for strength, how in degrees.items()
        ],
        silhouette=before.disturbed("silhouette", "", ask("silhouette", one_colour)),
        area_auroc=before.figure(auroc, area_score(described(run).measurements[rows])),
    )
    (run.folder / FILE).write_text(found.model_dump_json(indent=1))
    return found


def read_robustness(run: Run) -> Robustness | None:
    """What `probe_run` kept, None where it never ran."""
    path = run.folder / FILE
    return Robustness.model_validate_json(path.read_text()) if path.is_file() else None


def probed_parts(run: Run) -> Iterator[Probed]:
    """The folds that were trained, each calibrated on the others and with its share of the cells; else the final one."""
    folds = run.folds_done()
    if len(folds) < 2:
        bundle = part_bundle(run, FINAL, calibrated_run(run).calibration)
        yield Probed(FINAL, open_candidate(bundle), probed_rows(run, run.split(FINAL).test))
        return
    held_out = {fold: run.load(f"fold{fold}", "held_out") for fold in folds}
    chosen = probed_rows(run, np.sort(np.concatenate([held_out[fold]["rows"] for fold in folds])))
    for fold in folds:
        others = [held_out[other] for other in folds if other != fold]
        rows, margin = (np.concatenate([each[name] for each in others]) for name in ("rows", "margin"))
        bundle = part_bundle(
            run, f"fold{fold}", fit_calibration(margin, run.malignant[rows], run.groups[rows])
        )
        own = np.intersect1d(chosen, held_out[fold]["rows"])
        yield Probed(f"fold{fold}", open_candidate(bundle), own)


def probed_rows(run: Run, rows: Rows) -> Rows:
    """`probed_cells` of the profile, half of each class, spread over its leak groups and evenly within them."""
    half = run.profile.probed_cells // 2
    sides = []
    for side in (rows[run.malignant[rows]], rows[~run.malignant[rows]]):
        people = len(set(run.groups[side]))
        own = spread(side, run.groups, -(-half // people))
        sides.append(own[np.linspace(0, len(own) - 1, min(half, len(own))).round().astype(int)])
    return np.sort(np.concatenate(sides))


def mean_colour(pictures: Sequence[ImageArray]) -> tuple[int, int, int]:
    """Mean RGB of the cells' pixels, each cell counted once."""
    means = [pixels[foreground_mask(pixels)].mean(axis=0) for pixels in pictures]
    red, green, blue = np.rint(np.mean(means, axis=0)).astype(int).tolist()
    return red, green, blue


def _answers(
    probed: Sequence[Probed], pictures: Sequence[ImageArray], how: Change | None, seed: int
) -> Doubles:
    """p_malignant of every picture after a change, in the order of `probed`."""
    found: list[float] = []
    for each in probed:
        own = pictures[len(found) : len(found) + len(each.rows)]

        def ask(numbered: tuple[int, ImageArray], classifier: Classifier = each.classifier) -> float:
            row, pixels = numbered
            changed = how(pixels, np.random.default_rng((seed, row))) if how else pixels
            return classifier.p_malignant_ungated(changed)

        with ThreadPoolExecutor(each.classifier.engine.streams) as pool:
            found += pool.map(ask, zip(each.rows.tolist(), own, strict=True))
    return np.array(found)


def _description(probed: Sequence[Probed]) -> str:
    parts = ", ".join(each.part for each in probed)
    return f"networks of {parts}, each on cells of people it never saw; both classes alike often"


def _digest(probed: Sequence[Probed]) -> str:
    """Of weights, calibration and cells: answers of other networks are not taken for these."""
    digest = hashlib.sha256()
    for each in probed:
        bundle = each.classifier.bundle
        digest.update(bundle.manifest.calibration.model_dump_json().encode() + each.rows.tobytes())
        for name in sorted(bundle.weights):
            digest.update(bundle.weights[name].tobytes())
    return digest.hexdigest()[:16]
