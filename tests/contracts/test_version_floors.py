"""Installed packages are at least as new as the checked-in table of floors asks."""

import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

FLOORS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("version_floors.toml").read_text(encoding="utf-8")
)
DECLARED = [Requirement(line) for line in requires("leukolens") or ()]


@pytest.mark.parametrize("package", FLOORS)
def test_the_installed_version_is_at_or_above_its_floor(package: str) -> None:
    assert Version(version(package)) >= Version(FLOORS[package]["floor"])


@pytest.mark.parametrize("package", FLOORS)
def test_a_floor_says_which_fault_sets_it(package: str) -> None:
    assert FLOORS[package]["why"]


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_a_declared_dependency_has_a_lower_bound_not_below_its_floor(requirement: Requirement) -> None:
    bounds = [Version(part.version) for part in requirement.specifier if part.operator == ">="]
    own_extra = requirement.name == "leukolens"
    assert own_extra or bounds
    floor = FLOORS.get(requirement.name.lower())
    assert floor is None or max(bounds) >= Version(floor["floor"])
