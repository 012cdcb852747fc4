"""Two judges of FHIR R4 that need no network: HL7's own JSON schema of 4.0, and the models of fhir.resources.

fhir.resources has no R4; its R4B is the same for the resources used here. The schema checks form; it knows no
invariants, some of which the models do.
"""

import json
import lzma
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema_rs
from pydantic import ValidationError

SCHEMA = Path(__file__).parent / "fhir.schema.json.xz"


@cache
def _definitions() -> dict[str, Any]:
    definitions: dict[str, Any] = json.loads(lzma.decompress(SCHEMA.read_bytes()))["definitions"]
    return definitions


@cache
def _judge(resource_type: str) -> jsonschema_rs.Draft6Validator:
    """Of one type alone: the schema's own root tries all 148 and cannot say what is wrong with one."""
    return jsonschema_rs.Draft6Validator(
        {"$ref": f"#/definitions/{resource_type}", "definitions": _definitions()}
    )


def problems(resource: dict[str, Any]) -> list[str]:
    """What both judges find wrong with a resource, in a bundle with each of its entries."""
    kind = resource["resourceType"]
    within = [entry["resource"] for entry in resource.get("entry", ())] if kind == "Bundle" else []
    alone = resource | {"entry": [_shell(entry) for entry in resource["entry"]]} if within else resource
    found = [f"{kind}{error.instance_path}: {error.message}" for error in _judge(kind).iter_errors(alone)]
    if not within:
        found += _by_model(resource)
    return found + [problem for each in within for problem in problems(each)]


def _shell(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "resource"}


def _by_model(resource: dict[str, Any]) -> list[str]:
    kind = resource["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        model.model_validate(resource)
    except ValidationError as refused:
        return [f"{kind}: {error['loc']} {error['msg']}" for error in refused.errors()]
    return []


def references(value: Any) -> set[str]:
    """Every `reference` to another entry of a bundle."""
    if isinstance(value, list):
        return set().union(*(references(each) for each in value))
    if not isinstance(value, dict):
        return set()
    mine = {value["reference"]} if isinstance(value.get("reference"), str) else set()
    return mine.union(*(references(each) for each in value.values()))
