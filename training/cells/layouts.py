"""The layouts in which C-NMC 2019 lies on disks: who is on which picture, before anything is decoded.

| layout | files |
|---|---|
| index | `index.csv` with file, label and subject; leak groups, frozen splits and folds where it states them |
| folds | `.../fold_{0,1,2}/{all,hem}/UID_<subject>_<image>_<cell>_<label>.bmp`, the training set as TCIA and Kaggle ship it |
| preliminary | `1.bmp .. 1867.bmp` and a CSV `Patient_ID,new_names,labels`; Patient_ID is the original file name, 1 = malignant |
| final | `1.bmp .. 2586.bmp` without labels, some of 600 x 600 pixels |

Source: the data set's page, doi:10.7937/tcia.2019.dc64i46r, and the file names themselves.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from models.labels import CNMC_LABELS, Label

_NAME = re.compile(r"UID_(?P<subject>[A-Za-z]?\d+)_\d+_\d+_(?P<label>all|hem)", re.IGNORECASE)
_PRELIMINARY_COLUMNS = {"Patient_ID", "new_names", "labels"}
_INDEX_LABELS = {**CNMC_LABELS, **{label.value: label for label in Label}}
_CHALLENGE_LABELS = {"1": Label.MALIGNANT, "0": Label.HEALTHY}


class DatasetError(ValueError):
    """A data set folder that cannot be used; the message says what was expected and what came."""


@dataclass(frozen=True)
class ListedCell:
    """One labelled picture as its layout lists it.

    name_label: the class in the file name, None where the name tells none. leak_group, split, cv_fold: stated by
    an index only. official_fold: 0 to 2, -1 outside the training set.
    """

    path: Path
    label: Label
    subject: str
    name_label: Label | None
    leak_group: str = ""
    split: str = ""
    cv_fold: int = -1
    official_fold: int = -1


def list_cells(folder: Path) -> list[ListedCell]:
    """Every labelled picture below a folder, in whichever layout it has; sorted by file name.

    Raises:
        DatasetError: the folder holds none of the layouts, or a list that cannot be read.
    """
    found = _from_index(folder) or _from_folds(folder) + _from_preliminary(folder)
    if not found:
        raise DatasetError(
            f"Expected index.csv, fold_*/{{all,hem}}/UID_*.bmp, or a CSV with {sorted(_PRELIMINARY_COLUMNS)} "
            f"beside its pictures in {folder}, found no labelled cell."
        )
    return sorted(found, key=lambda cell: (cell.path.name, str(cell.path)))


def list_unlabelled(folder: Path) -> list[Path]:
    """The pictures of the final test set, `1.bmp`, `2.bmp`, ... in the order of their numbers.

    Raises:
        DatasetError: there is none.
    """
    pictures = [path for path in folder.rglob("*.bmp") if path.stem.isdecimal()]
    if not pictures:
        raise DatasetError(f"Expected 1.bmp, 2.bmp, ... in {folder}, found none.")
    return sorted(pictures, key=lambda path: int(path.stem))


def subject_of(name: str) -> str:
    """`UID_h3_1_1_hem.bmp` -> `H3`. One subject is spelt `h3`; `1` and `H1` are different people.

    Raises:
        DatasetError: the name is not of that form.
    """
    match = _NAME.match(name)
    if match is None:
        raise DatasetError(f"Expected a name like UID_<subject>_<image>_<cell>_<all|hem>, got {name!r}.")
    return match["subject"].upper()


def label_in(name: str) -> Label | None:
    """The class a file name states."""
    match = _NAME.match(name)
    return CNMC_LABELS[match["label"].lower()] if match else None


def _from_index(folder: Path) -> list[ListedCell]:
    if not (folder / "index.csv").is_file():
        return []
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        return [_indexed_cell(row, folder) for row in csv.DictReader(file)]


def _indexed_cell(row: dict[str, str], folder: Path) -> ListedCell:
    label = _INDEX_LABELS.get(row.get("label", ""))
    if label is None or not row.get("file") or not row.get("subject"):
        raise DatasetError(
            f"Expected file, subject and label ({', '.join(_INDEX_LABELS)}) in every line of {folder / 'index.csv'}, "
            f"got {row}."
        )
    return ListedCell(
        path=folder / row["file"],
        label=label,
        subject=row["subject"],
        name_label=label_in(Path(row["file"]).name),
        leak_group=row.get("leak_group", ""),
        split=row.get("split", ""),
        cv_fold=int(row.get("cv_fold") or -1),
        official_fold=_fold_number(row.get("official_fold", "")),
    )


def _from_folds(folder: Path) -> list[ListedCell]:
    return [
        ListedCell(
            path=path,
            label=CNMC_LABELS[path.parent.name],
            subject=subject_of(path.name),
            name_label=label_in(path.name),
            official_fold=_fold_number(path.parent.parent.name),
        )
        for path in folder.glob("**/fold_*/*/UID_*.bmp")
        if path.parent.name in CNMC_LABELS
    ]


def _from_preliminary(folder: Path) -> list[ListedCell]:
    cells: list[ListedCell] = []
    for table in sorted(folder.rglob("*.csv")):
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not set(reader.fieldnames or ()) >= _PRELIMINARY_COLUMNS:
                continue
            pictures = {path.name: path for path in table.parent.rglob("*.bmp")}
            cells += [_preliminary_cell(row, table, pictures) for row in reader]
    return cells


def _preliminary_cell(row: dict[str, str], table: Path, pictures: dict[str, Path]) -> ListedCell:
    if row["labels"] not in _CHALLENGE_LABELS:
        raise DatasetError(f"Expected label 0 or 1 for {row['new_names']} in {table}, got {row['labels']!r}.")
    return ListedCell(
        path=pictures.get(row["new_names"], table.parent / row["new_names"]),
        label=_CHALLENGE_LABELS[row["labels"]],
        subject=subject_of(row["Patient_ID"]),
        name_label=label_in(row["Patient_ID"]),
    )


def _fold_number(name: str) -> int:
    number = name.removeprefix("fold_")
    return int(number) if number.isdecimal() else -1
