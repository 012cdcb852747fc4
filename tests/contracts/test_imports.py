"""The import graph is as architecture and `[tool.importlinter]` in pyproject.toml say."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_import_contract_is_kept() -> None:
    output = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert "0 broken" in output


def loaded_by(module: str) -> set[str]:
    return set(run(sys.executable, "-c", f"import sys, {module}; print(*sys.modules)").split())


@pytest.mark.parametrize("module", ["app.main", "app.inference.worker"])
def test_a_serving_process_starts_without_training_packages(module: str) -> None:
    assert loaded_by(module).isdisjoint({"tensorflow", "keras", "sklearn", "matplotlib", "training", "ray"})


def test_the_command_line_starts_without_a_web_server() -> None:
    assert loaded_by("app.cli").isdisjoint({"fastapi", "starlette", "uvicorn", "tensorflow", "ray"})
