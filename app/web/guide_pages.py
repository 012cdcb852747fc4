"""The guides, read from `app/guides`: for the three readers, and what the software is for. They need no network."""

from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response

from app.errors import NotFound
from app.guard import GuardedRoute, open_to_all
from app.web import page_contexts as pages
from app.web.markdown import markdown
from app.web.visit import VisitDep

GUIDES_DIR: Final = Path(__file__).parents[1] / "guides"
NAMES: Final = ("hematologist.md", "integrator.md", "admin.md", "intended-use.md", "data-protection.md")
"""In the order of reading; each also is its address, so that links between them hold here and in the repository."""

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/guides")
@open_to_all
def guides_page(visit: VisitDep) -> Response:
    return visit.page(pages.GuidesPage(tuple(_link(name) for name in NAMES)))


@router.get("/guides/{name}")
@open_to_all
def guide_page(visit: VisitDep, name: str) -> Response:
    if name not in NAMES:
        raise NotFound(f"There is no guide {name}. /guides lists those there are.")
    return visit.page(read_guide(name))


@cache
def read_guide(name: str) -> pages.GuidePage:
    """A guide's title and the rest of it."""
    title, _, text = (GUIDES_DIR / name).read_text(encoding="utf-8").partition("\n")
    return pages.GuidePage(title.removeprefix("# "), markdown(text))


def _link(name: str) -> pages.GuideLink:
    return pages.GuideLink(f"/guides/{name}", read_guide(name).title)
