"""Draws every page with its sample context in Chromium: `python -m tests.web.preview OUT_DIR [NAME...]`.

Screenshots at 1280 and 390 px, light and dark, under the same content security policy as the server's.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from app.web.rendering import STATIC_DIR, render
from tests.shipped import SHIPPED_FOLDER
from tests.web.samples import Sample, samples

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def drawn_cell(seed: int, crop_px: int) -> bytes:
    """A PNG of a coarse cell in the middle of a black 450 x 450 picture, cropped to `crop_px`."""
    random = np.random.default_rng(seed)
    picture = np.zeros((450, 450, 3), np.uint8)
    half = (int(random.integers(85, 130)), int(random.integers(85, 130)))
    cv2.ellipse(picture, (225, 225), half, int(random.integers(0, 180)), 0, 360, (190, 150, 175), -1)
    inner = (int(half[0] * 0.85), int(half[1] * 0.85))
    cv2.ellipse(picture, (221, 229), inner, 0, 0, 360, (150, 75, 110), -1)
    mottle = cv2.GaussianBlur(random.normal(0, 90, (450, 450)).astype(np.float32), (0, 0), 5)
    inside = picture.max(axis=2, keepdims=True) > 0
    picture = np.where(inside, np.clip(picture + mottle[..., None] * 3, 12, 255), 0).astype(np.uint8)
    start = (450 - crop_px) // 2
    return cv2.imencode(".png", picture[start : start + crop_px, start : start + crop_px])[1].tobytes()


@cache
def drawn_thumbnail(seed: int) -> bytes:
    """The whole drawn picture at half its size."""
    whole = cv2.imdecode(np.frombuffer(drawn_cell(seed, 450), np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".png", cv2.resize(whole, (225, 225), interpolation=cv2.INTER_AREA))[1].tobytes()


def whole_pages() -> list[Sample]:
    """The samples a browser opens; partials only ever come into a page."""
    return [sample for sample in samples() if "partials/" not in sample.context.template]


class _Handler(BaseHTTPRequestHandler):
    pages: ClassVar = {sample.path: render(sample.chrome, sample.context) for sample in samples()}

    def do_GET(self) -> None:
        bare = self.path.split("?")[0]
        page = self.pages.get(self.path) or self.pages.get(bare)
        if page is not None:
            self._answer("text/html; charset=utf-8", page.encode())
        elif bare.startswith("/static/"):
            file = STATIC_DIR / Path(bare).name
            self._answer(TYPES[file.suffix], file.read_bytes())
        elif bare.startswith("/models/"):
            plot = SHIPPED_FOLDER / "report" / Path(bare).name
            self._answer("image/png", plot.read_bytes())
        elif bare.endswith(".png"):
            seed = int(bare.split("/")[4][-3:])
            small = bare.endswith("thumbnail.png")
            picture = drawn_thumbnail(seed) if small else drawn_cell(seed, 320 if "crop" in bare else 450)
            self._answer("image/png", picture)
        else:
            self.send_error(404)

    def _answer(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        with suppress(BrokenPipeError):  # the tab went on to the next page
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def preview_server() -> Iterator[str]:
    """The address of a server on a free loopback port that answers with the sample pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def main(out_dir: Path, wanted: set[str]) -> None:
    """Write `<name>-<width>-<scheme>.png` for every whole page, and print what the console says."""
    out_dir.mkdir(parents=True, exist_ok=True)
    pages = [sample for sample in whole_pages() if not wanted or sample.name in wanted]
    with preview_server() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                tab = context.new_page()
                tab.on("console", lambda message: print("console:", message.text))
                for sample in pages:
                    tab.goto(address + sample.path)
                    tab.wait_for_timeout(150)
                    spare = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if spare > 0:
                        print(f"{sample.name} at {width}: {spare} px too wide")
                    tab.screenshot(path=out_dir / f"{sample.name}-{width}-{scheme}.png", full_page=True)
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
