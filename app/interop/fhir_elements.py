"""The small parts FHIR resources are made of: codings, references, identifiers, moments."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from app.interop.codes import AI_ASSERTED, LOCAL_SYSTEM, Code

Element = dict[str, Any]

MACHINE_MADE: Final[Element] = {
    "security": [{"system": AI_ASSERTED.system, "code": AI_ASSERTED.value, "display": AI_ASSERTED.display}]
}
"""`meta` of what a model said."""


def coding(code: Code) -> Element:
    return {"system": code.system, "code": code.value, "display": code.display}


def concept(*those: Code) -> Element:
    """One meaning, the first code being ours."""
    return {"coding": [coding(code) for code in those], "text": those[0].display}


def identifier(value: str, kind: Code | None = None, system: str = LOCAL_SYSTEM) -> Element:
    return {"system": system, "value": value} | ({"type": concept(kind)} if kind else {})


def known_as(resource_type: str, name: Element) -> Element:
    """A reference to what only the receiver has, by its identifier."""
    return {"type": resource_type, "identifier": name}


def reference(resource_type: str, resource_id: UUID) -> Element:
    """A reference to another entry of the bundle."""
    return {"reference": f"urn:uuid:{resource_id}", "type": resource_type}


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def quantity(value: float) -> Element:
    """A plain number in UCUM's unit one."""
    return {"value": value, "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}


def without_nothing(element: Element) -> Element:
    """FHIR knows no null and no empty list or object: what is not there is not named."""
    return {name: value for name, value in element.items() if value not in (None, "", [], {})}
