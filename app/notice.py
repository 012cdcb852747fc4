"""The sentences that every result, page and report carries."""

from typing import Final

INTENDED_USE: Final = "For research use only. Not for use in diagnostic procedures."

PERSON_DECIDES: Final = "Leukolens predicts; a person looks at the cell and decides."

KNOWN_LIMITS: Final[tuple[str, ...]] = (
    "The two labels describe one cell. They say nothing about the person it came from.",
    "Every person in the training data gave cells of one class only. Mixed samples, therapy follow-up and "
    "residual disease are untested.",
    "The training labels come from one expert. The age and sex of the people are not known.",
    "Only B-lymphoblasts and normal B-lymphoid precursors were seen in training. Any other cell type gets an "
    "answer that means nothing.",
    "Telling blasts from hematogones by shape can fail; flow cytometry may be needed.",
    "The training images were stain-normalised and segmented by the authors of C-NMC 2019. Another camera, "
    "stain, magnification or segmentation changes the answer.",
)

NOTICE: Final = f"{INTENDED_USE} {PERSON_DECIDES}"
