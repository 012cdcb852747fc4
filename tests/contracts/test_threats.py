"""Each threat names the test that holds what stands in its way, and that test exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "app" / "THREATS.md"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


def test_the_threats_are_numbered_and_fit_on_a_page() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 25
    assert PAGE.read_text(encoding="utf-8").count("\n") <= 60


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_test_that_holds_a_threat_off_exists(row: list[str]) -> None:
    file, _, name = row[3].strip("`").partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
