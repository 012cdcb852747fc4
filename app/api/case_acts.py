"""Acts on a case over REST: editing, verdicts on many cells, voiding, signing, summing up."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from app.accounts.permissions import Permission
from app.api.case_schemas import (
    BulkReview,
    CaseChange,
    CaseHistory,
    NewReuse,
    PreChecks,
    ReasonedSignRequest,
    ReuseAnswer,
    SignOffAnswer,
    SignRequest,
    SiteAgreement,
    SummaryAnswer,
    VoidRequest,
    Withdrawal,
)
from app.api.routes import PROBLEMS, IdempotencyKey
from app.api.schemas import Acquisition, CaseAnswer, CellAnswer, ReviewAnswer
from app.cases.editing import CaseDetails, CaseEditor
from app.cases.service import CaseService
from app.dependencies import CaseReader, CurrentIdentity, Reading, ServicesDep
from app.errors import BadRequest
from app.guard import GuardedRoute, address_of, may
from app.outbox.release import ReleaseService
from app.registry.service import RegistryService
from app.reviews.agreement import kappa
from app.reviews.service import ReviewService
from app.reviews.summary import summarise, usual_model
from app.reviews.view import CaseViewer
from app.sign_off.service import SignOffService

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, responses=PROBLEMS)  # type: ignore[arg-type]

IfMatch = Annotated[str, Header(alias="If-Match", description='the version of the case that was seen, `"7"`')]
MaybeIfMatch = Annotated[
    str | None, Header(alias="If-Match", description="the version of the case that was seen")
]


@router.patch("/cases/{case_id}", tags=["cases"])
@may(Permission.UPLOAD)
def change_case(
    case_id: UUID,
    change: CaseChange,
    if_match: IfMatch,
    services: ServicesDep,
    who: CurrentIdentity,
    response: Response,
) -> CaseAnswer:
    """Change names, notes, acquisition profile or second reading of an open case."""
    with services.database.unit_of_work() as session:
        cases = CaseService(session, services.now())
        details = replace(CaseDetails.of(cases.case(who, case_id)), **change.changes())
        editor = CaseEditor(session, services.now(), services.training_of)
        case = editor.change(who, case_id, details, _version(if_match))
        response.headers["ETag"] = f'"{case.version}"'
        return CaseAnswer.of(case, cases.counts(case), blind=bool(cases.blind_to(who, [case])))


@router.post("/cases/{case_id}/reuse", status_code=201, tags=["cases"])
@may(Permission.UPLOAD)
def set_reuse(
    case_id: UUID,
    new: NewReuse,
    services: ServicesDep,
    who: CurrentIdentity,
    if_match: MaybeIfMatch = None,
    _key: IdempotencyKey = None,
) -> ReuseAnswer:
    """Say what the cells of a case may be used for; a person's word, also on a signed case."""
    with services.database.unit_of_work() as session:
        editor = CaseEditor(session, services.now(), services.training_of)
        return ReuseAnswer.of(editor.set_reuse(who, case_id, new.reuse, new.basis, _maybe_version(if_match)))


@router.post("/cases/{case_id}/first-reading", status_code=204, tags=["reviews"])
@may(Permission.GIVE_VERDICT)
def take_first_reading(
    case_id: UUID, services: ServicesDep, who: CurrentIdentity, _key: IdempotencyKey = None
) -> Response:
    """Read a case first, with the machine's answers in sight, while its second reading is open."""
    with services.database.unit_of_work() as session:
        ReviewService(session, services.now()).take_first_reading(who, case_id)
    return Response(status_code=204)


@router.post("/cases/{case_id}/reviews", status_code=201, tags=["reviews"])
@may(Permission.GIVE_VERDICT)
def add_reviews(
    case_id: UUID, new: BulkReview, services: ServicesDep, who: CurrentIdentity, _key: IdempotencyKey = None
) -> list[ReviewAnswer]:
    """The same verdict on many cells, marked as bulk; on all of them or on none."""
    seen = {each.cell_id: each.seen for each in new.cells}
    with services.database.unit_of_work() as session:
        given = ReviewService(session, services.now()).give_many(who, case_id, new.verdict, seen)
        return [ReviewAnswer.of(review) for review in given]


@router.post("/cells/{cell_id}/reviews/withdraw", status_code=201, tags=["reviews"])
@may(Permission.GIVE_VERDICT)
def withdraw_review(
    cell_id: UUID, taken: Withdrawal, services: ServicesDep, who: CurrentIdentity, _key: IdempotencyKey = None
) -> ReviewAnswer:
    """Take back the asker's own newest verdict; the one before it holds again."""
    with services.database.unit_of_work() as session:
        return ReviewAnswer.of(ReviewService(session, services.now()).withdraw(who, cell_id, taken.seen))


@router.post("/cells/{cell_id}/void", tags=["cells"])
@may(Permission.VOID)
def void_cell(
    cell_id: UUID,
    void: VoidRequest,
    services: ServicesDep,
    who: CurrentIdentity,
    if_match: MaybeIfMatch = None,
    _key: IdempotencyKey = None,
) -> CellAnswer:
    """Take a misfiled cell out of every count; its history stays."""
    with services.database.unit_of_work() as session:
        reviews = ReviewService(session, services.now())
        reviews.void_cell(who, cell_id, void.reason, _maybe_version(if_match))
        return CellAnswer.of_reading(CaseViewer(session, services.now()).look_at_cell(who, cell_id))


