"""The scripts in a real Chromium, under the server's content security policy, before a scripted server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from app.web.page_contexts import Context, VerdictPartial
from app.web.rendering import render
from tests.web.gallery_samples import CASE_ID, cell_id
from tests.web.preview import CHROMIUM, FLAGS, drawn_cell, preview_server
from tests.web.samples import HOSTILE, samples

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed"),
]

BY_NAME = {sample.name: sample for sample in samples()}
PNG = {"mimeType": "image/png", "buffer": drawn_cell(1, 450)}


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
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A tab on the preview server; the test fails if the page broke its policy or threw."""
    context = browser.new_context(base_url=address)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield tab
    context.close()
    assert complaints == []


class Server:
    """Answers uploads as scripted: a list of statuses to give before the real answer, and what is refused."""

    def __init__(self, page: Page, troubles: list[int], refused: set[str]) -> None:
        self.troubles = troubles
        self.refused = refused
        self.seen_before = ""
        self.keys: list[str] = []
        self.batches: list[list[str]] = []
        self.cases: list[dict[str, str | None]] = []
        self.changes: list[tuple[str | None, dict[str, object]]] = []
        self.reuses: list[dict[str, str]] = []
        page.route("**/api/v1/cases", self.open_case)
        page.route(f"**/api/v1/cases/{CASE_ID}", self.show_or_change_case)
        page.route(f"**/api/v1/cases/{CASE_ID}/reuse", self.take_reuse)
        page.route(f"**/api/v1/cases/{CASE_ID}/cells", self.take_cells)
        page.route(f"**/api/v1/cases/{CASE_ID}/archive", self.take_archive)

    def open_case(self, route: Route) -> None:
        self.cases.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=201, json={"id": CASE_ID})

    def show_or_change_case(self, route: Route) -> None:
        if route.request.method == "PATCH":
            change = json.loads(route.request.post_data or "")
            self.changes.append((route.request.headers.get("if-match"), change))
        route.fulfill(json={"id": CASE_ID, "version": 3})

    def take_reuse(self, route: Route) -> None:
        self.reuses.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=201, json={"number": 1})

    def take_cells(self, route: Route) -> None:
        self.keys.append(route.request.headers["idempotency-key"])
        if self.troubles:
            problem = {"title": "Busy", "detail": "The queue is full.", "code": "overloaded"}
            route.fulfill(status=self.troubles.pop(0), json=problem, headers={"Retry-After": "1"})
            return
        body = (route.request.post_data_buffer or b"").decode("latin-1")
        names = re.findall(r'name="images"; filename="([^"]+)"', body)
        self.batches.append(names)
        route.fulfill(status=202, json={"cells": [self._entry(name) for name in names]})

    def take_archive(self, route: Route) -> None:
        names = ["a/1.png", "a/2.png", "a/3.png"]
        self.batches.append(names)
        route.fulfill(status=202, json={"cells": [self._entry(name) for name in names], "ignored": 2})

    def _entry(self, name: str) -> dict[str, object]:
        error = {"code": "image_empty", "title": "Empty", "detail": "The picture is black throughout."}
        bad = name in self.refused
        return {
            "cell_id": None if bad else cell_id(7),
            "file": name,
            "state": "refused" if bad else "stored",
            "error": error if bad else None,
            "duplicate_of": cell_id(3) if name == self.seen_before else None,
        }


def choose(page: Page, count: int) -> None:
    page.goto("/")
    page.set_input_files("#images", [{"name": f"{number}.png", **PNG} for number in range(1, count + 1)])


def test_one_file_leads_to_its_cell(page: Page) -> None:
    server = Server(page, [], set())
    page.goto("/")
    page.fill("#accession", " L-1 ")
    page.set_input_files("#images", [{"name": "1.png", **PNG}])
    page.click("#upload-send")
    page.wait_for_url(f"**/cells/{cell_id(7)}")
    assert server.cases == [{"accession": "L-1"}]


def test_several_files_travel_in_batches_of_eight_and_lead_to_the_case(page: Page) -> None:
    server = Server(page, [], set())
    choose(page, 19)
    page.click("#upload-send")
    page.wait_for_url(f"**/cases/{CASE_ID}")
    assert [len(batch) for batch in server.batches] == [8, 8, 3]
    assert len(set(server.keys)) == 3
    assert server.cases == [{"accession": None}]


