"""Measurements and cards reach the page in a reader's words."""

from app.web.card import card_blocks
from app.web.measured import PROPERTIES, measurement_rows
from app.web.page_contexts import CardBlock
from models.measurements import MEASUREMENTS


def test_every_shown_property_is_one_that_is_measured() -> None:
    assert set(PROPERTIES) <= set(MEASUREMENTS)


def test_measurements_come_in_reading_order_with_units() -> None:
    rows = measurement_rows({"circularity": 0.85412, "area_px2": 48213.0, "unheard_of": 1.0})
    assert [(row.name, row.value, row.unit) for row in rows] == [
        ("area_px2", "48\u202f213", "px²"),
        ("circularity", "0.854", ""),
    ]


def test_a_card_becomes_blocks() -> None:
    text = (
        "# Title\nOne **bold**\nline.\n\n- a\n  more\n- b `code`\n\n"
        "| x | y |\n|---|---|\n| 1 | 2 |\n\n```\nrun  it\n```\n"
    )
    assert (
        CardBlock("heading", lines=("Title",), level=1),
        CardBlock("paragraph", lines=("One bold line.",)),
        CardBlock("list", lines=("a more", "b code")),
        CardBlock("table", rows=(("x", "y"), ("1", "2"))),
        CardBlock("code", lines=("run  it",)),
    ) == card_blocks(text)


def test_a_link_in_a_card_keeps_its_address() -> None:
    assert card_blocks("See [TCIA](https://x.org).")[0].lines == ("See TCIA (https://x.org).",)


def test_names_with_underscores_stay_whole() -> None:
    assert card_blocks("`area_px2` and cv_fold_a and 2 * 3 * 4")[0].lines == (
        "area_px2 and cv_fold_a and 2 * 3 * 4",
    )
