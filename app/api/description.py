"""The API's description, `/openapi.json`."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi


def describe(app: FastAPI) -> dict[str, Any]:
    """Made once; refusals are described as what they are, `application/problem+json`."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schema["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "leukolens_session"},
        }
        schema["security"] = [{"key": []}, {"session": []}]
        for operations in schema["paths"].values():
            for operation in operations.values():
                _name_problems(operation["responses"])
        app.openapi_schema = schema
    return app.openapi_schema


def _name_problems(responses: dict[str, Any]) -> None:
    for response in responses.values():
        content = response.get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if schema.get("$ref", "").endswith("/ProblemDocument"):
            content["application/problem+json"] = content.pop("application/json")
