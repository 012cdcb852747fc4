"""Fills a case's details, its summary and its signatures from what the services returned; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.cases.acquisition import AcquisitionProfile
from app.cases.editing import CaseDetails
from app.cases.tables import Case, CaseState, Reuse, ReusePermission
from app.errors import BadRequest
from app.reports.acquisition_words import (
    FIELD_WORDS,
    SELECTION_WORDS,
    SPECIMEN_WORDS,
    STAIN_WORDS,
)
from app.reviews.service import is_judgeable
from app.reviews.standing import CellVerdicts
from app.reviews.view import CaseReading
from app.sign_off.pre_checks import Check, Finding
from app.sign_off.service import MEANING
from app.sign_off.tables import SignOff, SignOffKind
from app.web import page_contexts as pages
from app.web.words import CHECK_WORDS, REUSE_WORDS, SIGN_OFF_WORDS, PredictionLabel, Tone, VerdictKind

SAME_CLASS: Final[dict[PredictionLabel, VerdictKind]] = {
    PredictionLabel.MALIGNANT: VerdictKind.MALIGNANT_LYMPHOBLAST,
    PredictionLabel.HEALTHY: VerdictKind.NORMAL_PRECURSOR,
}
"""Which verdict says the same as which label."""

_NAME_FIELDS: Final = (
    ("accession", "Accession", "Letters, digits, and . _ / -. Unique at this site."),
    ("subject_ref", "Subject", "An opaque code: the same for all cases of one person."),
    ("specimen_id", "Specimen number", ""),
    ("placer_order", "Order, number of who asked", ""),
    ("filler_order", "Order, number of the lab", ""),
)

_CHOICES: Final[dict[str, Mapping[Any, str]]] = {
    "specimen": SPECIMEN_WORDS,
    "stain": STAIN_WORDS,
    "cell_selection": SELECTION_WORDS,
}

_PROFILE_HELP: Final = {
    "objective": "The magnification printed on it, 100 for instance.",
    "micrometres_per_pixel": "With it, sizes are shown in micrometres.",
    "segmentation_tool": "Name and version.",
}

_FORMS: Final[dict[SignOffKind, pages.SignForm]] = {
    SignOffKind.SIGN: pages.SignForm("sign", "Sign", MEANING[SignOffKind.SIGN], "Sign this case"),
    SignOffKind.AMEND: pages.SignForm(
        "amend", "Amend", MEANING[SignOffKind.AMEND], "Open it again", "What no longer holds"
    ),
    SignOffKind.RETRACT: pages.SignForm(
        "retract", "Retract", MEANING[SignOffKind.RETRACT], "Retract for good", "Why it must not be used"
    ),
}

_OFFERED: Final[dict[CaseState, tuple[SignOffKind, ...]]] = {
    CaseState.OPEN: (SignOffKind.SIGN,),
    CaseState.SCORED: (SignOffKind.SIGN,),
    CaseState.IN_REVIEW: (SignOffKind.SIGN,),
    CaseState.SIGNED: (SignOffKind.AMEND, SignOffKind.RETRACT),
    CaseState.AMENDED: (SignOffKind.AMEND, SignOffKind.RETRACT),
    CaseState.RETRACTED: (),
}


# --- details ---


def name_fields(details: CaseDetails) -> tuple[pages.TextField, ...]:
    return tuple(
        pages.TextField(name, words, getattr(details, name) or "", help) for name, words, help in _NAME_FIELDS
    )


def profile_fields(profile: AcquisitionProfile) -> tuple[pages.TextField | pages.ChoiceField, ...]:
    return tuple(_profile_field(name, words, getattr(profile, name)) for name, words in FIELD_WORDS.items())


def _profile_field(name: str, words: str, value: object) -> pages.TextField | pages.ChoiceField:
    if name in _CHOICES:
        offered = {"": "Not recorded"} | dict(_CHOICES[name])
        chosen = "" if value is None else str(value)
        return pages.ChoiceField(
            name, words, tuple(pages.Choice(each, said, each == chosen) for each, said in offered.items())
        )
    kind = "text" if name == "segmentation_tool" else "number"
    shown = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return pages.TextField(name, words, shown, _PROFILE_HELP[name], kind, max_length=100)


def read_details(old: CaseDetails, form: Mapping[str, str]) -> CaseDetails:
    """What a form says, over what holds.

    Raises:
        BadRequest: a field of the profile is not of its form.
    """
    names: dict[str, Any] = {name: form.get(name, "").strip() or None for name, *_ in _NAME_FIELDS}
    return replace(
        old,
        **names,
        notes=form.get("notes", "").strip(),
        second_read=form.get("second_read") == "true",
        acquisition=_read_profile(form),
    )


def _read_profile(form: Mapping[str, str]) -> AcquisitionProfile:
    said = {name: form.get(name, "").strip() for name in FIELD_WORDS}
    stored: dict[str, str | float] = {name: value for name, value in said.items() if value}
    for name, read in (("objective", int), ("micrometres_per_pixel", float)):
        if name in stored:
            stored[name] = _number(name, str(stored[name]), read)
    return AcquisitionProfile.of(stored)


def _number(name: str, text: str, read: type[int] | type[float]) -> float:
    try:
        return read(text.replace(",", "."))
    except ValueError as wrong:
        raise BadRequest(f"Expected a number, got {text[:40]!r}.", field=name) from wrong


def reuse_choices(history: Sequence[ReusePermission]) -> tuple[pages.Choice, ...]:
    """history: oldest first."""
    now = history[-1].reuse if history else Reuse.NONE
    return tuple(pages.Choice(each, REUSE_WORDS[each], each is now) for each in Reuse)


def permitted(history: Sequence[ReusePermission]) -> tuple[pages.Permitted, ...]:
    """Newest first."""
    return tuple(
        pages.Permitted(REUSE_WORDS[row.reuse], row.basis, row.author_name, row.created_at)
        for row in reversed(history)
    )


# --- signatures ---


def check_lines(found: Iterable[Finding]) -> tuple[pages.CheckLine, ...]:
    return tuple(
        pages.CheckLine(Tone.BAD if each.blocks else Tone.WARNING, check_words(each.check, each.count))
        for each in found
    )


def check_words(check: Check, count: int) -> str:
    """One finding in a sentence."""
    return CHECK_WORDS[check].format(f"{count} {'cell' if count == 1 else 'cells'}")


def signatures(rows: Sequence[SignOff]) -> tuple[pages.Signature, ...]:
    """Newest first. rows: oldest first."""
    return tuple(
        pages.Signature(
            number=row.number,
            words=SIGN_OFF_WORDS[row.kind],
            meaning=row.meaning,
            reason=row.reason,
            author=row.author_name,
            at=row.created_at,
            counted=tuple(check_words(Check(code), count) for code, count in row.findings.items()),
        )
        for row in reversed(rows)
    )


def sign_forms(case: Case, rows: Sequence[SignOff]) -> tuple[pages.SignForm, ...]:
    """What can be signed now; a case opened again can also be retracted."""
    kinds = _OFFERED[case.state]
    if rows and SignOffKind.SIGN in kinds:
        kinds = (*kinds, SignOffKind.RETRACT)
    return tuple(_FORMS[kind] for kind in kinds)


# --- figures and readers ---


def figures(seen: CaseReading) -> pages.Figures:
    """Counts over the cells that count."""
    cells = [cell for cell in seen.cells if is_judgeable(cell)]
    labels = Counter(seen.predictions[cell.id].label for cell in cells if cell.id in seen.predictions)
    verdicts = Counter(
        str(seen.verdicts[cell.id].verdict) if cell.id in seen.verdicts else "none" for cell in cells
    )
    assessable = sum(labels.values()) - labels[PredictionLabel.NOT_ASSESSABLE]
    both = [
        (seen.predictions[cell.id].label, seen.verdicts[cell.id].verdict)
        for cell in cells
        if cell.id in seen.predictions and cell.id in seen.verdicts
    ]
    classes = [
        (label, verdict) for label, verdict in both if label in SAME_CLASS and verdict in SAME_CLASS.values()
    ]
    return pages.Figures(
        labels=tuple(_label_share(label, labels[label], assessable) for label in PredictionLabel),
        verdicts=pages.VerdictCounts(**verdicts),
        cells=len(cells),
        agreeing=sum(SAME_CLASS[label] is verdict for label, verdict in classes),
        compared=len(classes),
    )


def _label_share(label: PredictionLabel, count: int, assessable: int) -> pages.LabelShare:
    counts = assessable > 0 and label is not PredictionLabel.NOT_ASSESSABLE
    return pages.LabelShare(label, count, count / assessable if counts else None)


def agreement(settled: Iterable[CellVerdicts], kappa_note: str) -> pages.Agreement | None:
    """The table of both readings; None where nobody read twice."""
    pairs = [
        (each, each.first.verdict, each.second.verdict) for each in settled if each.first and each.second
    ]
    if not pairs:
        return None
    counts = Counter((first, second) for _, first, second in pairs)
    differing = [each for each, first, second in pairs if first is not second]
    return pages.Agreement(
        rows=tuple(
            pages.AgreementRow(first, tuple(counts[first, second] for second in VerdictKind))
            for first in VerdictKind
        ),
        both=len(pairs),
        agreeing=len(pairs) - len(differing),
        settled=sum(each.adjudication is not None for each in differing),
        kappa_note=kappa_note,
    )
