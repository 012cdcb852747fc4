from dataclasses import replace

import numpy as np
import pytest

from models.bundle import Bundle, read_bundle
from models.decision import Judge, PredictionLabel
from models.drawn_cells import draw_cell
from models.labels import Label
from models.measurements import MEASUREMENTS, measure_cell
from models.novelty import NoveltyDetector
from models.reference import ReferenceSet
from tests.shipped import SHIPPED_FOLDER

SHIPPED = read_bundle(SHIPPED_FOLDER)
REFERENCE = ReferenceSet.of(SHIPPED)


def measured(row: int) -> dict[str, float]:
    return dict(zip(MEASUREMENTS, map(float, REFERENCE.measurements[row]), strict=True))


def without_band(bundle: Bundle) -> Bundle:
    band = bundle.manifest.band.model_copy(update={"low": 0.5, "high": 0.5})
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"band": band}))


@pytest.mark.parametrize(
    ("p_malignant", "label", "reasons", "kept"),
    [
        (0.99, PredictionLabel.MALIGNANT, (), (Label.MALIGNANT,)),
        (0.02, PredictionLabel.HEALTHY, (), (Label.HEALTHY,)),
        (0.45, PredictionLabel.INDETERMINATE, ("both_labels_possible",), (Label.MALIGNANT, Label.HEALTHY)),
    ],
)
def test_a_training_cell_gets_the_label_of_its_set(
    p_malignant: float, label: PredictionLabel, reasons: tuple[str, ...], kept: tuple[Label, ...]
) -> None:
    found = Judge(SHIPPED).decide(p_malignant, REFERENCE.embeddings[3].astype(np.float32), measured(3))
    assert (label, reasons, kept) == (found.label, found.reasons, found.prediction_set)


@pytest.mark.parametrize("p_malignant", [0.001, 0.5, 0.999])
def test_a_far_embedding_is_indeterminate_however_sure_the_network_is(p_malignant: float) -> None:
    far = REFERENCE.embeddings[3].astype(np.float32) + 3.0
    found = Judge(SHIPPED).decide(p_malignant, far, measured(3))
    assert found.label is PredictionLabel.INDETERMINATE
    assert "unlike_training_cells" in found.reasons


def test_a_bundle_without_limits_answers_by_its_band() -> None:
    bare = without_band(SHIPPED).manifest.model_copy(
        update={"novelty": None, "conformal": None, "quality": {}}
    )
    judge = Judge(replace(SHIPPED, manifest=bare, statistics={}))
    nothing = np.zeros(512, np.float32)
    assert judge.decide(0.6, nothing, {}).label is PredictionLabel.MALIGNANT
    assert judge.decide(0.4, nothing, {}).label is PredictionLabel.HEALTHY
    assert judge.decide(0.4, nothing, {}).prediction_set is None


def test_the_reference_set_names_nobody() -> None:
    cells_a_person = np.bincount(REFERENCE.group)
    assert cells_a_person.min() > 0
    assert len(REFERENCE) == cells_a_person.sum() < SHIPPED.manifest.origin.cells
    assert len(cells_a_person) == len(REFERENCE.group_digests) == SHIPPED.manifest.origin.leak_groups
    assert all(len(digest) == 16 for digest in REFERENCE.group_digests)


@pytest.mark.parametrize("seed", range(40, 44))
def test_a_drawn_cell_has_a_texture_that_no_training_cell_has(seed: int) -> None:
    limits = SHIPPED.manifest.novelty
    assert limits is not None
    detector = NoveltyDetector(SHIPPED.statistics, REFERENCE.search, limits)
    found = detector.distances(REFERENCE.embeddings[3].astype(np.float32), measure_cell(draw_cell(seed)))
    assert found.texture > limits.texture
    assert found.neighbours <= limits.neighbours
