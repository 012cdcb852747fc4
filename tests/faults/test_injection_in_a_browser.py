"""Markup in every field that keeps text, and a real Chromium that opens every page: nothing runs, nothing is reported."""

import uuid
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.app.conftest import PASSWORD, png_of
from tests.bundles import NAME, make_bundle
from tests.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.end_to_end.server import Server, running_server
from tests.faults.injections import XSS

ADMIN, REVIEWER = "admin@lab.example", "reviewer@lab.example"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


def signed_in(server: Server, email: str) -> httpx2.Client:
    client = httpx2.Client(base_url=server.address, timeout=60)
    assert client.post("/login", data={"email": email, "password": PASSWORD}).status_code == 303
    return client


def plant(server: Server) -> list[str]:
    """Type every payload wherever text is kept; the addresses of the pages that show it."""
    for email, role in ((ADMIN, "admin"), (REVIEWER, "reviewer")):
        name = f"{role} {XSS[1]}"
        server.run(
            "users", "add", email, "--name", name, "--role", role, "--password-stdin", stdin=f"{PASSWORD}\n"
        )
    admin, reviewer = signed_in(server, ADMIN), signed_in(server, REVIEWER)
    with closing(admin), closing(reviewer):
        for number, payload in enumerate(XSS):
            named = {"name": payload[:90], "email": f"{number}@lab.example", "role": "viewer"}
            admin.post("/admin/accounts", data=named | {"password": PASSWORD})
            admin.post("/admin/keys", data={"name": payload[:90], "scopes": "cases:read"})
        image = {"image": (XSS[0], png_of(1), "image/png")}
        taken = reviewer.post("/api/v1/predictions", files=image, data={"client_ref": "x"}).json()
        case, cell = f"/cases/{taken['case_id']}", f"/cells/{taken['cell_id']}"
        for seen, payload in enumerate(XSS):
            review = {"verdict": "uncertain", "note": payload, "seen": seen}
            assert reviewer.post(f"/api/v1{cell}/reviews", json=review).status_code == 201
        version = reviewer.get(f"/api/v1{case}").json()["version"]
        notes = {"notes": "\n".join(XSS)}
        changed = reviewer.patch(f"/api/v1{case}", json=notes, headers={"If-Match": str(version)})
        assert changed.status_code == 200, changed.text
    typed = [quote(payload, safe="") for payload in XSS]
    return [
        *("/", case, cell, f"{case}/details", f"{case}/sign-off", "/models", "/account", "/api"),
        *("/admin", "/admin/keys", "/admin/sessions", "/admin/sites", "/admin/messages", "/audit"),
        *(f"/cases?q={text}" for text in typed),
        *(f"/audit?actor={text}&object_id={text}" for text in typed[:6]),
        *(f"/login?next={text}" for text in typed[:6]),
        *(f"/cases/{text}" for text in typed[:6]),
        f"/nothing/{uuid.uuid4()}",
    ]


def open_all(tab: Page, addresses: list[str]) -> list[str]:
    """Open each page and move over what it shows; what went wrong there."""
    complaints: list[str] = []
    tab.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
    tab.on("pageerror", lambda error: complaints.append(f"error {error}"))
    tab.on(
        "console",
        lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
    )
    for address in addresses:
        answer = tab.goto(address)
        assert answer is not None
        assert answer.status < 500, address
        tab.keyboard.press("Tab")
        assert (
            tab.evaluate("document.querySelectorAll('main script, main iframe, main [onerror]').length") == 0
        )
        assert urlsplit(tab.url).hostname == "localhost", tab.url
    return complaints


def test_nothing_that_was_typed_runs_on_any_page(tmp_path: Path) -> None:
    make_bundle(tmp_path / "models")
    with running_server(tmp_path, f"{NAME}/0.1.0") as server, sync_playwright() as playwright:
        addresses = plant(server)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        for email in (ADMIN, REVIEWER):
            tab = chromium.new_context(base_url=server.address).new_page()
            tab.goto("/login")
            tab.fill("#email", email)
            tab.fill("#password", PASSWORD)
            tab.click("button[type=submit]")
            assert XSS[1] in tab.inner_text("header"), "the planted name is not on the page"
            assert open_all(tab, addresses) == []
        tab.set_content("<script>alert('leuko-xss')</script>")
        assert tab.evaluate("1 + 1") == 2, "the browser runs scripts, so it would have run the planted ones"
        chromium.close()
