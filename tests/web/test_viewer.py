"""The picture of a cell in a real Chromium: zoom, pan, the map's strength, the crop's outline."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.preview import CHROMIUM, FLAGS, preview_server
from tests.web.samples import samples

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium"),
]

CELL = next(sample for sample in samples() if sample.name == "cell").path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab on the sample cell; the test fails if the page broke its policy or threw."""
    with preview_server() as address:
        context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
        tab = context.new_page()
        complaints: list[str] = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on(
            "console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None
        )
        tab.goto(CELL)
        tab.wait_for_selector("#viewer-tools:not([hidden])")
        yield tab
        context.close()
    assert complaints == []


def stage(page: Page) -> dict[str, float]:
    box = page.locator("#stage").bounding_box()
    assert box is not None
    return box


def test_plus_and_minus_zoom_around_the_middle_and_nought_shows_all(page: Page) -> None:
    whole = stage(page)
    page.focus("#viewer")
    page.keyboard.press("+")
    page.keyboard.press("+")
    close = stage(page)
    assert close["width"] == pytest.approx(whole["width"] * 1.5625, rel=0.01)
    assert close["x"] + close["width"] / 2 == pytest.approx(whole["x"] + whole["width"] / 2, abs=1)
    page.keyboard.press("0")
    assert stage(page) == whole


def test_an_arrow_moves_the_zoomed_picture_and_stays_on_the_page(page: Page) -> None:
    page.focus("#viewer")
    page.keyboard.press("+")
    before = stage(page)["x"]
    page.keyboard.press("ArrowRight")
    assert stage(page)["x"] == pytest.approx(before - 40, abs=1)
    assert page.url.endswith(CELL)


def test_the_picture_never_leaves_its_frame(page: Page) -> None:
    page.focus("#viewer")
    page.keyboard.press("+")
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    assert stage(page)["x"] == pytest.approx(page.locator("#viewer").bounding_box()["x"], abs=1)  # type: ignore[index]


def test_the_map_is_fetched_when_it_is_wanted_and_laid_over_the_picture(page: Page) -> None:
    assert page.locator("#heat").get_attribute("src") is None
    with page.expect_request("**/heatmap.png"):
        page.keyboard.press("g")
    expect(page.locator("#heat")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.getElementById('heat')).opacity") == "0.7"
    page.keyboard.press("g")
    expect(page.locator("#heat")).to_be_hidden()


def test_the_outline_can_be_switched_off(page: Page) -> None:
    expect(page.locator("#outline")).to_be_visible()
    page.uncheck("#outline-on")
    expect(page.locator("#outline")).to_be_hidden()