@router.get("/cases/{case_id}/summary", tags=["cases"])
@may(Permission.SEE_CASES)
def case_summary(case_id: UUID, services: ServicesDep, who: CurrentIdentity) -> SummaryAnswer:
    """A case as a whole, as far as the asker may see it."""
    with services.database.unit_of_work() as session:
        view = CaseViewer(session, services.now()).case(who, case_id)
        registry = RegistryService(session, services.stores, services.now())
        model = usual_model(view)
        subjects, training = (
            (registry.subjects(model), registry.training_acquisition(model)) if model else ((), None)
        )
    return SummaryAnswer.of(summarise(view, subjects, training))


@router.get("/cases/{case_id}/history", tags=["sign-off"])
@may(Permission.SEE_CASES)
def case_history(
    case_id: UUID, cases: CaseReader, session: Reading, services: ServicesDep, who: CurrentIdentity
) -> CaseHistory:
    """Signatures and words about reuse."""
    case = cases.case(who, case_id)
    return CaseHistory(
        sign_offs=[SignOffAnswer.of(row) for row in SignOffService(session, services.now()).history(case)],
        reuse=[ReuseAnswer.of(row) for row in cases.reuse_history(case)],
    )


@router.get("/cases/{case_id}/pre-checks", tags=["sign-off"])
@may(Permission.SEE_CASES)
def pre_checks(
    case_id: UUID, cases: CaseReader, session: Reading, services: ServicesDep, who: CurrentIdentity
) -> PreChecks:
    """What stands out before signing."""
    case = cases.case(who, case_id)
    return PreChecks.of(case.version, SignOffService(session, services.now()).pre_checks_for(who, case))


@router.post("/cases/{case_id}/sign-off", status_code=201, tags=["sign-off"])
@may(Permission.SIGN)
def sign_case(
    case_id: UUID,
    signing: SignRequest,
    if_match: IfMatch,
    request: Request,
    services: ServicesDep,
    who: CurrentIdentity,
    _key: IdempotencyKey = None,
) -> SignOffAnswer:
    """Close a case under the signer's name; the password is asked for again."""
    services.sign_in.confirm(who, signing.password, address_of(request))
    with services.database.unit_of_work() as session:
        signed = ReleaseService(session, services.now()).sign(who, case_id, _version(if_match))
    services.sender.wake()
    return SignOffAnswer.of(signed)


@router.post("/cases/{case_id}/amend", status_code=201, tags=["sign-off"])
@may(Permission.SIGN)
def amend_case(
    case_id: UUID,
    signing: ReasonedSignRequest,
    if_match: IfMatch,
    request: Request,
    services: ServicesDep,
    who: CurrentIdentity,
    _key: IdempotencyKey = None,
) -> SignOffAnswer:
    """Open a signed case again, with a reason; what was signed stays in its history."""
    services.sign_in.confirm(who, signing.password, address_of(request))
    with services.database.unit_of_work() as session:
        release = ReleaseService(session, services.now())
        amended = release.amend(who, case_id, signing.reason, _version(if_match))
    services.sender.wake()
    return SignOffAnswer.of(amended)


@router.post("/cases/{case_id}/retract", status_code=201, tags=["sign-off"])
@may(Permission.SIGN)
def retract_case(
    case_id: UUID,
    signing: ReasonedSignRequest,
    if_match: IfMatch,
    request: Request,
    services: ServicesDep,
    who: CurrentIdentity,
    _key: IdempotencyKey = None,
) -> SignOffAnswer:
    """Take back what was signed, for good, with a reason."""
    services.sign_in.confirm(who, signing.password, address_of(request))
    with services.database.unit_of_work() as session:
        release = ReleaseService(session, services.now())
        retracted = release.retract(who, case_id, signing.reason, _version(if_match))
    services.sender.wake()
    return SignOffAnswer.of(retracted)


@router.get("/site/acquisition", tags=["site"])
@may(Permission.SEE_CASES)
def site_acquisition(cases: CaseReader, who: CurrentIdentity) -> Acquisition:
    """How the asker's site takes its pictures; a new case starts with it."""
    return Acquisition(**(cases.site_profile(who.site_id).stored() or {}))


@router.put("/site/acquisition", tags=["site"])
@may(Permission.MANAGE_ACCOUNTS)
def set_site_acquisition(new: Acquisition, services: ServicesDep, who: CurrentIdentity) -> Acquisition:
    """Enter how the site takes its pictures; cases that are there already keep theirs."""
    with services.database.unit_of_work() as session:
        CaseEditor(session, services.now(), services.training_of).set_site_profile(who, new.profile())
    return new


@router.get("/site/agreement", tags=["site"])
@may(Permission.SEE_CASES)
def site_agreement(session: Reading, services: ServicesDep, who: CurrentIdentity) -> SiteAgreement:
    """First beside second readings over the site's cases; kappa from ten cases on."""
    tables = ReviewService(session, services.now()).reader_tables(who.site_id)
    return SiteAgreement.of(tables, kappa(tables))


def _version(if_match: str) -> int:
    """`"7"`, `W/"7"` or `7` -> 7."""
    number = if_match.strip().removeprefix("W/").strip('"')
    if not number.isdecimal() or len(number) > 9:
        raise BadRequest(
            f'Expected If-Match with the version of the case, such as "7", got {if_match[:40]!r}.'
        )
    return int(number)


def _maybe_version(if_match: str | None) -> int | None:
    return None if if_match is None else _version(if_match)