def test_a_busy_server_is_asked_again_with_the_same_key_and_the_reader_is_told(page: Page) -> None:
    server = Server(page, [503, 429], set())
    choose(page, 2)
    page.click("#upload-send")
    expect(page.locator("#upload-problem")).to_contain_text("The queue is full. Trying again in 1 s.")
    page.wait_for_url(f"**/cases/{CASE_ID}")
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1


def test_a_refused_file_stays_listed_with_its_reason(page: Page) -> None:
    Server(page, [], {"2.png"})
    choose(page, 3)
    page.click("#upload-send")
    expect(page.locator(".file[data-state=refused]")).to_contain_text("The picture is black throughout.")
    expect(page.locator("#upload-done")).to_contain_text("2 stored, 1 not.")
    assert page.get_attribute("#upload-open", "href") == f"/cases/{CASE_ID}"


def test_a_file_above_the_limit_is_never_sent(page: Page) -> None:
    server = Server(page, [], set())
    page.goto("/")
    big = {"name": "big.png", "mimeType": "image/png", "buffer": bytes(3 * 2**20)}
    page.set_input_files("#images", [big])
    expect(page.locator(".file")).to_contain_text("at most 2.0 MB are taken")
    expect(page.locator("#upload-send")).to_be_disabled()
    assert server.cases == []


