"""The REST API, for a reader."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.page_contexts.shared import Context


@dataclass(frozen=True)
class Field:
    """One thing a request may carry; `place` says where (header, query, path or the body's form)."""

    name: str
    place: str
    required: bool
    text: str


@dataclass(frozen=True)
class Operation:
    """One route of the REST API; `answers` are status codes."""

    method: str
    path: str
    summary: str
    fields: tuple[Field, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class ReferencePage(Context):
    """`/api`: what lab systems may ask."""

    template: ClassVar[str] = "reference.html"
    operations: tuple[Operation, ...]
