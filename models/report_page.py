"""A report as one HTML file: sections of text, tables and plots, no script, nothing loaded from elsewhere.

One page for the evaluation of a training run and for `leukolens validate`; what stands on it is the caller's.
"""

import base64
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from models.bundle import Interval

Cell = str | int | float | Interval | None


@dataclass(frozen=True)
class Table:
    """A table with its caption. rows: the first cell of each heads it; None is shown as a dash."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A plot. svg: a whole SVG file. alt: what it shows, for whoever cannot see it. name: of its file."""

    name: str
    svg: bytes
    caption: str
    alt: str

    @property
    def source(self) -> str:
        """The plot as a data URI."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


@dataclass(frozen=True)
class Section:
    """One heading and what belongs under it, in this order. command: what made its figures, empty for none."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    command: str = ""

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


@dataclass(frozen=True)
class ReportPage:
    """notice: the intended-use sentence. lead: the finding, in a sentence or two."""

    title: str
    lead: str
    notice: str
    sections: tuple[Section, ...]


def render(page: ReportPage) -> str:
    """The page as HTML."""
    return _template().render(page=page)


def figure(value: str | float | None) -> str:
    """A cell for people: fractions with three decimals, counts with separators."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("models", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure
    environment.tests["interval"] = lambda cell: isinstance(cell, Interval)
    return environment.get_template("report.html")