def test_dropped_files_join_the_list(page: Page) -> None:
    page.goto("/")
    page.evaluate(
        """() => {
          const carried = new DataTransfer();
          carried.items.add(new File(["x"], "dropped.png", { type: "image/png" }));
          document.getElementById("drop").dispatchEvent(
            new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator(".file-name")).to_have_text("dropped.png")
    expect(page.locator("#upload-send")).to_be_enabled()


def test_a_batch_that_failed_is_sent_again_with_its_key(page: Page) -> None:
    server = Server(page, [500], set())
    choose(page, 2)
    page.click("#upload-send")
    expect(page.locator("#upload-problem")).to_contain_text("The queue is full.")
    expect(page.locator(".file[data-state=unsent]")).to_have_count(2)
    page.click("#upload-send")
    page.wait_for_url(f"**/cases/{CASE_ID}")
    assert len(server.keys) == 2
    assert len(set(server.keys)) == 1


def test_only_what_somebody_changed_of_a_case_is_sent_with_the_version_it_had(page: Page) -> None:
    server = Server(page, [], set())
    choose(page, 2)
    page.get_by_text("How the pictures were taken").click()
    page.fill("#micrometres_per_pixel", "0.065")
    page.get_by_text("Identifiers and notes").click()
    page.fill("#subject_ref", "S-77")
    page.get_by_text("Second reading and reuse").click()
    page.check("#second_read")
    page.select_option("#reuse", "local_training")
    page.fill("#basis", "consent 12")
    page.click("#upload-send")
    page.wait_for_url(f"**/cases/{CASE_ID}")
    profile = {
        "specimen": "bone_marrow_aspirate",
        "stain": "leishman",
        "objective": 100,
        "micrometres_per_pixel": 0.065,
        "segmentation_tool": None,
        "cell_selection": None,
    }
    assert server.changes == [('"3"', {"subject_ref": "S-77", "second_read": True, "acquisition": profile})]
    assert server.reuses == [{"reuse": "local_training", "basis": "consent 12"}]


def test_a_site_that_said_nothing_is_asked_how_its_pictures_were_taken(page: Page) -> None:
    page.goto(BY_NAME["upload-newcomer"].path)
    expect(page.locator("#specimen")).to_be_visible()
    expect(page.locator("#profile-line")).to_have_text("0 of 6 known")
    page.goto("/")
    expect(page.locator("#specimen")).not_to_be_visible()
    expect(page.locator("#profile-line")).to_have_text("3 of 6 known")


@pytest.mark.parametrize(
    ("accession", "said"),
    [
        ("Maria Svensson", "Accession looks like a name."),
        ("svensson", "Accession holds no digit, so it may be a name."),
        ("L 12.03.1987", "Accession holds what looks like a date"),
        ("MRN 5523311", "Accession speaks of a record number."),
    ],
)
def test_what_may_name_a_person_is_sent_only_after_somebody_looked(
    page: Page, accession: str, said: str
) -> None:
    server = Server(page, [], set())
    choose(page, 2)
    page.fill("#accession", accession)
    page.click("#upload-send")
    expect(page.locator("#private")).to_contain_text(said)
    assert page.evaluate("document.activeElement.id") == "private-seen"
    assert server.cases == []
    page.check("#private-seen")
    page.click("#upload-send")
    page.wait_for_url(f"**/cases/{CASE_ID}")
    assert server.cases == [{"accession": accession}]


def test_a_permission_without_its_basis_is_not_sent(page: Page) -> None:
    server = Server(page, [], set())
    choose(page, 1)
    page.get_by_text("Second reading and reuse").click()
    page.select_option("#reuse", "shareable")
    page.click("#upload-send")
    expect(page.locator("#upload-problem")).to_contain_text("what the permission to reuse the cells rests on")
    assert page.evaluate("document.activeElement.id") == "basis"
    assert server.cases == []


def test_a_folder_gives_its_pictures_and_says_what_it_left_out(page: Page, tmp_path: Path) -> None:
    below = tmp_path / "scans" / "day 1"
    below.mkdir(parents=True)
    for name in ("1.png", "2.PNG", "Thumbs.db", "notes.txt"):
        (below / name).write_bytes(drawn_cell(1, 450))
    page.goto("/")
    page.set_input_files("#folder", tmp_path / "scans")
    expect(page.locator(".file-name")).to_have_text(["1.png", "2.PNG"])
    expect(page.locator("#upload-status")).to_contain_text(
        "2 files of the folder are not named like pictures"
    )


def test_a_zip_travels_alone_and_each_file_in_it_gets_a_row(page: Page) -> None:
    server = Server(page, [], {"a/2.png"})
    page.goto("/")
    packed = {"name": "cells.zip", "mimeType": "application/zip", "buffer": b"PK"}
    page.set_input_files("#images", [packed, {"name": "1.png", **PNG}])
    page.click("#upload-send")
    expect(page.locator(".file[data-state=stored]")).to_have_count(3)
    expect(page.locator(".file[data-state=refused]")).to_contain_text("a/2.png")
    assert server.batches == [["a/1.png", "a/2.png", "a/3.png"], ["1.png"]]


def test_a_file_that_came_before_is_named_and_leads_to_its_cell(page: Page) -> None:
    server = Server(page, [], set())
    server.seen_before = "2.png"
    choose(page, 3)
    page.click("#upload-send")
    expect(page.locator("#upload-done")).to_contain_text("1 of the stored were at your site before")
    expect(page.locator(".file-note a")).to_have_attribute("href", f"/cells/{cell_id(3)}")


def test_the_file_input_is_reached_and_named_by_keyboard(page: Page) -> None:
    page.goto("/")
    page.focus("#accession")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "images"


def answer(page: Page, status: int, context: Context) -> list[str]:
    """Answer verdicts with `context`; the returned list gathers what the browser sent."""
    sent: list[str] = []

    def handle(route: Route) -> None:
        sent.append(route.request.post_data or "")
        html = render(BY_NAME["cell"].chrome, context)
        route.fulfill(status=status, content_type="text/html; charset=utf-8", body=html)

    page.route("**/verdict", handle)
    return sent


def open_cell(page: Page) -> None:
    page.goto(BY_NAME["cell"].path)
    page.wait_for_function("window.htmx && !document.getElementById('keys').hidden")


def saved_panel() -> Context:
    return BY_NAME["cell-verdict"].context


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        ("m", "malignant_lymphoblast"),
        ("H", "normal_precursor"),
        ("u", "uncertain"),
        ("x", "other_or_artefact"),
    ],
)
def test_a_key_gives_its_verdict_and_the_page_says_saved(page: Page, key: str, verdict: str) -> None:
    sent = answer(page, 200, saved_panel())
    open_cell(page)
    page.fill("#note", "a note")
    page.locator("h1").click()
    page.keyboard.press(key)
    expect(page.locator("#verdict")).to_contain_text("Saved: Malignant lymphoblast.")
    assert f"verdict={verdict}" in sent[0]
    assert "seen_version=2" in sent[0]
    assert "note=a+note" in sent[0]
    assert page.input_value("#note") == ""
    assert page.is_visible("#keys")


def test_a_pressed_button_keeps_the_focus_after_its_verdict_is_saved(page: Page) -> None:
    answer(page, 200, saved_panel())
    open_cell(page)
    page.focus("#verdict-uncertain")
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_contain_text("Saved")
    assert page.evaluate("document.activeElement.id") == "verdict-uncertain"


def test_keys_rest_while_somebody_writes_a_note(page: Page) -> None:
    sent = answer(page, 200, saved_panel())
    open_cell(page)
    page.focus("#note")
    page.keyboard.type("mhux")
    assert page.input_value("#note") == "mhux"
    assert sent == []


def test_keys_can_be_switched_off_and_stay_off(page: Page) -> None:
    sent = answer(page, 200, saved_panel())
    open_cell(page)
    page.uncheck("#keys-on")
    open_cell(page)
    expect(page.locator("#keys-on")).not_to_be_checked()
    page.keyboard.press("m")
    assert sent == []


def test_an_arrow_leads_to_the_next_cell(page: Page) -> None:
    open_cell(page)
    with page.expect_request(f"**/cells/{cell_id(8)}"):
        page.keyboard.press("ArrowRight")


def test_a_conflict_is_shown_with_what_the_other_person_said(page: Page) -> None:
    conflict = BY_NAME["cell-conflict"].context
    assert isinstance(conflict, VerdictPartial)
    answer(page, 409, conflict)
    open_cell(page)
    page.keyboard.press("m")
    expect(page.locator("#verdict [role=alert]").first).to_contain_text("gave a verdict after you opened")
    assert page.input_value("#note") == HOSTILE


@pytest.mark.parametrize(("status", "said"), [(401, "you are signed out"), (503, "the server answered 503")])
def test_a_failed_verdict_is_named_not_saved_and_the_note_stays(page: Page, status: int, said: str) -> None:
    answer(page, status, saved_panel())
    open_cell(page)
    page.fill("#note", "a note")
    page.click("#verdict-uncertain")
    expect(page.locator("#verdict-problem")).to_contain_text(f"Not saved: {said}")
    assert page.input_value("#note") == "a note"


def test_a_lost_connection_is_named_not_saved(page: Page) -> None:
    page.route("**/verdict", lambda route: route.abort())
    open_cell(page)
    page.keyboard.press("m")
    expect(page.locator("#verdict-problem")).to_contain_text("Not saved: no answer from the server")


def test_a_sign_in_page_never_lands_in_the_panel(page: Page) -> None:
    page.route("**/verdict", lambda route: route.fulfill(status=303, headers={"Location": "/login"}))
    open_cell(page)
    page.keyboard.press("m")
    expect(page.locator("#verdict-problem")).to_contain_text("you are signed out")
    expect(page.locator("#verdict form")).to_have_count(1)


def test_a_waiting_result_replaces_itself_and_keeps_the_note(page: Page) -> None:
    html = render(BY_NAME["cell-result"].chrome, BY_NAME["cell-result"].context)
    page.route("**/result", lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=html))
    page.goto(BY_NAME["cell-waiting"].path)
    page.fill("#note", "a note")
    expect(page.locator(".probability-malignant .number")).to_have_text("0.931")
    assert page.input_value("#note") == "a note"
    assert page.locator("#result").get_attribute("hx-get") is None


def test_the_gallery_updates_in_place_while_cells_are_scored_and_keeps_the_focus(page: Page) -> None:
    page.goto(BY_NAME["case-live"].path)
    expect(page.locator(".progress-line")).to_contain_text("6 of 14")
    seventh = page.locator(f"#place-{cell_id(7)}")
    seventh.locator(".tile").focus()
    expect(page.locator(".progress-line")).to_contain_text("7 of 14")
    expect(seventh.locator(".chip")).to_have_text("Malignant")
    assert page.evaluate("document.activeElement.closest('.place').id") == f"place-{cell_id(7)}"
