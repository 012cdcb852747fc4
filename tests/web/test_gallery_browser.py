"""The gallery's keys, marks and kept verdicts in a real Chromium, before a scripted server."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from app.web.page_contexts import NewsPartial, Saved, SavedPartial
from app.web.rendering import render
from app.web.words import VerdictKind
from tests.web.gallery_samples import cell_id, summary, tile
from tests.web.preview import CHROMIUM, FLAGS, preview_server
from tests.web.samples import samples

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium"),
]

CHROME = samples()[0].chrome
BY_NAME = {sample.name: sample for sample in samples()}
CASE = BY_NAME["case"].path
FIRST, SECOND = 18, 13
"""The two most uncertain cells of the sample case."""


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


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab on the sample case; the test fails if the page broke its policy or threw."""
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield tab
    assert complaints == []


class Server:
    """Answers verdicts as scripted, and remembers them. troubles: statuses to give first, 0 for no answer."""

    def __init__(self, page: Page, troubles: list[int] | None = None) -> None:
        self.troubles = troubles or []
        self.asked: list[dict[str, list[str]]] = []
        self.keys: list[str] = []
        self.held: Callable[[], None] | None = None
        self.hold = False
        page.route(re.compile(r"/cases/\w+/(verdicts|undo)$"), self.answer)

    def answer(self, route: Route) -> None:
        self.keys.append(route.request.headers["idempotency-key"])
        form = parse_qs(route.request.post_data or "")
        self.asked.append(form)
        if self.hold:
            self.held = lambda: self.save(route, form)
        elif not self.troubles:
            self.save(route, form)
        elif (status := self.troubles.pop(0)) == 0:
            route.abort()
        elif status == 409:
            self.conflict(route, form)
        else:
            route.fulfill(
                status=status, content_type="text/html", body="<main id=content><p>Busy.</p></main>"
            )

    def save(self, route: Route, form: dict[str, list[str]]) -> None:
        verdict = VerdictKind(form["verdict"][0]) if "verdict" in form else None
        saved = Saved(verdict, "Dr. Marta Lindqvist", bulk="bulk" in form) if verdict else None
        self._tiles(route, 200, [replace(tile(each), saved=saved, seen=7) for each in self._positions(form)])

    def conflict(self, route: Route, form: dict[str, list[str]]) -> None:
        newer = Saved(VerdictKind.UNCERTAIN, "Dr. Ola Berg")
        why = "Verdict 4 on this cell was given after the one you saw."
        self._tiles(
            route,
            409,
            [replace(tile(each), saved=newer, seen=4, conflict=why) for each in self._positions(form)],
        )

    def _positions(self, form: dict[str, list[str]]) -> list[int]:
        return [int(each.split(":")[0][-3:]) for each in form["cell"]]

    def _tiles(self, route: Route, status: int, tiles: list) -> None:
        html = render(CHROME, SavedPartial(tuple(tiles)))
        route.fulfill(status=status, content_type="text/html; charset=utf-8", body=html)


def open_case(page: Page) -> None:
    page.goto(CASE)
    page.wait_for_selector("#tiles[role=listbox]")
    page.locator("#tiles .tile").first.focus()


def place(page: Page, position: int):  # type: ignore[no-untyped-def] # Locator, which playwright re-exports
    return page.locator(f"#place-{cell_id(position)}")


def focused(page: Page) -> int:
    return int(page.evaluate("document.activeElement.closest('.place').id.slice(-3)"))


