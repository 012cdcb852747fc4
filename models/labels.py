"""The two classes a network tells apart, in the order of its outputs."""

from enum import StrEnum


class Label(StrEnum):
    """Class of one cell; the position in `LABELS` is the index of the network's output.

    Source: the label order of the paper's code, malignant [1, 0] and healthy [0, 1]. Challenge CSV files use
    1 = malignant instead; only the dataset readers know that.
    """

    MALIGNANT = "malignant"
    HEALTHY = "healthy"


LABELS: tuple[Label, Label] = (Label.MALIGNANT, Label.HEALTHY)

# Folder and file-name spelling of C-NMC 2019.
CNMC_LABELS: dict[str, Label] = {"all": Label.MALIGNANT, "hem": Label.HEALTHY}
