"""The examples in the guides run as they stand, in their order, against a started server."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.interop.signatures import sign
from app.settings import Settings
from tests.app.conftest import png_of
from tests.end_to_end.server import Server, running_server
from tests.readme_tables import GUIDES

CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
SHELLS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


def blocks_of(name: str) -> list[tuple[str, str]]:
    """Language and text of each example."""
    text = (GUIDES / name).read_text(encoding="utf-8")
    return re.findall(r"^```(bash|python)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("data"), Settings.model_fields["model"].default) as running:
        yield running


def run(server: Server, name: str, folder: Path, **variables: str) -> str:
    """Every example of a guide; what they print."""
    programs = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "LEUKOLENS_DATA_DIR": str(server.data_dir),
        **variables,
    }
    printed = []
    for language, text in blocks_of(name):
        done = subprocess.run(
            [*SHELLS[language], text],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        printed.append(done.stdout)
    return "\n".join(printed)


@CURL
@pytest.mark.slow
def test_the_examples_for_integrators_run(server: Server, tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    cells.mkdir()
    for seed in range(3):
        (cells / f"{seed}.png").write_bytes(png_of(seed))
    (cells / "words.txt").write_text("no picture")
    token = server.key("cases:read", "cases:write")["Authorization"].removeprefix("Bearer ")
    variables = {"LEUKOLENS": server.address, "KEY": token, "CELL": str(cells / "0.png"), "CELLS": str(cells)}
    printed = run(server, "integrator.md", tmp_path, **variables)
    assert '"label":' in printed
    assert "words.txt refused: Expected a BMP" in printed
    assert all(f"\n{position} " in printed for position in (1, 2, 3))
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    for form in ("report.pdf", "report.csv", "fhir", "dicom"):
        assert f"{form} arrived whole" in printed


@pytest.mark.slow
def test_the_examples_for_admins_run(server: Server, tmp_path: Path) -> None:
    printed = run(server, "admin.md", tmp_path)
    for words in ("doctor@lab.example", "North Laboratory", "vgg16-cnmc", "repository", "trail is whole"):
        assert words in printed


def test_the_check_of_a_webhook_takes_a_genuine_message_and_no_other() -> None:
    (text,) = (text for _, text in blocks_of("integrator.md") if "def is_genuine" in text)
    example: dict[str, object] = {}
    exec(text, example)
    is_genuine = example["is_genuine"]
    body, now = b'{"id": 1}', int(time.time())
    assert is_genuine("secret", sign("secret", body, now), body)
    assert not is_genuine("secret", sign("other", body, now), body)
    assert not is_genuine("secret", sign("secret", body, now), body + b" ")
    assert not is_genuine("secret", sign("secret", body, now - 900), body)
