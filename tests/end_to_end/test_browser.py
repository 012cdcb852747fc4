"""A real Chromium does a hematologist's round: first admin, three cells, a verdict, sign out."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.app.conftest import PASSWORD, png_of
from tests.bundles import NAME, make_bundle
from tests.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.end_to_end.server import Server, running_server
from tests.shipped import SHIPPED, SHIPPED_FOLDER

PICTURES = os.environ.get("LEUKOLENS_SCREENSHOTS")
"""Folder for screenshots to look at; none are kept when it is not set."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("data")
    model = SHIPPED
    if not SHIPPED_FOLDER.is_dir():
        make_bundle(folder / "models")
        model = f"{NAME}/0.1.0"
    with running_server(folder, model) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A tab; the test fails if a page threw or broke the content security policy."""
    context = browser.new_context(base_url=server.address, viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield tab
    context.close()
    assert complaints == []


def picture(page: Page, name: str) -> None:
    """Keep the page at both widths, when somebody wants to look."""
    if PICTURES is None:
        return
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_hematologists_round(page: Page, server: Server) -> None:
    page.goto(server.setup_link)
    page.fill("[name=email]", "anna@lab.example")
    page.fill("[name=name]", "Anna Example")
    page.fill("[name=password]", PASSWORD)
    picture(page, "setup")
    page.click("main button[type=submit]")
    expect(page.get_by_role("heading", name="Upload cells")).to_be_visible()
    picture(page, "upload")

    page.fill("#accession", "R-1001")
    page.set_input_files(
        "#images",
        [{"name": f"cell{seed}.png", "mimeType": "image/png", "buffer": png_of(seed)} for seed in (1, 2, 3)],
    )
    picture(page, "upload-chosen")
    page.click("#upload-send")
    expect(page.get_by_role("heading", name="R-1001")).to_be_visible()
    expect(page.locator(".tile .chip-waiting")).to_have_count(0, timeout=20_000)
    expect(page.locator(".tile")).to_have_count(3)
    picture(page, "case")

    page.locator(".tile").first.click()
    page.wait_for_url("**/cells/**")  # loaded: the keys work from then on
    expect(
        page.get_by_text("For research use only. Not for use in diagnostic procedures.").first
    ).to_be_visible()
    expect(page.locator("#result .number").first).to_be_visible()
    page.keyboard.press("m")
    expect(page.get_by_text("Saved: Malignant lymphoblast.")).to_be_visible()
    picture(page, "cell")
    readme = os.environ.get("LEUKOLENS_README_PICTURE")
    if readme:
        page.screenshot(path=readme)

    page.goto("/cases")
    picture(page, "cases")
    page.goto("/models")
    picture(page, "models")
    page.locator("main table a").first.click()
    picture(page, "model")
    page.goto("/admin")
    picture(page, "admin")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{server.address}/login")
    picture(page, "login")
    page.goto("/cases")
    expect(page).to_have_url(f"{server.address}/login?next=/cases")


def test_a_newcomer_gets_a_drawn_cell_that_says_so(page: Page, server: Server) -> None:
    server.run(
        "users",
        "add",
        "new@lab.example",
        "--name",
        "New",
        "--role",
        "reviewer",
        "--password-stdin",
        stdin=PASSWORD,
    )
    page.goto("/login")
    page.fill("[name=email]", "new@lab.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.get_by_role("button", name="Try a drawn cell").click()
    expect(page.get_by_text("Drawn, not a real cell").first).to_be_visible()
    picture(page, "sample")
