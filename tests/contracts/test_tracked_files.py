"""What lies in the repository says where it comes from, and no cell of the data set is among it."""

import json
import subprocess
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STORE = PurePosixPath("models/store")
README_PICTURE = PurePosixPath("README.png")
LARGEST_FILE_BYTES = 35 * 1024 * 1024


def tracked() -> list[PurePosixPath]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    return [PurePosixPath(name) for name in listed.stdout.split("\0") if name]


def bundles() -> dict[PurePosixPath, set[str]]:
    """Tracked bundle folders, each with its files."""
    found: dict[PurePosixPath, set[str]] = defaultdict(set)
    for path in tracked():
        if path.is_relative_to(STORE):
            name, version, *rest = path.relative_to(STORE).parts
            found[STORE / name / version].add("/".join(rest))
    return found


def manifest_of(bundle: PurePosixPath) -> Any:
    return json.loads((ROOT / bundle / "manifest.json").read_text(encoding="utf-8"))


def is_text(path: PurePosixPath) -> bool:
    try:
        (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_every_file_of_the_store_is_named_with_its_digest_by_a_manifest() -> None:
    for bundle, files in bundles().items():
        assert set(manifest_of(bundle)["files"]) | {"manifest.json"} == files


def test_every_bundle_and_its_card_name_data_citation_and_starting_weights() -> None:
    for bundle in bundles():
        origin = manifest_of(bundle)["origin"]
        card = (ROOT / bundle / "CARD.md").read_text(encoding="utf-8")
        assert all(origin[field] for field in ("data", "citation", "starting_weights", "command"))
        assert "10.7937/tcia.2019.dc64i46r" in card


def test_every_binary_or_minified_file_has_a_stated_origin() -> None:
    vendored = {
        path.parent / entry["file"]
        for path in tracked()
        if path.name == "vendor.json"
        for entry in json.loads((ROOT / path).read_text(encoding="utf-8"))["files"]
    }
    foreign = {
        path
        for path in tracked()
        if not path.is_relative_to(STORE) and (".min." in path.name or not is_text(path))
    }
    assert foreign - vendored <= {README_PICTURE}


def test_no_cell_of_the_data_set_is_tracked() -> None:
    assert [path for path in tracked() if path.name.startswith(("UID_", "AugmentedImg_"))] == []


def test_no_tracked_file_is_larger_than_a_bundle_may_be() -> None:
    assert [path for path in tracked() if (ROOT / path).stat().st_size > LARGEST_FILE_BYTES] == []
