"""Every page before axe-core in a real Chromium, in both schemes and at both widths, and walked with the Tab key.

axe-core (MPL-2.0) is vendored for this test alone; `tests/web/vendor/vendor.json` names its origin.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from app.notice import INTENDED_USE
from tests.web.preview import CHROMIUM, FLAGS, preview_server, whole_pages
from tests.web.samples import Sample

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
FOUND = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}"""
TAB_STOPS = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
)].filter((each) => !each.matches(":disabled, [tabindex='-1']") && each.checkVisibility({ visibilityProperty: true }))
    .reduce((stops, each) => stops + (each.type === "date" ? 4 : 1), 0)"""  # month, day, year, calendar
FOCUSED = """() => {
    const at = document.activeElement;
    if (at === document.body) return null;
    const ringed = (each) => getComputedStyle(each).outlineStyle !== "none" && parseFloat(getComputedStyle(each).outlineWidth) >= 2;
    const sight = at.getBoundingClientRect();
    return {
        what: at.id || at.getAttribute("href") || at.outerHTML.slice(0, 80),
        ringed: ringed(at) || ringed(at.parentElement),
        onScreen: sight.width > 0 && sight.height > 0 && sight.bottom > 0 && sight.right > 0,
    };
}"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with preview_server() as at:
        yield at


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("sample", whole_pages(), ids=lambda sample: sample.name)
def test_axe_finds_nothing_serious_in_either_scheme_at_either_width(page: Page, sample: Sample) -> None:
    page.goto(sample.path)
    page.evaluate(AXE)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(FOUND) == [], f"{sample.name} at {width} px, {scheme}"


@pytest.mark.parametrize("sample", whole_pages(), ids=lambda sample: sample.name)
def test_the_tab_key_reaches_everything_visibly_and_leaves_again(page: Page, sample: Sample) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(
        sample.path, wait_until="networkidle"
    )  # a large case fetches its other cells, and drops a link then
    stops = page.evaluate(TAB_STOPS)
    visited = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused is not None, f"{sample.name} ends after {len(visited)} of {stops} stops"
        assert focused["ringed"], f"the focus is not visible on {focused['what']}"
        assert focused["onScreen"], f"the focus is out of sight on {focused['what']}"
        visited.append(focused["what"])
    assert visited[0] == "#content"
    page.keyboard.press("Tab")
    after = page.evaluate(FOCUSED)  # the browser's own frame, or around to the first stop where there is none
    assert after is None or after["what"] == visited[0], f"{sample.name} holds the focus after {stops} stops"


def test_the_skip_link_leads_to_the_content(page: Page) -> None:
    page.goto("/cases")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("sample", whole_pages(), ids=lambda sample: sample.name)
def test_no_page_is_wider_than_a_phone(page: Page, sample: Sample) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(sample.path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", ["cases", "model", "models", "monitoring", "audit"])
def test_on_paper_there_is_the_content_with_the_intended_use_and_nothing_to_press(
    page: Page, name: str
) -> None:
    page.goto(next(sample.path for sample in whole_pages() if sample.name == name))
    page.emulate_media(media="print")
    shown = page.evaluate("""() => [...document.querySelectorAll("button, .button, nav, input")]
        .filter((each) => each.checkVisibility()).map((each) => each.outerHTML.slice(0, 80))""")
    assert shown == []
    assert page.locator("h1").is_visible()
    assert page.get_by_text(INTENDED_USE).last.is_visible()
    page.emulate_media(media="screen")
