"""What the service is made of: a bill of materials that misses nothing, and licences that somebody has read."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("postgres", "oidc")
"""Installed in the image of the web service, beside what it always needs."""

LICENCES: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("licences.toml").read_text(encoding="utf-8")
)["licences"]


def runtime() -> dict[str, Distribution]:
    """Every package that runs in the web service, by name: ours, what it needs, what that needs."""
    found: dict[str, Distribution] = {}
    waiting, met = [("leukolens", extra) for extra in ("", *EXTRAS)], set[tuple[str, str]]()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in met:
            continue
        met.add((name, extra))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform
        for line in found[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(needed.name), part) for part in ("", *needed.extras)]
    return found


def licence_of(package: Distribution) -> str:
    told = package.metadata
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in told.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    return told.get("License-Expression") or "; ".join(classifiers) or told.get("License") or "not told"


RUNTIME = runtime()


@pytest.mark.parametrize("name", sorted(RUNTIME))
def test_a_package_that_runs_has_a_licence_on_the_list(name: str) -> None:
    licence = licence_of(RUNTIME[name])
    known = {each for kind in LICENCES.values() for each in kind}
    assert licence in known, f"{name} is under {licence!r}: read it, then add it to licences.toml"


def test_the_list_names_no_licence_that_nothing_has() -> None:
    used = {licence_of(package) for package in RUNTIME.values()}
    assert {each for kind in LICENCES.values() for each in kind} == used


@pytest.mark.slow
def test_the_bill_of_materials_lists_every_package_that_runs(tmp_path: Path) -> None:
    """`poe sbom`, on the environment of these tests, which holds more."""
    file = tmp_path / "sbom.json"
    command = [
        Path(sys.executable).with_name("cyclonedx-py"),
        "environment",
        "--output-reproducible",
        "-o",
        file,
    ]
    subprocess.run([*command, sys.executable], check=True)
    bill = json.loads(file.read_text(encoding="utf-8"))
    listed = {canonicalize_name(part["name"]): part["version"] for part in bill["components"]}
    expected = {name: package.version for name, package in RUNTIME.items()}
    assert bill["bomFormat"] == "CycloneDX"
    assert expected.items() <= listed.items()
