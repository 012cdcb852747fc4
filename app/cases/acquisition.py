"""How the pictures of a case were taken, and why a model may have to hold back because of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

from app.errors import BadRequest
from app.inference.scorer import ModelRef
from models.bundle import TrainingAcquisition
from models.classifier import PredictionLabel

PROFILE_MISSING: Final = "acquisition_profile_missing"
UNLIKE_TRAINING: Final = "acquisition_unlike_training"

MAX_OBJECTIVE = 250
MAX_MICROMETRES_PER_PIXEL = 5.0
MAX_TOOL_CHARACTERS = 100


class Specimen(StrEnum):
    """Where the cells come from."""

    BONE_MARROW_ASPIRATE = "bone_marrow_aspirate"
    PERIPHERAL_BLOOD = "peripheral_blood"
    OTHER = "other"


class Stain(StrEnum):
    """How the slide was stained."""

    JENNER_GIEMSA = "jenner_giemsa"
    MAY_GRUENWALD_GIEMSA = "may_gruenwald_giemsa"
    WRIGHT = "wright"
    WRIGHT_GIEMSA = "wright_giemsa"
    LEISHMAN = "leishman"
    GIEMSA = "giemsa"
    OTHER = "other"


class CellSelection(StrEnum):
    """How the cells of a case were selected from the slide."""

    ALL_IN_FIELDS = "all_in_fields"
    CONSECUTIVE = "consecutive"
    CHOSEN_BY_PERSON = "chosen_by_person"
    CHOSEN_BY_SOFTWARE = "chosen_by_software"
    OTHER = "other"


@dataclass(frozen=True)
class AcquisitionProfile:
    """What is known of how pictures were taken; None is unknown.

    objective: the magnification printed on it, 100 for instance. segmentation_tool: name and version.
    """

    specimen: Specimen | None = None
    stain: Stain | None = None
    objective: int | None = None
    micrometres_per_pixel: float | None = None
    segmentation_tool: str | None = None
    cell_selection: CellSelection | None = None

    @classmethod
    def of(cls, stored: Mapping[str, str | float] | None) -> Self:
        """From what `stored` gave; nothing stored is a profile of which nothing is known.

        Raises:
            BadRequest: a value is out of its vocabulary or range.
        """
        known: dict[str, Any] = dict(stored or {})
        for name, kind in (("specimen", Specimen), ("stain", Stain), ("cell_selection", CellSelection)):
            if name in known:
                known[name] = _member(kind, str(known[name]), name)
        profile = cls(**known)
        profile._check_ranges()
        return profile

    def stored(self) -> dict[str, str | float] | None:
        """The known fields as JSON keeps them; None where nothing is known."""
        return {name: value for name, value in asdict(self).items() if value is not None} or None

    def _check_ranges(self) -> None:
        if self.objective is not None and not 1 <= self.objective <= MAX_OBJECTIVE:
            raise BadRequest(
                f"Expected an objective of 1 to {MAX_OBJECTIVE}, got {self.objective}.", field="objective"
            )
        scale = self.micrometres_per_pixel
        if scale is not None and not 0 < scale <= MAX_MICROMETRES_PER_PIXEL:
            raise BadRequest(
                f"Expected more than 0 and at most {MAX_MICROMETRES_PER_PIXEL:g} micrometres per pixel, got {scale:g}.",
                field="micrometres_per_pixel",
            )
        tool = self.segmentation_tool
        if tool is not None and not (0 < len(tool) <= MAX_TOOL_CHARACTERS and tool.isprintable()):
            raise BadRequest(
                f"Expected a segmentation tool of 1 to {MAX_TOOL_CHARACTERS} printable characters.",
                field="segmentation_tool",
            )


REQUIRED: Final = ("specimen", "stain", "objective", "segmentation_tool", "cell_selection")
"""A scale may stay unknown: sizes are in pixels then."""


@dataclass(frozen=True)
class ProfileCheck:
    """Names of the fields that a profile lacks, and of those where it differs from the training data."""

    missing: tuple[str, ...]
    unlike: tuple[str, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why predictions under this profile are indeterminate, as codes; none when they are not."""
        found = {PROFILE_MISSING: self.missing, UNLIKE_TRAINING: self.unlike}
        return tuple(code for code, fields in found.items() if fields)


TrainingOf = Callable[[ModelRef], TrainingAcquisition | None]
"""How a model's training pictures were taken; None where its bundle does not say."""


def check_profile(profile: AcquisitionProfile, training: TrainingAcquisition | None) -> ProfileCheck:
    """Hold a profile against how the training pictures were taken, as far as the bundle says.

    A field of which either side knows nothing does not differ.
    """
    missing = tuple(name for name in REQUIRED if getattr(profile, name) is None)
    if training is None:
        return ProfileCheck(missing, ())
    differs = {
        "specimen": _outside(profile.specimen, training.specimens),
        "stain": _outside(profile.stain, training.stains),
        "objective": _outside(profile.objective, training.objectives),
        "micrometres_per_pixel": _out_of_range(profile.micrometres_per_pixel, training.micrometres_per_pixel),
    }
    return ProfileCheck(missing, tuple(name for name, unlike in differs.items() if unlike))


def held_back(
    label: PredictionLabel, reasons: Sequence[str], check: ProfileCheck
) -> tuple[PredictionLabel, list[str]]:
    """What may be said of a cell whose pictures were taken as `check` found.

    Args:
        label, reasons: what the model alone said, and why; reasons of an earlier check are dropped.

    Returns:
        The label and all reasons. A cell that is not assessable stays so; any other one is indeterminate as soon
        as the profile gives a reason.
    """
    own = [reason for reason in reasons if reason not in (PROFILE_MISSING, UNLIKE_TRAINING)]
    if check.reasons and label is not PredictionLabel.NOT_ASSESSABLE:
        label = PredictionLabel.INDETERMINATE
    return label, [*own, *check.reasons]


def _outside(value: object, allowed: tuple[object, ...]) -> bool:
    return value is not None and bool(allowed) and value not in allowed


def _out_of_range(value: float | None, limits: tuple[float, float] | None) -> bool:
    return value is not None and limits is not None and not limits[0] <= value <= limits[1]


def _member(kind: type[StrEnum], value: str, name: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError as unknown:
        raise BadRequest(
            f"Expected {name} to be one of {', '.join(kind)}, got {value[:80]!r}.", field=name
        ) from unknown
