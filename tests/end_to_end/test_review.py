"""A case from upload to its second signature in a real Chromium: read by keyboard, read again blind, settled, signed.

Real cells where the data set is present, drawn ones otherwise. A case of 24 cells is in the slow tier, one of 200 in
the long one.
"""

import random
import re
from collections.abc import Callable, Iterator
from itertools import count, islice

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.app.conftest import PASSWORD, png_of
from tests.bundles import NAME, make_bundle
from tests.conftest import CHROMIUM, CHROMIUM_FLAGS, REAL_DATA
from tests.end_to_end.server import Server, running_server
from tests.end_to_end.test_browser import picture

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

WAIT_MS = 120_000
READERS = ("first@lab.example", "second@lab.example")
Reads = Callable[[str], Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("data")
    make_bundle(folder / "models")
    with running_server(folder, f"{NAME}/0.1.0") as running:
        for email in READERS:
            person = ("--name", email.split("@")[0].title(), "--role", "reviewer", "--password-stdin")
            running.run("users", "add", email, *person, stdin=PASSWORD)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def reads(browser: Browser, server: Server) -> Iterator[Reads]:
    """Opens a browser of its own for a person and signs them in; a page that threw fails the test."""
    contexts = []
    complaints: list[str] = []

    def sign_in(email: str) -> Page:
        context = browser.new_context(base_url=server.address, viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/login")
        page.fill("[name=email]", email)
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        expect(page.get_by_role("heading", name="Upload cells")).to_be_visible(timeout=WAIT_MS)
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def pictures() -> Iterator[bytes]:
    return distinct_pictures()


def distinct_pictures() -> Iterator[bytes]:
    """Real cells of both classes where they are, drawn ones otherwise; none comes twice, for the page would name it."""
    real = sorted(REAL_DATA.glob("*/*.webp"))
    random.Random(0).shuffle(real)
    return (path.read_bytes() for path in real) if real else (png_of(seed) for seed in count(1))


def upload(page: Page, accession: str, cells: list[bytes]) -> str:
    """Upload through the first page; the address of the case, all of whose cells are scored."""
    page.goto("/")
    page.fill("#accession", accession)
    files = [
        {"name": f"{number}.img", "mimeType": "image/png", "buffer": data}
        for number, data in enumerate(cells, start=1)
    ]
    page.set_input_files("#images", files)
    page.click("#upload-send")
    page.wait_for_url(re.compile(r"/cases/[0-9a-f-]{36}$"))
    expect(page.locator(".progress-line")).to_contain_text("cells are scored", timeout=WAIT_MS)
    return page.url


def enter_grid(page: Page, case: str, query: str = "") -> None:
    """Open a case and reach its cells with the Tab key."""
    page.goto(case + query)
    page.wait_for_selector("#tiles[role=listbox]")
    expect(page.locator("li.more")).to_have_count(0, timeout=WAIT_MS)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#tiles .place') !== null"):
            return
    raise AssertionError("the Tab key does not reach the cells")


def give(page: Page, keys: str) -> None:
    """One key a cell, then wait until the page says that all are saved."""
    for key in keys:
        page.keyboard.press(key)
    expect(page.locator("#bar-state")).to_have_text("All verdicts are saved.", timeout=WAIT_MS)


def sign(page: Page, case: str, button: str, reason: str = "") -> None:
    page.goto(f"{case}/sign-off")
    form = page.locator("form").filter(has=page.get_by_role("button", name=button))
    if reason:
        form.locator("textarea").fill(reason)
    form.locator("[name=password]").fill(PASSWORD)
    form.get_by_role("button", name=button).click()
    page.wait_for_load_state()
    expect(page.locator("main [role=alert]")).to_have_count(0)


def ask_for_second_reading(page: Page, case: str) -> None:
    page.goto(f"{case}/details")
    page.select_option("#specimen", "bone_marrow_aspirate")
    page.fill("#micrometres_per_pixel", "0.16")
    page.check("[name=second_read]")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def journey(reads: Reads, server: Server, accession: str, cells: list[bytes]) -> None:
    first, second = (reads(email) for email in READERS)
    case = upload(first, accession, cells)
    ask_for_second_reading(first, case)

    enter_grid(first, case)
    give(first, "m" * len(cells))
    picture(first, "review-first")

    enter_grid(second, case)
    expect(second.get_by_text("You read this case blind.")).to_be_visible()
    expect(second.locator(".chip-malignant, .chip-healthy, .chip-indeterminate, .tile-p")).to_have_count(0)
    picture(second, "review-blind")
    give(second, "m" * (len(cells) - 2) + "hu")

    enter_grid(first, case, "?disagreement=readers")
    expect(first.locator("#tiles .place")).to_have_count(2)
    picture(first, "review-differ")
    give(first, "hu")

    sign(first, case, "Sign this case")
    expect(first.locator(".state").first).to_have_text("Signed")
    picture(first, "review-signed")
    sign(first, case, "Open it again", "One cell was misread.")
    enter_grid(first, case, "?verdict=malignant_lymphoblast")  # both readers agreed on these
    give(first, "x")
    sign(first, case, "Sign this case")
    expect(first.locator(".state").first).to_have_text("Amended and signed")
    expect(first.locator(".signatures > li")).to_have_count(3)
    agreed = first.locator("[aria-labelledby=agreement-title] strong")
    expect(agreed).to_have_text(f"{len(cells) - 2} of {len(cells)}")
    picture(first, "review-amended")
    assert_history(first, case)
    server.run("audit", "verify")


def assert_history(page: Page, case: str) -> None:
    """The cell whose verdict changed after the signature still shows every reading."""
    page.goto(f"{case}?verdict=other_or_artefact")
    page.wait_for_selector("#tiles[role=listbox]")
    page.locator("#tiles .tile").first.press("Enter")
    page.wait_for_url("**/cells/**")
    history = page.locator(".history li")
    expect(history).to_have_count(3)
    for said in ("first reading", "second reading, blinded", "adjudication"):
        expect(history.filter(has_text=said)).to_have_count(1)
    picture(page, "review-history")


def test_a_case_is_read_twice_settled_signed_and_amended(
    reads: Reads, server: Server, pictures: Iterator[bytes]
) -> None:
    journey(reads, server, "J-6", list(islice(pictures, 6)))


@pytest.mark.slow
def test_a_case_of_24_cells_goes_the_same_way(
    reads: Reads, server: Server, pictures: Iterator[bytes]
) -> None:
    journey(reads, server, "J-24", list(islice(pictures, 24)))


@pytest.mark.long
def test_a_case_of_200_cells_goes_the_same_way(
    reads: Reads, server: Server, pictures: Iterator[bytes]
) -> None:
    """By hand, its log kept: `uv run pytest -n0 -m long tests/end_to_end/test_review.py`."""
    journey(reads, server, "J-200", list(islice(pictures, 200)))


@pytest.mark.slow
def test_two_people_at_once_overwrite_nothing_and_both_see_it(
    reads: Reads, pictures: Iterator[bytes]
) -> None:
    one, other = (reads(email) for email in READERS)
    case = upload(one, "T-2", list(islice(pictures, 2)))
    for page in (one, other):
        enter_grid(page, case)
    with other.expect_response(lambda answer: "/news" in answer.url and answer.status == 200):
        give(one, "m")
    expect(other.locator(".place .tile-save").first).to_contain_text("Saved, First")

    other.route(
        "**/news?*", lambda route: route.abort()
    )  # so that the next verdict is given without having seen it
    give(one, "h")
    other.locator("#tiles .tile").nth(1).focus()
    other.keyboard.press("u")
    dialog = other.locator("#conflict")
    expect(dialog).to_be_visible(timeout=WAIT_MS)
    expect(dialog.locator("#conflict-theirs")).to_have_text("Normal precursor by First")
    dialog.get_by_role("button", name="Save mine after it").click()
    expect(other.locator("#bar-state")).to_have_text("All verdicts are saved.", timeout=WAIT_MS)
    expect(one.locator(".place .tile-save").nth(1)).to_contain_text("Saved, Second", timeout=WAIT_MS)
    one.locator("#tiles .tile").nth(1).press("Enter")
    one.wait_for_url("**/cells/**")
    expect(one.locator(".history li")).to_have_count(2)


def test_a_killed_server_loses_no_saved_verdict_and_the_page_shows_what_is_not_saved(
    reads: Reads, server: Server, pictures: Iterator[bytes]
) -> None:
    page = reads(READERS[0])
    case = upload(page, "K-3", list(islice(pictures, 3)))
    enter_grid(page, case)
    give(page, "m")
    server.kill()
    page.keyboard.press("h")
    expect(page.locator(".place .tile-save").nth(1)).to_have_text("Not saved", timeout=WAIT_MS)
    expect(page.locator("#bar-state")).to_contain_text("1 verdict not saved", timeout=WAIT_MS)
    server.start()
    expect(page.locator("#bar-state")).to_have_text("All verdicts are saved.", timeout=WAIT_MS)
    page.reload()
    expect(page.locator(".place .tile-save").nth(0)).to_contain_text("Saved, First")
    expect(page.locator(".place .tile-save").nth(1)).to_contain_text("Saved, First")
    expect(page.locator(".place .tile-save").nth(2)).to_have_text("")
