"""What is wrong with a data folder, all of it at once, before hours are spent on it."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from models.labels import Label
from models.refusals import ImageRefused
from training.cells.dataset import leak_groups, read_picture
from training.cells.layouts import DatasetError, ListedCell, list_cells


@dataclass
class DataReport:
    """Findings by kind; each entry names its files. `errors` stop a training, `notes` do not."""

    cells: Counter[Label] = field(default_factory=Counter)
    subjects: set[str] = field(default_factory=set)
    leak_groups: set[str] = field(default_factory=set)
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def usable(self) -> bool:
        return not self.errors


def check_data(folder: Path) -> DataReport:
    """Read every picture of a data folder and report what does not fit.

    Errors: missing, unreadable or of a wrong size; a class in the name that is not the folder's; one picture under
    both classes; a stated leak group that a shared picture contradicts. Notes: one picture more than once; subjects
    merged because they share one; a subject spelt in lower case.

    Raises:
        DatasetError: the folder has no known layout.
    """
    report = DataReport()
    owners: dict[str, list[ListedCell]] = defaultdict(list)
    for cell in list_cells(folder):
        report.cells[cell.label] += 1
        report.subjects.add(cell.subject)
        _check_name(cell, report)
        digest = _digest_or_error(cell, report)
        if digest is not None:
            owners[digest].append(cell)
    for same in owners.values():
        _check_shared(same, report)
    shared = [(cell.subject, digest) for digest, same in owners.items() for cell in same]
    stated = [
        (cell.subject, f"group {cell.leak_group}")
        for same in owners.values()
        for cell in same
        if cell.leak_group
    ]
    merged = leak_groups(shared + stated)
    report.leak_groups = set(merged.values())
    for subject, group in sorted(merged.items()):
        if subject != group:
            report.notes["subjects merged with another, they share a picture or a stated group"].append(
                f"{subject} -> {group}"
            )
    return report


def _check_name(cell: ListedCell, report: DataReport) -> None:
    if cell.name_label is not None and cell.name_label is not cell.label:
        report.errors["class in the name is not the stated one"].append(cell.path.name)
    parts = cell.path.name.split("_")
    if len(parts) > 1 and parts[0] == "UID" and parts[1] != parts[1].upper():
        report.notes["subject spelt in lower case, read as upper case"].append(cell.path.name)


def _digest_or_error(cell: ListedCell, report: DataReport) -> str | None:
    if not cell.path.is_file():
        report.errors["listed, but missing"].append(cell.path.name)
        return None
    try:
        return hashlib.sha256(read_picture(cell.path).tobytes()).hexdigest()
    except ImageRefused as refused:
        report.errors[f"refused: {refused.code.value}"].append(cell.path.name)
    except (DatasetError, OSError, SyntaxError, ValueError):
        report.errors["not a readable picture of 450 or 600 px"].append(cell.path.name)
    return None


def _check_shared(same: list[ListedCell], report: DataReport) -> None:
    if len(same) < 2:
        return
    names = " = ".join(cell.path.name for cell in same)
    report.notes["one picture more than once"].append(names)
    if len({cell.label for cell in same}) > 1:
        report.errors["one picture under both classes"].append(names)
    if len({cell.leak_group for cell in same if cell.leak_group}) > 1:
        report.errors["one picture in two stated leak groups"].append(names)
