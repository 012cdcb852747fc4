"""Draws a page: the one Jinja environment, and `render`.

Autoescape is always on and an unknown variable is an error; no template uses `|safe`.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.reports.sentences import probability
from app.web.page_contexts import CaseRef, Chrome, Context
from app.web.words import (
    CASE_STATE_WORDS,
    GATE_WORDS,
    LABEL_SENTENCES,
    LABEL_WORDS,
    MESSAGE_STATE_WORDS,
    MODEL_STATE_WORDS,
    ROLE_WORDS,
    VERDICT_WORDS,
    VERIFICATION_WORDS,
    CaseState,
    GateVerdict,
    MessageState,
    ModelState,
    PredictionLabel,
    Role,
    VerdictKind,
    Verification,
)

HERE: Final = Path(__file__).parent
STATIC_DIR: Final = HERE / "static"
TEMPLATES_DIR: Final = HERE / "templates"
VOCABULARIES: Final[dict[type[StrEnum], Mapping[Any, str]]] = {
    PredictionLabel: LABEL_WORDS,
    VerdictKind: {kind: said.full for kind, said in VERDICT_WORDS.items()},
    CaseState: CASE_STATE_WORDS,
    Role: ROLE_WORDS,
    ModelState: MODEL_STATE_WORDS,
    GateVerdict: GATE_WORDS,
    MessageState: MESSAGE_STATE_WORDS,
    Verification: VERIFICATION_WORDS,
}


def render(chrome: Chrome, context: Context) -> str:
    """The HTML of `context`, a whole page or a partial as its class says."""
    fields = {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}
    return environment().get_template(context.template).render(chrome=chrome, **fields)


@cache
def environment() -> Environment:
    """The Jinja environment of all pages."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        asset=asset,
        case_name=case_name,
        figure=figure,
        megabytes=megabytes,
        moment=moment,
        probability=probability,
        sentence=LABEL_SENTENCES.__getitem__,
        short_digest=short_digest,
        verdict_words=VERDICT_WORDS.__getitem__,
        words=words,
    )
    made.globals.update(prediction_labels=tuple(PredictionLabel), verdict_kinds=tuple(VerdictKind))
    return made


@cache
def asset(name: str) -> str:
    """`app.css` -> `/static/app.css?v=<digest>`: it changes with the bytes, so browsers may keep it."""
    digest = hashlib.sha256((STATIC_DIR / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


def case_name(case: CaseRef) -> str:
    """The accession, or the start of the id where there is none."""
    return case.accession or f"Case {case.id[:8]}"


def figure(value: float) -> str:
    """A metric with three decimals."""
    return f"{value:.3f}"


def megabytes(size_bytes: int) -> str:
    """2097152 -> `2 MB`."""
    return f"{size_bytes / 2**20:.3g} MB"


def moment(at: datetime) -> Markup:
    """A `<time>` element, to the minute, in UTC; a naive time is read as UTC."""
    utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), f"{utc.day} {utc:%b %Y, %H:%M} UTC"
    )


def short_digest(sha256: str) -> str:
    """The first twelve characters, enough to compare by eye."""
    return sha256[:12]


def words(value: StrEnum) -> str:
    """What a reader sees for a value of one of the closed vocabularies."""
    if type(value) not in VOCABULARIES:
        raise TypeError(f"{value!r} has no words; expected a value of a vocabulary in app.web.words")
    return VOCABULARIES[type(value)][value]
