"""A case's details, its summary and its signatures."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.cases.acquisition import AcquisitionProfile
from app.cases.editing import CaseDetails, CaseEditor
from app.cases.tables import Case, Reuse
from app.errors import BadRequest, Conflict, NotAuthenticated, RateLimited
from app.guard import GuardedRoute, address_of, may
from app.outbox.release import ReleaseService
from app.reports.acquisition_words import profile_facts
from app.reviews.agreement import kappa
from app.reviews.summary import CaseSummary, summarise, usual_model
from app.reviews.view import CaseReading, CaseViewer
from app.sign_off.service import SignOffService
from app.sign_off.tables import SignOffKind
from app.web import case_work_contexts as contexts
from app.web import page_contexts as pages
from app.web.case_contexts import case_ref, profile_warnings
from app.web.visit import Visit, VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

SeenVersion = Annotated[int, Form(ge=0)]
Text = Annotated[str, Form(max_length=2000)]


@router.get("/cases/{case_id}/details")
@may(Permission.SEE_CASES)
def details_page(visit: VisitDep, case_id: UUID, saved: bool = False) -> Response:
    case = visit.cases.case(visit.who, case_id)
    return visit.page(_details(visit, case, CaseDetails.of(case), saved=saved))


def get_form(
    accession: Text = "",
    subject_ref: Text = "",
    specimen_id: Text = "",
    placer_order: Text = "",
    filler_order: Text = "",
    notes: Text = "",
    second_read: Text = "",
    specimen: Text = "",
    stain: Text = "",
    objective: Text = "",
    micrometres_per_pixel: Text = "",
    segmentation_tool: Text = "",
    cell_selection: Text = "",
) -> Mapping[str, str]:
    """The fields of the form as they came; a browser leaves out a box that is not ticked."""
    return dict(locals())


@router.post("/cases/{case_id}/details")
@may(Permission.UPLOAD)
def change_details(
    visit: VisitDep,
    case_id: UUID,
    seen_version: SeenVersion,
    form: Annotated[Mapping[str, str], Depends(get_form)],
) -> Response:
    case = visit.cases.case(visit.who, case_id)
    details = CaseDetails.of(case)
    try:
        details = contexts.read_details(details, form)
        with visit.services.database.unit_of_work() as session:
            CaseEditor(session, visit.services.now(), visit.services.training_of).change(
                visit.who, case_id, details, seen_version
            )
    except (BadRequest, Conflict) as refused:
        return visit.page(_details(visit, case, details, refused), status=refused.status)
    return RedirectResponse(f"/cases/{case_id}/details?saved=true", 303)


@router.post("/cases/{case_id}/reuse")
@may(Permission.UPLOAD)
def set_reuse(
    visit: VisitDep, case_id: UUID, reuse: Annotated[Reuse, Form()], basis: Text, seen_version: SeenVersion
) -> Response:
    try:
        with visit.services.database.unit_of_work() as session:
            CaseEditor(session, visit.services.now(), visit.services.training_of).set_reuse(
                visit.who, case_id, reuse, basis, seen_version
            )
    except (BadRequest, Conflict) as refused:
        case = visit.cases.case(visit.who, case_id)
        return visit.page(_details(visit, case, CaseDetails.of(case), refused), status=refused.status)
    return RedirectResponse(f"/cases/{case_id}/details?saved=true", 303)


@router.get("/cases/{case_id}/sign-off")
@may(Permission.SEE_CASES)
def sign_off_page(visit: VisitDep, case_id: UUID) -> Response:
    return visit.page(_sign_off(visit, case_id))


@router.post("/cases/{case_id}/sign-off")
@may(Permission.SIGN)
def sign_off(
    visit: VisitDep,
    case_id: UUID,
    kind: Annotated[SignOffKind, Form()],
    password: Annotated[str, Form(max_length=1000)],
    seen_version: SeenVersion,
    reason: Text = "",
) -> Response:
    try:
        visit.services.sign_in.confirm(visit.who, password, address_of(visit.request))
        with visit.services.database.unit_of_work() as session:
            service = ReleaseService(session, visit.services.now())
            match kind:
                case SignOffKind.SIGN:
                    service.sign(visit.who, case_id, seen_version)
                case SignOffKind.AMEND:
                    service.amend(visit.who, case_id, reason, seen_version)
                case SignOffKind.RETRACT:
                    service.retract(visit.who, case_id, reason, seen_version)
    except (NotAuthenticated, RateLimited, BadRequest, Conflict) as refused:
        return visit.page(_sign_off(visit, case_id, refused.detail), status=refused.status)
    visit.services.sender.wake()
    return RedirectResponse(f"/cases/{case_id}/sign-off", 303)


def _details(
    visit: Visit,
    case: Case,
    details: CaseDetails,
    refused: BadRequest | Conflict | None = None,
    *,
    saved: bool = False,
) -> pages.DetailsPage:
    field = refused.field if isinstance(refused, BadRequest) else None
    may_change = visit.may(Permission.UPLOAD)
    history = visit.cases.reuse_history(case)
    blocked = None
    blind = bool(visit.cases.blind_to(visit.who, [case]))
    if case.state.is_closed:
        blocked = f"This case is {case.state}. Amend it first to change its details."
    elif blind:
        blocked = "You read this case blind. Its notes are shown when both readings are done."
    elif not may_change:
        blocked = "Your role lets you look. Changing a case needs the role Reviewer or Admin."
    return pages.DetailsPage(
        case=case_ref(case),
        version=case.version,
        names=contexts.name_fields(details),
        profile=contexts.profile_fields(details.acquisition),
        notes="" if blind else details.notes,
        second_read=details.second_read,
        reuse=contexts.reuse_choices(history) if may_change else (),
        reuse_history=contexts.permitted(history),
        warnings=profile_warnings(case, visit.training_acquisition),
        errors=(pages.FieldError(field, refused.detail),) if refused and field else (),
        conflict=refused.detail if refused and not field else None,
        blocked=blocked,
        saved=saved,
    )


def _sign_off(visit: Visit, case_id: UUID, error: str | None = None) -> pages.SignOffPage:
    """A blinded reader sees neither figures nor readings, and signs nothing."""
    with visit.services.database.unit_of_work() as session:
        seen = CaseViewer(session, visit.services.now()).case(visit.who, case_id)
    service = SignOffService(visit.session, visit.services.now())
    case, rows = seen.case, service.history(seen.case)
    amendment = service.open_amendment(case)
    return pages.SignOffPage(
        case=case_ref(case),
        version=case.version,
        signer=visit.who.name,
        figures=None if seen.blind else contexts.figures(_summary(visit, seen)),
        agreement=contexts.agreement(seen.settled.values(), _kappa_note(visit) if seen.settled else ""),
        profile=profile_facts(AcquisitionProfile.of(case.acquisition)),
        profile_warnings=() if seen.blind else profile_warnings(case, visit.training_acquisition),
        checks=() if seen.blind or case.state.is_closed else contexts.check_lines(service.pre_checks(case)),
        forms=contexts.sign_forms(case, rows) if _may_sign(visit, seen.blind) else (),
        signatures=contexts.signatures(rows),
        open_amendment=amendment.reason if amendment else None,
        blocked=_cannot_sign(visit, seen.blind),
        error=error,
    )


def _summary(visit: Visit, seen: CaseReading) -> CaseSummary:
    model = usual_model(seen)
    if model is None:
        return summarise(seen, (), None)
    return summarise(seen, visit.registry.subjects(model), visit.registry.training_acquisition(model))


def _kappa_note(visit: Visit) -> str:
    return contexts.kappa_note(kappa(visit.reviews.reader_tables(visit.who.site_id)))


def _may_sign(visit: Visit, blind: bool) -> bool:
    return _cannot_sign(visit, blind) is None


def _cannot_sign(visit: Visit, blind: bool) -> str | None:
    if not visit.may(Permission.SIGN):
        return "Your role does not sign. Signing needs the role Reviewer."
    return "You read this case blind. It can be signed when both readings are done." if blind else None
