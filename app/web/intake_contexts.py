"""Fills the upload page and the guide; pure, so that they can be tested without a server."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from app.cases.acquisition import (
    MAX_MICROMETRES_PER_PIXEL,
    MAX_OBJECTIVE,
    MAX_TOOL_CHARACTERS,
    AcquisitionProfile,
)
from app.reports.acquisition_words import SELECTION_WORDS, SPECIMEN_WORDS, STAIN_WORDS
from app.web import page_contexts as pages
from app.web.private_words import PRIVATE_PATTERNS
from app.web.words import REFUSAL_TITLES, REUSE_WORDS, what_to_do

Value = TypeVar("Value", bound=StrEnum)

FIELDS: Final = (
    "specimen",
    "stain",
    "objective",
    "micrometres_per_pixel",
    "segmentation_tool",
    "cell_selection",
)


def upload_page(
    profile: AcquisitionProfile,
    recent: tuple[pages.CaseRow, ...],
    into_case: pages.CaseRef | None,
    *,
    can_upload: bool,
    max_archive_bytes: int,
) -> pages.UploadPage:
    """profile: what the site says of its pictures; a new case starts with it."""
    return pages.UploadPage(
        can_upload=can_upload,
        newcomer=not recent,
        into_case=into_case,
        recent=recent,
        profile=profile_form(profile),
        private_patterns=PRIVATE_PATTERNS,
        reuses=_options(REUSE_WORDS),
        max_archive_bytes=max_archive_bytes,
    )


def profile_form(profile: AcquisitionProfile) -> pages.ProfileForm:
    known = profile.stored() or {}
    return pages.ProfileForm(
        specimens=_options(SPECIMEN_WORDS),
        stains=_options(STAIN_WORDS),
        selections=_options(SELECTION_WORDS),
        known={name: str(known.get(name, "")) for name in FIELDS},
        complete=bool(known),
        max_objective=MAX_OBJECTIVE,
        max_micrometres_per_pixel=MAX_MICROMETRES_PER_PIXEL,
        max_tool_characters=MAX_TOOL_CHARACTERS,
    )


def pictures_page() -> pages.PicturesPage:
    return pages.PicturesPage(
        tuple(pages.Refusal(code, title, what_to_do(code)) for code, title in REFUSAL_TITLES.items())
    )


def _options(words: Mapping[Value, str]) -> tuple[pages.Option, ...]:
    return tuple(pages.Option(value.value, said) for value, said in words.items())
