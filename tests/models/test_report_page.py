import re

import pytest

from models.bundle import Interval
from models.report_page import Picture, ReportPage, Section, Table, render

TABLE = Table(
    "Figures of 3 cells",
    ("Metric", "Model"),
    (("AUROC", Interval(value=0.9, low=0.81, high=0.95)), ("cells", 5433)),
)
PICTURE = Picture("roc", b"<svg/>", "ROC, 3 cells", "A curve <above> the diagonal")
PAGE = ReportPage(
    "A & B",
    "Found.",
    "For research use only.",
    (Section("One <two>", ("Said.",), (TABLE,), (PICTURE,), "make it"),) * 3,
)


@pytest.fixture(scope="module")
def html() -> str:
    return render(PAGE)


def test_a_page_loads_nothing_from_elsewhere(html: str) -> None:
    assert not re.search(
        r"(?:https?:)?//|<script|<link|@import|url\(", html.replace("data:image/svg+xml", "")
    )
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in html


def test_what_is_shown_is_escaped(html: str) -> None:
    assert "<title>A &amp; B</title>" in html
    assert "One &lt;two&gt;" in html
    assert 'alt="A curve &lt;above&gt; the diagonal"' in html


def test_figures_stand_with_their_intervals_and_tables_with_captions(html: str) -> None:
    words = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "AUROC 0.900 (0.810 to 0.950)" in words
    assert "cells 5,433" in words
    assert html.count("<caption>") == html.count("<table>") == 3


def test_every_link_of_the_page_leads_to_one_of_its_headings(html: str) -> None:
    assert set(re.findall(r'href="#([^"]*)"', html)) == set(re.findall(r'<h2 id="([^"]*)"', html))