def test_arrows_move_by_tile_and_by_row_and_tab_stops_once(page: Page) -> None:
    open_case(page)
    order = page.evaluate("[...document.querySelectorAll('.place')].map((each) => Number(each.id.slice(-3)))")
    columns = page.evaluate(
        "(() => { const all = [...document.querySelectorAll('.place')];"
        " return all.findIndex((each) => each.offsetTop !== all[0].offsetTop); })()"
    )
    page.keyboard.press("ArrowRight")
    assert order[1] == focused(page)
    page.keyboard.press("ArrowDown")
    assert order[1 + columns] == focused(page)
    page.keyboard.press("End")
    assert order[-1] == focused(page)
    assert page.locator("#tiles [tabindex='0']").count() == 1


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        ("m", "malignant_lymphoblast"),
        ("H", "normal_precursor"),
        ("u", "uncertain"),
        ("x", "other_or_artefact"),
    ],
)
def test_a_letter_saves_its_verdict_and_goes_on_to_the_next_cell(page: Page, key: str, verdict: str) -> None:
    server = Server(page)
    open_case(page)
    page.keyboard.press(key)
    expect(place(page, FIRST).locator(".tile-save")).to_contain_text("Saved, Dr. Marta Lindqvist")
    assert server.asked == [{"verdict": [verdict], "cell": [f"{cell_id(FIRST)}:0"]}]
    assert focused(page) == SECOND


def test_a_tile_says_saved_only_after_the_answer(page: Page) -> None:
    server = Server(page)
    server.hold = True
    open_case(page)
    page.keyboard.press("m")
    expect(place(page, FIRST).locator(".tile-save")).to_have_text("Saving …")
    expect(place(page, FIRST).locator(".tile-verdict")).to_have_text("Lymphoblast")
    expect(page.locator("#bar-state")).to_have_text("Saving 1 …")
    assert server.held
    server.held()
    expect(place(page, FIRST).locator(".tile-save")).to_contain_text("Saved")
    expect(page.locator("#bar-state")).to_have_text("All verdicts are saved.")


def test_selected_cells_get_one_verdict_that_is_marked_as_bulk(page: Page) -> None:
    server = Server(page)
    open_case(page)
    page.keyboard.press(" ")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#bar-target")).to_have_text("3 selected cells")
    page.keyboard.press("h")
    expect(place(page, FIRST).locator(".tile-save")).to_contain_text("Saved in bulk")
    assert server.asked[0]["bulk"] == ["true"]
    assert len(server.asked[0]["cell"]) == 3
    expect(page.locator("#tiles :checked")).to_have_count(0)


def test_undo_takes_the_newest_own_verdict_back(page: Page) -> None:
    server = Server(page)
    open_case(page)
    page.keyboard.press("m")
    expect(place(page, FIRST).locator(".tile-save")).to_contain_text("Saved")
    page.keyboard.press("z")
    expect(place(page, FIRST).locator(".tile-verdict")).to_have_text("No verdict")
    assert server.asked[1] == {"cell": [f"{cell_id(FIRST)}:7"]}
    assert focused(page) == FIRST


def test_a_lost_connection_keeps_the_verdict_shows_it_and_sends_it_again_with_its_key(page: Page) -> None:
    server = Server(page, [0])
    open_case(page)
    page.keyboard.press("m")
    expect(place(page, FIRST).locator(".tile-save")).to_have_text("Not saved")
    expect(page.locator("#bar-state")).to_contain_text("1 verdict not saved: no answer from the server")
    page.click("#send-again")
    expect(place(page, FIRST).locator(".tile-save")).to_contain_text("Saved, Dr.")
    assert len(server.keys) == 2
    assert len(set(server.keys)) == 1


def test_a_closed_browser_shows_at_the_next_visit_what_was_not_saved(context: BrowserContext) -> None:
    first = context.new_page()
    Server(first, [0] * 50)
    open_case(first)
    first.keyboard.press("m")
    expect(place(first, FIRST).locator(".tile-save")).to_have_text("Not saved")
    first.close(run_before_unload=False)
    second = context.new_page()
    server = Server(second)
    open_case(second)
    expect(place(second, FIRST).locator(".tile-save")).to_have_text("Not saved")
    expect(second.locator("#bar-state")).to_contain_text(
        "1 verdict not saved: no answer came on an earlier visit"
    )
    assert server.asked == []
    second.click("#send-again")
    expect(place(second, FIRST).locator(".tile-save")).to_contain_text("Saved, Dr.")
    second.reload()
    expect(second.locator("#bar-state")).to_have_text("All verdicts are saved.")


