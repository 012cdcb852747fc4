"""Both engines give the same probabilities on the same float16-rounded weights."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from models.bundle import Bundle, read_bundle
from models.classifier import Classifier
from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from models.engines import Engine, EngineName, EngineUnavailable, open_engine
from models.engines import ncnn as ncnn_engine
from models.networks import Architecture
from tests.bundles import NAME, make_bundle
from tests.conftest import RealCell
from tests.shipped import SHIPPED_FOLDER


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    make_bundle(store)
    return store / NAME / "0.1.0"


def test_ncnn_and_tensorflow_agree_on_drawn_cells(folder: Path) -> None:
    cells = [draw_cell(seed) for seed in range(12)]
    fast = Classifier.open(folder, "ncnn").classify_many(cells)
    reference = Classifier.open(folder, "tensorflow").classify_many(cells)
    for one, other in zip(fast, reference, strict=True):
        assert one.p_malignant == pytest.approx(other.p_malignant, abs=1e-4)
        np.testing.assert_allclose(
            one.heatmap / one.heatmap.max(), other.heatmap / other.heatmap.max(), atol=1e-4
        )


@pytest.mark.real_data
def test_ncnn_and_tensorflow_agree_on_real_cells_with_the_shipped_bundle(test_part: list[RealCell]) -> None:
    cells = [decode_cell(cell.path.read_bytes()).pixels for cell in test_part[::160]]
    fast = Classifier.open(SHIPPED_FOLDER, "ncnn").classify_many(cells)
    reference = Classifier.open(SHIPPED_FOLDER, "tensorflow").classify_many(cells)
    differences = [
        abs(one.p_malignant - other.p_malignant) for one, other in zip(fast, reference, strict=True)
    ]
    assert max(differences) < 1e-4


def test_one_net_shared_by_threads_gives_each_image_its_own_map(folder: Path) -> None:
    bundle = read_bundle(folder)
    engine = open_engine(bundle, "ncnn")
    images = [bundle.manifest.preprocessing.prepare(draw_cell(seed))[None] for seed in range(8)]
    alone = [engine.maps(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine.maps, images * 5))
    for index, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[index % 8])


@pytest.mark.parametrize(("height", "width"), [(83, 50), (64, 64), (30, 41)])
def test_a_picture_in_bands_gives_the_map_of_the_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, height: int, width: int
) -> None:
    engine = open_engine(read_bundle(folder), "ncnn")
    image = np.random.default_rng(height).normal(size=(1, height, width, 3)).astype(np.float32)
    maps = []
    for rows in (10_000, 8):
        monkeypatch.setattr(ncnn_engine, "BAND_ROWS", rows)
        maps.append(engine.maps(image))
    np.testing.assert_allclose(maps[1], maps[0], atol=1e-5 * maps[0].max())


def test_of_two_levels_the_lower_one_comes_first_and_as_the_last_block_gets_it(folder: Path) -> None:
    bundle = read_bundle(folder)
    image = np.random.default_rng(2).normal(size=(1, 40, 30, 3)).astype(np.float32)
    both = _reading(bundle, blocks=2, levels=2).maps(image)
    lower, last = (_reading(bundle, blocks=blocks, levels=1).maps(image) for blocks in (1, 2))
    np.testing.assert_allclose(both[:, :64], lower.reshape(1, 64, 20, 2, 15, 2).max((3, 5)), atol=1e-4)
    np.testing.assert_array_equal(both[:, 64:], last)


def test_ncnn_and_tensorflow_agree_on_two_levels(folder: Path) -> None:
    bundle = read_bundle(folder)
    image = np.random.default_rng(3).normal(size=(1, 64, 64, 3)).astype(np.float32)
    fast, reference = (_reading(bundle, 2, 2, name).maps(image) for name in ("ncnn", "tensorflow"))
    np.testing.assert_allclose(fast, reference, atol=1e-4 * reference.max())


def _reading(bundle: Bundle, blocks: int, levels: Literal[1, 2], name: EngineName = "ncnn") -> Engine:
    architecture = Architecture(name="vgg16", blocks=blocks, levels=levels)
    return open_engine(
        replace(bundle, manifest=bundle.manifest.model_copy(update={"architecture": architecture})), name
    )


def test_kernels_in_half_precision_give_the_maps_of_the_same_numbers_in_float32(folder: Path) -> None:
    bundle = read_bundle(folder)
    kernel = bundle.weights["block1_conv1__kernel"]
    assert kernel.dtype == np.float16
    whole = replace(
        bundle, weights={name: array.astype(np.float32) for name, array in bundle.weights.items()}
    )
    image = np.random.default_rng(4).normal(size=(1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_array_equal(*(open_engine(each, "ncnn").maps(image) for each in (bundle, whole)))


def test_ncnn_says_what_it_cannot_run(folder: Path) -> None:
    bundle = read_bundle(folder)
    other = bundle.manifest.architecture.model_copy(update={"name": "xception"})
    manifest = bundle.manifest.model_copy(update={"architecture": other})
    bundle = type(bundle)(manifest, bundle.sha256, bundle.weights, (), "")
    with pytest.raises(EngineUnavailable, match="LEUKOLENS_ENGINE=tensorflow"):
        open_engine(bundle, "ncnn")


@pytest.mark.parametrize("seed", range(6))
def test_leaving_out_the_background_changes_no_answer(folder: Path, seed: int) -> None:
    classifier = Classifier.open(folder, "ncnn")
    cell = np.roll(draw_cell(seed, radius_px=18), (3 * seed, -7 * seed), axis=(0, 1))
    windowed = classifier.classify([cell])[0]
    classifier._cell_alone = False
    whole = classifier.classify([cell])[0]
    assert windowed.logits == pytest.approx(whole.logits, abs=1e-4)
    assert windowed.embedding == pytest.approx(whole.embedding, abs=1e-4)
    np.testing.assert_allclose(windowed.heatmap, whole.heatmap, atol=1e-4 * whole.heatmap.max())
