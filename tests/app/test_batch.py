"""A replica's batch: every question gets its own model's answer, and what cannot be answered fails alone."""

from pathlib import Path

import pytest

from app.errors import EngineUnavailable, ScoreFailed
from app.inference.batch import answer_batch
from app.inference.scorer import ModelRef, Question, Score
from app.inference.worker import Models
from models.classifier import Classifier
from models.decoding import decode_cell
from models.measurements import measure_cell
from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    for version, seed in (("0.1.0", 0), ("0.2.0", 1)):
        make_bundle(folder, version, seed)
    return folder


def opened(store: Path, version: str) -> Classifier:
    return Classifier.open(store / NAME / version, "ncnn")


def question(number: int, classifier: Classifier) -> Question:
    cell = decode_cell(png_of(number)).pixels
    model = ModelRef(NAME, classifier.bundle.manifest.version, classifier.bundle.sha256)
    return Question(cell, measure_cell(cell), model)


def test_a_mixed_batch_is_answered_in_order_by_the_models_it_names(store: Path) -> None:
    first, second = opened(store, "0.1.0"), opened(store, "0.2.0")
    chosen = [first, second, second, first, second]
    asked = [question(number, classifier) for number, classifier in enumerate(chosen)]
    found = answer_batch(Models([store], "ncnn"), asked)
    for each, classifier, answer in zip(asked, chosen, found, strict=True):
        assert isinstance(answer, Score)
        (expected,) = classifier.classify([each.pixels])
        assert answer.output.p_malignant == expected.p_malignant
        assert answer.model == each.model
        assert answer.band == (0.45, 0.55)


@pytest.mark.parametrize(("version", "sha256"), [("9.9.9", "f" * 64), ("0.1.0", "f" * 64)])
def test_a_model_that_is_missing_or_altered_fails_its_own_cells(
    store: Path, version: str, sha256: str
) -> None:
    good = question(1, opened(store, "0.1.0"))
    bad = Question(good.pixels, good.measurements, ModelRef(NAME, version, sha256))
    found = answer_batch(Models([store], "ncnn"), [good, bad, good])
    assert [isinstance(answer, Score) for answer in found] == [True, False, True]
    assert isinstance(found[1], EngineUnavailable)
    assert found[1].retry_after_s


def test_a_cell_that_the_network_cannot_score_fails_alone(store: Path) -> None:
    good = question(1, opened(store, "0.1.0"))
    endless = Question(good.pixels, good.measurements | {"area_px2": float("inf")}, good.model)
    found = answer_batch(Models([store], "ncnn"), [good, endless, good])
    assert [isinstance(answer, Score) for answer in found] == [True, False, True]
    assert isinstance(found[1], ScoreFailed)


def test_an_empty_batch_has_no_answers(store: Path) -> None:
    assert answer_batch(Models([store], "ncnn"), []) == []
