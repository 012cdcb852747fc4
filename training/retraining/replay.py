"""New cells beside the old ones: what a retraining learns from, as one data folder whose frozen parts stay as they were.

New cells are learned from and nothing else. Who calibrates or judges, by name, leak group or picture, is never among them.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from models.labels import CNMC_LABELS
from training.cells.dataset import LabelledCell, pixel_digest
from training.cells.layouts import DatasetError

COLUMNS = ("file", "label", "subject", "leak_group", "official_fold", "split", "cv_fold")
_WORDS = {label: word for word, label in CNMC_LABELS.items()}


class LeftOut(StrEnum):
    """Why a new cell is not learned from."""

    HELD_OUT = "of a person who calibrates or judges"
    REPLAYED = "a picture that is among the old cells"
    REPEATED = "a picture that is among the new cells more than once"
    CONTRADICTED = "a picture that stands under both classes"


@dataclass(frozen=True)
class Pictured:
    """A cell and the digest of its pixels."""

    cell: LabelledCell
    digest: str


class Snapshot(BaseModel):
    """What one retraining learned from and was judged by. sha256: over names, labels, groups, splits and pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    old_cells: int
    new_cells: int
    new_malignant: int
    new_healthy: int
    new_leak_groups: int
    left_out: dict[str, int]


def pictured(cells: Sequence[LabelledCell], *, workers: int = 2) -> list[Pictured]:
    """Digest the pixels of every cell, in order."""
    with ProcessPoolExecutor(workers) as pool:
        digests = pool.map(pixel_digest, [cell.path for cell in cells], chunksize=16)
        return [Pictured(*pair) for pair in zip(cells, digests, strict=True)]


def admitted(old: Sequence[Pictured], new: Sequence[Pictured]) -> tuple[list[Pictured], Counter[LeftOut]]:
    """The new cells that may be learned from, as train cells of no fold, and how many others there were, by reason.

    A new leak group that shares a picture or a name with somebody held out is that person, so all of it is left out.
    """
    held = [each for each in old if each.cell.split != "train"]
    people = {name for each in held for name in _names(each.cell)}
    pictures = {each.digest for each in held}
    people |= {name for each in new if each.digest in pictures for name in _names(each.cell)}
    labels: dict[str, set[str]] = {}
    for each in (*old, *new):
        labels.setdefault(each.digest, set()).add(each.cell.label)
    replayed, learned = {each.digest for each in old}, set[str]()
    kept: list[Pictured] = []
    left_out: Counter[LeftOut] = Counter()
    for each in new:
        if people & _names(each.cell):
            left_out[LeftOut.HELD_OUT] += 1
        elif len(labels[each.digest]) > 1:
            left_out[LeftOut.CONTRADICTED] += 1
        elif each.digest in replayed:
            left_out[LeftOut.REPLAYED] += 1
        elif each.digest in learned:
            left_out[LeftOut.REPEATED] += 1
        else:
            learned.add(each.digest)
            cell = replace(each.cell, split="train", cv_fold=-1, official_fold=-1)
            kept.append(Pictured(cell, each.digest))
    return kept, left_out


def snapshot(old: Sequence[Pictured], kept: Sequence[Pictured], left_out: Counter[LeftOut]) -> Snapshot:
    """Count and hash."""
    malignant = sum(each.cell.label == "malignant" for each in kept)
    return Snapshot(
        sha256=_digest((*old, *kept)),
        old_cells=len(old),
        new_cells=len(kept),
        new_malignant=malignant,
        new_healthy=len(kept) - malignant,
        new_leak_groups=len({each.cell.leak_group for each in kept}),
        left_out={reason.value: count for reason, count in left_out.items()},
    )


def write_joined(cells: Iterable[LabelledCell], folder: Path) -> Path:
    """A data folder in the layout `index` that names pictures where they lie; no picture is copied."""
    folder.mkdir(parents=True)
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for cell in cells:
            fold = "" if cell.official_fold < 0 else f"fold_{cell.official_fold}"
            stated = (cell.subject, cell.leak_group, fold, cell.split, cell.cv_fold)
            writer.writerow((cell.path.resolve(), _WORDS[cell.label], *stated))
    return folder


def require_cells(kept: Sequence[Pictured], left_out: Counter[LeftOut]) -> None:
    """Raise DatasetError where no new cell is left."""
    if not kept:
        found = ", ".join(f"{count} {reason.value}" for reason, count in left_out.items()) or "none"
        raise DatasetError(f"Expected new cells to learn from, found {found}.")


def _names(cell: LabelledCell) -> set[str]:
    return {cell.subject, cell.leak_group}


def _digest(cells: Iterable[Pictured]) -> str:
    lines = (
        f"{each.cell.path.name},{each.cell.label},{each.cell.leak_group},{each.cell.split},{each.digest}\n"
        for each in cells
    )
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
