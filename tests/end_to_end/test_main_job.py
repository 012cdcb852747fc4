"""The main job on real cells with the shipped bundle: REST, command line, TensorFlow and pages agree."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from models.classifier import Classifier
from models.decoding import decode_cell
from tests.conftest import RealCell
from tests.end_to_end.server import Server, running_server
from tests.shipped import SHIPPED, SHIPPED_FOLDER

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("data"), SHIPPED) as running:
        yield running


def as_file(cell: RealCell, form: str) -> bytes:
    buffer = io.BytesIO()
    Image.open(cell.path).convert("RGB").save(buffer, form)
    return buffer.getvalue()


def test_five_test_part_cells_get_the_same_answer_everywhere(
    server: Server, test_part: list[RealCell], tmp_path: Path
) -> None:
    cells = test_part[80::160]
    assert len(cells) == 5
    headers = server.key("cases:read", "cases:write")
    files = []
    for index, cell in enumerate(cells):
        file = tmp_path / f"{index}.bmp"
        file.write_bytes(as_file(cell, "BMP"))
        files.append(file)
    command = [sys.executable, "-m", "app.cli", "classify", *map(str, files), "--json", "--model", SHIPPED]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    reference = Classifier.open(SHIPPED_FOLDER, "tensorflow")

    for cell, by_command in zip(cells, listed, strict=True):
        by_reference = reference.classify([decode_cell(cell.path.read_bytes()).pixels])[0].p_malignant
        found = [by_command["probabilities"], {"malignant": by_reference, "healthy": 1 - by_reference}]
        for form in ("BMP", "PNG"):
            answer = server.client.post(
                "/api/v1/predictions",
                headers=headers,
                files={"image": (f"cell.{form}", as_file(cell, form))},
                data={"accession": "five-cells"},
            )
            assert answer.status_code == 201
            found.append(answer.json()["probabilities"])
        for probabilities in found:
            assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-6)
            assert probabilities["malignant"] == pytest.approx(found[0]["malignant"], abs=1e-4)

    cases = server.client.get("/api/v1/cases", headers=headers).json()["cases"]
    assert [(case["accession"], case["scored"]) for case in cases] == [("five-cells", 10)]
