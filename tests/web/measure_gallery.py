"""How quick a gallery of 500 tiles is in Chromium: `python -m tests.web.measure_gallery [CELLS]`.

A real server with real pictures. Prints the time to the first tile in sight, to all tiles, from a verdict's key to
its mark in sight, and how much the layout moved.
"""

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from tests.app.conftest import PASSWORD
from tests.bundles import NAME, make_bundle
from tests.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.end_to_end.server import Server, running_server
from tests.end_to_end.test_review import distinct_pictures

EMAIL = "reader@lab.example"
FILES_A_REQUEST = 40
VERDICTS = 40
SCORING_LIMIT_S = 900.0

WATCH = """
    window.moved = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.moved += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
    window.firstTile = new Promise((resolve) => {
        const look = () => {
            const picture = document.querySelector(".tile-picture img");
            if (picture?.complete && picture.naturalWidth) requestAnimationFrame(() => resolve(performance.now()));
            else requestAnimationFrame(look);
        };
        look();
    });
    window.marks = [];
    document.addEventListener("keydown", (event) => {
        const place = event.target.closest?.(".place");
        if (!place || !"mhux".includes(event.key)) return;
        const look = () => requestAnimationFrame(() => {
            if ("pending" in place.dataset || place.dataset.verdict) window.marks.push(performance.now() - event.timeStamp);
            else look();
        });
        look();
    }, true);
"""


@dataclass(frozen=True)
class Measured:
    """Milliseconds; `moved` is the sum of Chromium's layout-shift scores over everything done here."""

    tiles: int
    first_tile_ms: float
    all_tiles_ms: float
    key_to_mark_ms: list[float]
    moved: float


def case_of(server: Server, count: int) -> str:
    """Address of a scored case of so many cells."""
    headers = server.key("cases:read", "cases:write")
    case_id = server.client.post("/api/v1/cases", headers=headers, json={}).json()["id"]
    pictures = list(islice(distinct_pictures(), count))
    for start in range(0, count, FILES_A_REQUEST):
        batch = [
            ("images", (f"{place}.img", data))
            for place, data in enumerate(pictures[start : start + FILES_A_REQUEST])
        ]
        taken = server.client.post(
            f"/api/v1/cases/{case_id}/cells", headers=headers, files=batch, timeout=120
        )
        assert taken.status_code == 202, taken.text
    deadline = time.monotonic() + SCORING_LIMIT_S
    while (
        server.client.get(f"/api/v1/cases/{case_id}", headers=headers, timeout=60).json()["state"] == "open"
    ):
        assert time.monotonic() < deadline, f"not scored within {SCORING_LIMIT_S:g} s"
        time.sleep(1)
    return f"{server.address}/cases/{case_id}"


def sign_in(page: Page, server: Server) -> None:
    person = ("--name", "Reader", "--role", "reviewer", "--password-stdin")
    server.run("users", "add", EMAIL, *person, stdin=PASSWORD)
    page.goto(f"{server.address}/login")
    page.fill("[name=email]", EMAIL)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{server.address}/")


def measure(page: Page, case: str, verdicts: int = VERDICTS) -> Measured:
    """Open the case, wait for every tile, give verdicts by key, scroll to the end and back."""
    page.add_init_script(WATCH)
    page.goto(case, wait_until="commit")
    first_tile_ms = page.evaluate("window.firstTile")
    page.wait_for_selector("li.more", state="detached", timeout=120_000)
    all_tiles_ms = page.evaluate("performance.now()")
    page.locator("#tiles .tile").first.focus()
    for _ in range(verdicts):
        page.keyboard.press("m")
        page.wait_for_timeout(30)
    page.wait_for_selector("#bar-state[data-save=saved]", timeout=120_000)
    page.keyboard.press("End")
    page.wait_for_timeout(500)
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    return Measured(
        tiles=page.locator("#tiles .place").count(),
        first_tile_ms=first_tile_ms,
        all_tiles_ms=all_tiles_ms,
        key_to_mark_ms=page.evaluate("window.marks"),
        moved=page.evaluate("window.moved"),
    )


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        make_bundle(Path(folder) / "models")
        with running_server(Path(folder), f"{NAME}/0.1.0") as server:
            case = case_of(server, count)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            sign_in(page, server)
            found = measure(page, case)
            browser.close()
    marks = sorted(found.key_to_mark_ms)
    print(
        json.dumps(
            {
                "tiles": found.tiles,
                "first_tile_ms": round(found.first_tile_ms),
                "all_tiles_ms": round(found.all_tiles_ms),
                "key_to_mark_ms_median": round(median(marks), 1),
                "key_to_mark_ms_worst": round(marks[-1], 1),
                "verdicts": len(marks),
                "layout_shift": round(found.moved, 5),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
