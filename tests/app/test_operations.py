"""`doctor`, `/metrics` and `validate`."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app.accounts.permissions import Scope
from app.clock import utc_now
from app.doctor import Finding, Health, examine
from app.errors import BadRequest
from app.settings import Settings
from app.validation import LabelledFile, read_labelled, validate, write_report
from models.bundle import STORE
from models.classifier import Classifier
from models.decision import PredictionLabel
from models.labels import Label
from tests.app.conftest import RunningApp, png_of
from tests.bundles import NAME, make_bundle
from tests.shipped import SHIPPED_FOLDER


def health(settings: Settings) -> dict[str, Finding]:
    return {found.part: found for found in examine(settings, (settings.model_dir, STORE), utc_now())}


def test_a_running_installation_is_found_in_good_health(own_app: RunningApp) -> None:
    found = health(own_app.settings)
    assert set(found) == {"database", "disk", "model", "engine", "sweep", "audit", "alerts"}
    parts = {part: each.health for part, each in found.items() if part not in ("disk", "alerts")}
    assert set(parts.values()) == {Health.GOOD}, found


def test_the_doctor_names_what_is_broken_and_what_to_do(own_app: RunningApp) -> None:
    weights = next(own_app.settings.model_dir.rglob("weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    found = health(own_app.settings)
    assert found["model"].health is Health.BROKEN
    assert "models verify" in found["model"].remedy
    assert found["engine"].health is Health.BROKEN
    assert found["database"].health is Health.GOOD


def test_an_empty_database_is_broken_and_nothing_raises(tmp_path: Path) -> None:
    found = health(Settings(data_dir=tmp_path))
    assert (found["database"].health, found["model"].health) == (Health.BROKEN, Health.BROKEN)
    assert "db upgrade" in found["database"].remedy


def test_metrics_count_and_name_nobody(own_app: RunningApp) -> None:
    headers = own_app.key(Scope.CASES_WRITE)
    form = {"accession": "SECRET-1", "client_ref": "slide nine"}
    own_app.client.post("/api/v1/predictions", files={"image": png_of(1)}, data=form, headers=headers)
    answer = own_app.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'leukolens_cells{state="scored"} 1.0' in answer.text
    assert f'leukolens_predictions{{label="not_assessable",model="{NAME}/0.1.0"}} 0.0' in answer.text
    assert "leukolens_engine_ready 1.0" in answer.text
    assert not any(word in answer.text for word in ("SECRET", "slide", "site_id", "case"))


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Twelve drawn cells of each class in folders, and a file that is no picture."""
    for label, folder in enumerate(("all", "hem")):
        (tmp_path / "cells" / folder).mkdir(parents=True)
        for i in range(12):
            (tmp_path / "cells" / folder / f"{i}.png").write_bytes(png_of(20 * label + i))
    (tmp_path / "cells/hem/broken.png").write_bytes(b"no picture")
    return tmp_path / "cells"


def test_both_layouts_are_read(labelled: Path) -> None:
    by_folder = read_labelled(labelled)
    assert [file.label for file in by_folder].count(Label.MALIGNANT) == 12
    lines = [
        "file,label,subject",
        *(f"all/{i}.png,malignant,P{i % 3}" for i in range(12)),
        "hem/0.png,hem,P9",
    ]
    (labelled / "index.csv").write_text("\n".join(lines))
    by_index = read_labelled(labelled)
    assert by_index[-1] == LabelledFile(labelled / "hem/0.png", Label.HEALTHY, "P9")


def test_a_folder_without_both_classes_is_refused(labelled: Path) -> None:
    shutil.rmtree(labelled / "hem")
    with pytest.raises(BadRequest, match="healthy"):
        read_labelled(labelled)


def test_validation_counts_judges_and_writes_both_reports(labelled: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "models")
    classifier = Classifier.open(tmp_path / "models" / NAME / "0.1.0", "ncnn")
    files = [replace(file, subject=f"{file.label} {i % 4}") for i, file in enumerate(read_labelled(labelled))]
    report = validate(classifier, files)
    assert (report.files, report.refused, report.malignant, report.healthy) == (25, 1, 12, 12)
    assert sum(report.labels.values()) == 24
    assert report.subjects == 8
    assert set(report.metrics) >= {"auroc", "sensitivity", "specificity", "ece"}
    assert report.verdict.startswith("These pictures look like the training pictures:")
    as_json, as_html = write_report(report, tmp_path / "out")
    assert json.loads(as_json.read_text())["model"] == f"{NAME}/0.1.0"
    assert report.verdict in as_html.read_text()


def test_drawn_cells_are_told_from_c_nmc_cells(labelled: Path) -> None:
    files = read_labelled(labelled)[::4]
    report = validate(Classifier.open(SHIPPED_FOLDER, "ncnn"), files)
    assert report.labels[PredictionLabel.MALIGNANT] + report.labels[PredictionLabel.HEALTHY] == 0
    assert "do not look like the training pictures" in report.verdict
