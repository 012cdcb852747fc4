"""Measurements and cards reach the page in a reader's words."""

import re

import pytest

from app.web.markdown import markdown
from app.web.measured import PROPERTIES, measurement_rows
from models.measurements import MEASUREMENTS


def test_every_shown_property_is_one_that_is_measured() -> None:
    assert set(PROPERTIES) <= set(MEASUREMENTS)


def test_measurements_come_in_reading_order_with_units() -> None:
    rows = measurement_rows({"circularity": 0.85412, "area_px2": 48213.0, "unheard_of": 1.0})
    assert [(row.name, row.value, row.unit) for row in rows] == [
        ("area_px2", "48\u202f213", "px²"),
        ("circularity", "0.854", ""),
    ]


def test_the_headings_of_a_card_stand_below_those_of_its_page() -> None:
    assert "<h3>Title</h3>" in markdown("# Title", deeper=2)
    assert "<h6>Deep</h6>" in markdown("###### Deep", deeper=2)


def test_tables_and_code_scroll_by_keyboard_and_carry_no_inline_style() -> None:
    html = markdown("| x | y |\n|---|--:|\n| 1 | 2 |\n\n```\nrun  it\n```\n")
    assert '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>' in html
    assert '<pre tabindex="0"><code>run  it' in html
    assert "style=" not in html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[here](javascript:alert(1))",
        "![picture](https://elsewhere.example/pixel.png)",
        "```<script>\nx\n```",
        "| <script> |\n|---|\n| <b onclick=x> |",
    ],
)
def test_nothing_in_a_card_is_markup_and_nothing_is_loaded(hostile: str) -> None:
    html = markdown(hostile)
    assert re.search(r"<(script|img|b)\b|href=.javascript", html) is None


def test_a_comment_is_left_out() -> None:
    assert markdown("a\n\n<!-- codes -->\nb") == "<p>a</p>\n<p>b</p>\n"
