"""A bundle is read whole and unaltered, or not at all."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.bundle import MANIFEST, WEIGHTS, BundleRefused, copy_bundle, read_bundle
from models.classifier import Classifier, EngineDisagrees
from tests.bundles import NAME, make_bundle, make_weights


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    make_bundle(store)
    return store / NAME / "0.1.0"


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


def edit_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))


def test_weights_come_back_rounded_to_float16(whole: Path) -> None:
    bundle = read_bundle(whole)
    for name, array in make_weights().items():
        np.testing.assert_array_equal(bundle.weights[name], array.astype(np.float16))


def test_the_digest_of_the_manifest_names_the_bundle(whole: Path) -> None:
    assert read_bundle(whole, expected_sha256=read_bundle(whole).sha256).id == f"{NAME}/0.1.0"
    with pytest.raises(BundleRefused, match="SHA-256"):
        read_bundle(whole, expected_sha256="0" * 64)


def test_one_flipped_bit_anywhere_is_refused(whole: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    digest = read_bundle(whole).sha256
    files = sorted(path for path in whole.rglob("*") if path.is_file())
    for attempt in range(40):
        folder = Path(shutil.copytree(whole, tmp_path / str(attempt)))
        victim = folder / files[attempt % len(files)].relative_to(whole)
        data = bytearray(victim.read_bytes())
        data[random.integers(len(data))] ^= 1 << random.integers(8)
        victim.write_bytes(data)
        with pytest.raises(BundleRefused):
            read_bundle(folder, expected_sha256=digest)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(BundleRefused, match=r"weights\.safetensors"):
        read_bundle(folder)


def test_a_file_the_manifest_does_not_list_is_refused(folder: Path) -> None:
    (folder / "extra.py").write_text("print('run me')")
    with pytest.raises(BundleRefused, match=r"extra\.py"):
        read_bundle(folder)


def test_a_link_is_refused(folder: Path, whole: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(whole / WEIGHTS)
    with pytest.raises(BundleRefused, match="link"):
        read_bundle(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"labels": ["healthy", "malignant"]},
        {"surprise": 1},
        {"name": "../elsewhere"},
        {"files": {"../../etc/passwd": "0" * 64}},
        {"calibration": {"slope": -1.0, "intercept": 0.0, "malignant_prevalence": 0.5}},
        {"band": {"low": 0.7, "high": 0.3}},
    ],
)
def test_a_manifest_that_says_something_impossible_is_refused(
    folder: Path, changes: dict[str, object]
) -> None:
    edit_manifest(folder, **changes)
    with pytest.raises(BundleRefused, match="manifest"):
        read_bundle(folder)


def test_an_existing_version_is_never_overwritten(whole: Path, tmp_path: Path) -> None:
    copy_bundle(whole, tmp_path)
    with pytest.raises(FileExistsError, match="never overwritten"):
        copy_bundle(whole, tmp_path)


def test_an_engine_that_misses_the_golden_outputs_is_refused(folder: Path) -> None:
    expected = folder / "golden/expected.json"
    moved = {name: value + 2e-4 for name, value in json.loads(expected.read_text()).items()}
    expected.write_text(json.dumps(moved))
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"]["golden/expected.json"] = hashlib.sha256(expected.read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(EngineDisagrees, match=r"cell_1\.png"):
        Classifier.open(folder, "ncnn")
