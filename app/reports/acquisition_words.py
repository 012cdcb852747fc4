"""An acquisition profile in words, for pages and reports."""

from typing import Final

from app.cases.acquisition import AcquisitionProfile, CellSelection, ProfileCheck, Specimen, Stain

SPECIMEN_WORDS: Final[dict[Specimen, str]] = {
    Specimen.BONE_MARROW_ASPIRATE: "Bone marrow aspirate",
    Specimen.PERIPHERAL_BLOOD: "Peripheral blood",
    Specimen.OTHER: "Other",
}

STAIN_WORDS: Final[dict[Stain, str]] = {
    Stain.JENNER_GIEMSA: "Jenner-Giemsa",
    Stain.MAY_GRUENWALD_GIEMSA: "May-Grünwald-Giemsa",
    Stain.WRIGHT: "Wright",
    Stain.WRIGHT_GIEMSA: "Wright-Giemsa",
    Stain.LEISHMAN: "Leishman",
    Stain.GIEMSA: "Giemsa",
    Stain.OTHER: "Other",
}

SELECTION_WORDS: Final[dict[CellSelection, str]] = {
    CellSelection.ALL_IN_FIELDS: "All cells of some fields",
    CellSelection.CONSECUTIVE: "Consecutive cells",
    CellSelection.CHOSEN_BY_PERSON: "Chosen by a person",
    CellSelection.CHOSEN_BY_SOFTWARE: "Chosen by software",
    CellSelection.OTHER: "Other",
}

FIELD_WORDS: Final[dict[str, str]] = {
    "specimen": "Specimen",
    "stain": "Stain",
    "objective": "Objective",
    "micrometres_per_pixel": "Micrometres per pixel",
    "segmentation_tool": "Segmentation tool",
    "cell_selection": "Selection of cells",
}

NOT_RECORDED: Final = "Not recorded"


def profile_facts(profile: AcquisitionProfile) -> tuple[tuple[str, str], ...]:
    """Every field with its value in words, in reading order."""
    said = {
        "specimen": profile.specimen and SPECIMEN_WORDS[profile.specimen],
        "stain": profile.stain and STAIN_WORDS[profile.stain],
        "objective": profile.objective and f"{profile.objective}x",
        "micrometres_per_pixel": profile.micrometres_per_pixel and f"{profile.micrometres_per_pixel:g}",
        "segmentation_tool": profile.segmentation_tool,
        "cell_selection": profile.cell_selection and SELECTION_WORDS[profile.cell_selection],
    }
    return tuple((words, said[name] or NOT_RECORDED) for name, words in FIELD_WORDS.items())


def profile_warnings(check: ProfileCheck) -> tuple[str, ...]:
    """What a reader must know of a profile that lacks something or is unlike the training cells."""
    warnings = []
    if check.missing:
        warnings.append(
            f"Not recorded: {_names(check.missing)}. Nobody can tell whether these pictures are like the ones "
            "the model learned from, so it places no cell in a class."
        )
    if check.unlike:
        warnings.append(
            f"Unlike the training cells: {_names(check.unlike)}. The model has not been tested on such pictures, "
            "so it places no cell in a class."
        )
    return tuple(warnings)


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(FIELD_WORDS[name].lower() for name in fields)
