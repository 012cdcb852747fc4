"""Where cells come in: the upload page, and the guide to pictures that fit."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.page_contexts.shared import CaseRef, CaseRow, Context, Refusal


@dataclass(frozen=True)
class Option:
    """One value of a closed vocabulary, and its words."""

    value: str
    words: str


@dataclass(frozen=True)
class ProfileForm:
    """How pictures are taken: what can be chosen, and what the site has said as a start.

    `known` has every field, an empty text where nothing is known; `complete` is False where the site said nothing.
    """

    specimens: tuple[Option, ...]
    stains: tuple[Option, ...]
    selections: tuple[Option, ...]
    known: dict[str, str]
    complete: bool
    max_objective: int
    max_micrometres_per_pixel: float
    max_tool_characters: int


@dataclass(frozen=True)
class PrivatePattern:
    """What may name a person: a regular expression that Python and browsers read alike.

    `words` go on after the name of the field; `only` names the one field it is for.
    """

    expression: str
    words: str
    only: str = ""


@dataclass(frozen=True)
class UploadPage(Context):
    """`/`: choose images, say how they were taken, see what is expected, continue a recent case.

    `into_case` adds to that case instead of opening one; `newcomer` puts the drawn sample first;
    `batch_size` files travel in one request, each of at most `max_image_bytes`; a zip alone, of at most
    `max_archive_bytes`.
    """

    template: ClassVar[str] = "upload.html"
    can_upload: bool
    newcomer: bool
    into_case: CaseRef | None
    recent: tuple[CaseRow, ...]
    profile: ProfileForm
    private_patterns: tuple[PrivatePattern, ...]
    reuses: tuple[Option, ...]
    max_archive_bytes: int
    max_image_bytes: int = 2 * 1024 * 1024
    batch_size: int = 8


@dataclass(frozen=True)
class PicturesPage(Context):
    """`/pictures`: how a lab gets pictures that fit, and what happens to others. `refusals` are all there are."""

    template: ClassVar[str] = "pictures.html"
    refusals: tuple[Refusal, ...]
    max_image_bytes: int = 2 * 1024 * 1024