def test_leaving_with_an_unsaved_verdict_is_warned_about(page: Page) -> None:
    Server(page, [0] * 50)
    open_case(page)
    page.keyboard.press("m")
    expect(place(page, FIRST).locator(".tile-save")).to_have_text("Not saved")
    asked: list[str] = []

    def stay(dialog) -> None:  # type: ignore[no-untyped-def] # playwright's Dialog
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    assert not page.is_closed()


@pytest.mark.parametrize(("button", "times"), [("Keep what is saved", 1), ("Save mine after it", 2)])
def test_a_conflict_shows_both_verdicts_and_asks(page: Page, button: str, times: int) -> None:
    server = Server(page, [409])
    open_case(page)
    page.keyboard.press("m")
    dialog = page.locator("#conflict")
    expect(dialog).to_be_visible()
    expect(dialog.locator("#conflict-theirs")).to_have_text("Uncertain by Dr. Ola Berg")
    expect(dialog.locator("#conflict-yours")).to_have_text("Lymphoblast")
    page.get_by_role("button", name=button).click()
    expect(page.locator("#bar-state")).to_have_text("All verdicts are saved.")
    assert len(server.asked) == times
    if times == 2:
        assert server.asked[1]["cell"] == [f"{cell_id(FIRST)}:4"]
        expect(place(page, FIRST).locator(".tile-verdict")).to_have_text("Lymphoblast")
    else:
        expect(place(page, FIRST).locator(".tile-verdict")).to_have_text("Uncertain")


def test_what_another_person_saved_appears_and_what_is_on_its_way_stays_marked(page: Page) -> None:
    server = Server(page)
    server.hold = True
    theirs = replace(tile(SECOND), saved=Saved(VerdictKind.UNCERTAIN, "Dr. Ola Berg"), seen=3)
    news = render(CHROME, NewsPartial(summary(36, 36), (tile(FIRST), theirs)))
    page.route(re.compile(r"/news\?"), lambda route: route.fulfill(content_type="text/html", body=news))
    open_case(page)
    page.keyboard.press("m")
    expect(place(page, SECOND).locator(".tile-save")).to_contain_text("Saved, Dr. Ola Berg", timeout=15_000)
    expect(place(page, FIRST).locator(".tile-save")).to_have_text("Saving …")
    assert focused(page) == SECOND
    assert server.held
    server.held()
    expect(place(page, FIRST).locator(".tile-save")).to_contain_text("Saved, Dr. Marta Lindqvist")


def test_two_verdicts_on_one_cell_in_a_row_are_given_in_sight_of_each_other(page: Page) -> None:
    server = Server(page)
    open_case(page)
    page.keyboard.press("m")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("h")
    expect(place(page, FIRST).locator(".tile-verdict")).to_have_text("Normal precursor")
    expect(page.locator("#bar-state")).to_have_text("All verdicts are saved.")
    assert [form["cell"][0][-2:] for form in server.asked] == [":0", ":7"]


def test_nothing_moves_while_tiles_come_verdicts_are_saved_and_news_arrives(page: Page) -> None:
    Server(page)
    page.add_init_script(
        """window.moved = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.moved += entry.value; })
            .observe({ type: "layout-shift", buffered: true });"""
    )
    theirs = replace(tile(SECOND), saved=Saved(VerdictKind.UNCERTAIN, "Dr. Ola Berg"), seen=3)
    news = render(CHROME, NewsPartial(summary(36, 36), (theirs,)))
    page.route(re.compile(r"/news\?"), lambda route: route.fulfill(content_type="text/html", body=news))
    page.goto(BY_NAME["case-large"].path)
    page.wait_for_selector("li.more", state="detached")
    page.locator("#tiles .tile").first.focus()
    with page.expect_response(re.compile("/news")):
        for key in "mhux":
            page.keyboard.press(key)
    page.keyboard.press("End")
    expect(page.locator("#bar-state")).to_have_text("All verdicts are saved.")
    page.wait_for_timeout(300)
    assert page.evaluate("window.moved") == 0
