"""What a challenger on a champion's convolutions takes over from it."""

from pathlib import Path
from unittest.mock import Mock

from models.bundle import Band, Calibration, read_bundle
from tests.bundles import make_manifest
from tests.shipped import SHIPPED_FOLDER
from training.publishing.candidate import (
    CALIBRATION,
    Calibrated,
    calibrated_run,
    keep_limits,
    limits_from_folds,
)
from training.runs import Run

MANIFEST = read_bundle(SHIPPED_FOLDER).manifest


def test_limits_from_folds_are_told_by_what_the_bundle_says_of_its_split() -> None:
    assert limits_from_folds(MANIFEST)
    assert not limits_from_folds(make_manifest())


def test_calibration_band_distances_and_sets_are_kept_and_the_gate_is_not(tmp_path: Path) -> None:
    assert MANIFEST.novelty is not None
    own = Calibrated(
        calibration=Calibration(slope=3.0, intercept=1.0, malignant_prevalence=0.5),
        band=Band(low=0.1, high=0.9),
        quality={},
        novelty=MANIFEST.novelty.model_copy(update={"relative": 9.0}),
        conformal=None,
        ranges={},
    )
    run = Mock(spec=Run, folder=tmp_path)
    (tmp_path / CALIBRATION).write_text(own.model_dump_json())
    keep_limits(run, MANIFEST)
    kept = calibrated_run(run)
    assert (kept.calibration, kept.band) == (MANIFEST.calibration, MANIFEST.band)
    assert (kept.novelty, kept.conformal) == (MANIFEST.novelty, MANIFEST.conformal)
    assert (kept.quality, kept.ranges) == ({}, {})
