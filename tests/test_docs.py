"""What READMEs and guides name exists, and what exists is named."""

import re
from pathlib import Path

import pytest
from starlette.routing import Route

from app.main import create_app
from app.settings import Settings
from app.web import ROUTERS
from tests.readme_tables import GUIDES, README, TABLES, commands, with_tables

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")
READMES = [
    README,
    *(ROOT / folder / "README.md" for folder in ("app", "migrations", "models", "tests", "training")),
]
DOCUMENTS = [*READMES, *sorted(GUIDES.glob("*.md"))]
DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
ONE_SCREEN_LINES = 60


@pytest.mark.parametrize("document", TABLES, ids=lambda path: path.name)
def test_the_tables_are_as_the_code_says(document: Path) -> None:
    assert with_tables(document) == document.read_text(encoding="utf-8"), "Run `uv run poe docs`."


def test_the_two_commands_for_a_fresh_machine_are_word_for_word() -> None:
    blocks = re.findall(r"^```\n(.*?)\n```$", TEXT, re.DOTALL | re.MULTILINE)
    assert "pip install uv && uv run --no-dev leukolens serve" in blocks
    assert "pip install uv && uv run pytest" in blocks


@DOCUMENT
def test_every_command_a_readme_names_exists(document: Path) -> None:
    known = commands()
    for words in re.findall(r"\bleukolens ((?:[a-z][a-z-]*\b ?)+)", code_of(document)):
        first, *rest = words.split()
        assert any(
            name.split()[1] == first and (len(name.split()) == 2 or rest[:1] in ([], [name.split()[2]]))
            for name in known
        ), f"leukolens {words}"


def test_every_command_says_what_it_does() -> None:
    assert [name for name, line in commands().items() if not line.endswith(".")] == []


@DOCUMENT
def test_every_variable_a_readme_names_is_a_setting_or_one_of_the_tests(document: Path) -> None:
    settings = {f"LEUKOLENS_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"LEUKOLENS_\w+", document.read_text(encoding="utf-8")))
    assert named - settings <= {"LEUKOLENS_TEST_DATA", "LEUKOLENS_README_PICTURE"}


@DOCUMENT
def test_every_route_a_readme_names_exists(document: Path) -> None:
    app = create_app(Settings())
    routes = set(app.openapi()["paths"]) | {"/livez", "/readyz", "/openapi.json"}
    named = re.findall(r"(?<![\w.])(/api/v1/[\w/{}.-]*\w|/livez|/readyz|/openapi\.json)", code_of(document))
    assert set(named) <= routes


@DOCUMENT
def test_every_file_a_readme_links_to_or_names_in_code_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    pages = {route.path for router in ROUTERS for route in router.routes if isinstance(route, Route)}
    links = [link for link in links if link not in pages | {"/openapi.json"}]
    top = "app|models|migrations|training|tests"
    files = re.findall(rf"`((?:{top})/[\w/.-]+)`", text)
    assert [link for link in links if link.startswith("/") or not (document.parent / link).exists()] == []
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("document", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_readme_fits_on_a_screen_and_the_first_one_on_two(document: Path) -> None:
    lines = document.read_text(encoding="utf-8").count("\n")
    assert lines <= ONE_SCREEN_LINES * (3 if document == README else 1)


def code_of(document: Path) -> str:
    """Code blocks and code spans of a document, a line each."""
    text = document.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```\w*\n.*?\n```|`[^`\n]+`", text, re.DOTALL))
