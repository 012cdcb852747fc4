"""Vendored files are the bytes their manifest names, and own scripts load nothing from elsewhere."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from app.web.rendering import STATIC_DIR

TEST_VENDOR_DIR = Path(__file__).parent / "vendor"
MANIFEST = json.loads((STATIC_DIR / "vendor.json").read_text())["files"]
VENDORED = [
    (folder, entry)
    for folder in (STATIC_DIR, TEST_VENDOR_DIR)
    for entry in json.loads((folder / "vendor.json").read_text())["files"]
]
OWN = {
    "admin.css",
    "app.css",
    "case_details.js",
    "expected.svg",
    "favicon.svg",
    "folders.js",
    "keys.js",
    "case_work.css",
    "cell.css",
    "gallery.css",
    "gallery.js",
    "logo.svg",
    "models.css",
    "monitoring.css",
    "print.css",
    "review.js",
    "upload.css",
    "upload.js",
    "vendor.json",
    "verdict_queue.js",
    "viewer.js",
}


@pytest.mark.parametrize(("folder", "entry"), VENDORED, ids=[entry["file"] for _, entry in VENDORED])
def test_a_vendored_file_has_the_stated_digest(folder: Path, entry: dict[str, str]) -> None:
    assert {"file", "package", "version", "licence", "origin", "sha256"} == set(entry)
    assert entry["sha256"] == hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()


def test_every_static_file_is_vendored_or_our_own() -> None:
    assert {path.name for path in STATIC_DIR.iterdir()} == OWN | {entry["file"] for entry in MANIFEST}


@pytest.mark.parametrize("name", sorted(name for name in OWN if name.endswith((".js", ".css"))))
def test_own_files_name_no_other_host(name: str) -> None:
    source = (STATIC_DIR / name).read_text()
    assert re.search(r"https?://|@import|innerHTML|eval\(", source) is None
