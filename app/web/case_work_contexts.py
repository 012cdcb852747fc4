"""Fills a case's details, its summary and its signatures from what the services returned; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.cases.acquisition import AcquisitionProfile
from app.cases.editing import CaseDetails
from app.cases.summary import MINIMUM_ASSESSABLE, CalledShare, KnownShares
from app.cases.tables import Case, CaseState, Reuse, ReusePermission
from app.errors import BadRequest
from app.reports.acquisition_words import (
    FIELD_WORDS,
    SELECTION_WORDS,
    SPECIMEN_WORDS,
    STAIN_WORDS,
)
from app.reviews.agreement import MINIMUM_CASES, AgreementTable, Kappa
from app.reviews.standing import CellVerdicts
from app.reviews.summary import CaseSummary
from app.sign_off.pre_checks import Check, Finding
from app.sign_off.service import MEANING
from app.sign_off.tables import SignOff, SignOffKind
from app.web import page_contexts as pages
from app.web.words import CHECK_WORDS, REUSE_WORDS, SIGN_OFF_WORDS, PredictionLabel, Tone, VerdictKind

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


def figures(summary: CaseSummary) -> pages.Figures:
    """The counts of a case and what they are seen beside."""
    assessable = sum(summary.labels.values()) - summary.labels.get(PredictionLabel.NOT_ASSESSABLE, 0)
    verdicts = {str(kind): count for kind, count in summary.verdicts.items()}
    agreeing, compared = _same_class(summary.machine)
    return pages.Figures(
        labels=tuple(
            _label_share(label, summary.labels.get(label, 0), assessable) for label in PredictionLabel
        ),
        called=_called(summary.called, summary.known),
        corrected=_corrected(summary),
        verdicts=pages.VerdictCounts(none=summary.unreviewed, **verdicts),
        cells=summary.cells,
        agreeing=agreeing,
        compared=compared,
        meaning=summary.meaning,
    )


def _label_share(label: PredictionLabel, count: int, assessable: int) -> pages.LabelShare:
    counts = assessable > 0 and label is not PredictionLabel.NOT_ASSESSABLE
    return pages.LabelShare(label, count, count / assessable if counts else None)


def _called(called: CalledShare | None, known: KnownShares | None) -> pages.Called | None:
    if called is None or called.share is None:
        return None
    healthy, malignant = (known.healthy, known.malignant) if known else ((), ())
    return pages.Called(called.called, called.assessable, called.share, healthy, malignant)


def _corrected(summary: CaseSummary) -> pages.CorrectedShare:
    found = summary.corrected
    if found is not None:
        return pages.CorrectedShare(found.value, found.low, found.high)
    assessable = summary.called.assessable if summary.called else 0
    if assessable < MINIMUM_ASSESSABLE:
        hidden = f"Shown from {MINIMUM_ASSESSABLE} assessable cells on; here are {assessable}."
    elif summary.profile.reasons:
        hidden = "Not shown: how the pictures were taken is not recorded, or unlike the training cells."
    else:
        hidden = "Not shown: the model's bundle does not say the shares of enough people."
    return pages.CorrectedShare(hidden=hidden)


def _same_class(machine: AgreementTable | None) -> tuple[int, int]:
    """How many cells got the same class, of those to which both gave one."""
    classes = (PredictionLabel.MALIGNANT, PredictionLabel.HEALTHY)
    both = {
        pair: count
        for pair, count in (machine.counts.items() if machine else ())
        if pair[0] in classes and pair[1] in classes
    }
    return sum(count for (label, word), count in both.items() if label == word), sum(both.values())


def kappa_note(found: Kappa | None) -> str:
    """The kappa of the site's two readers in a sentence."""
    if found is None:
        return f"Kappa is given across {MINIMUM_CASES} cases or more, never for one."
    return (
        f"Kappa over {found.cases} cases of this site, before adjudication: {found.value:.2f} "
        f"({found.low:.2f} to {found.high:.2f})."
    )


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
