"""The REST API for a reader: drawn from the same description that `/openapi.json` gives to programs."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Response

from app.guard import GuardedRoute, open_to_all
from app.web import page_contexts as pages
from app.web.visit import VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/api")
@open_to_all
def reference_page(visit: VisitDep) -> Response:
    return visit.page(reference(visit.request.app.openapi()))


def reference(schema: Mapping[str, Any]) -> pages.ReferencePage:
    """The operations of an OpenAPI description, in its order."""
    return pages.ReferencePage(
        tuple(
            pages.Operation(
                method=method.upper(),
                path=path,
                summary=operation.get("description", operation.get("summary", "")),
                fields=tuple(_fields(operation, schema)),
                answers=tuple(sorted(operation["responses"])),
            )
            for path, methods in schema["paths"].items()
            for method, operation in methods.items()
        )
    )


def _fields(operation: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[pages.Field]:
    for parameter in operation.get("parameters", ()):
        place = f"in the {parameter['in']}"
        yield pages.Field(
            parameter["name"], place, parameter.get("required", False), parameter.get("description", "")
        )
    for form, content in operation.get("requestBody", {}).get("content", {}).items():
        body = schema["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[-1]]
        for name, value in body.get("properties", {}).items():
            yield pages.Field(name, form, name in body.get("required", ()), value.get("description", ""))
