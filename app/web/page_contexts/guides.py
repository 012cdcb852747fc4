"""The guides."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from app.web.page_contexts.shared import Context


@dataclass(frozen=True)
class GuideLink:
    """A guide by its title."""

    address: str
    title: str


@dataclass(frozen=True)
class GuidesPage(Context):
    """`/guides`: which there are."""

    template: ClassVar[str] = "guides.html"
    guides: tuple[GuideLink, ...]


@dataclass(frozen=True)
class GuidePage(Context):
    """`/guides/NAME`: one to read."""

    template: ClassVar[str] = "guide.html"
    title: str
    text: Markup
