"""A case as it leaves the house: PDF, CSV, FHIR, DICOM. Each form says the digest of its bytes and of its record."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from app.accounts.permissions import Identity, Permission
from app.api.routes import PROBLEMS
from app.dependencies import CurrentIdentity, ServicesDep
from app.errors import Overloaded
from app.guard import GuardedRoute, may
from app.interop import fhir
from app.interop.fhir import fhir_bundle
from app.reports.case_record import CaseRecord
from app.reports.csv_table import csv_table
from app.reports.service import ReportService
from app.services import Services

AT_ONCE: Final = 2
"""A file of five hundred cells keeps a processor busy for up to a quarter of a minute."""

WAIT_S: Final = 2.0
RECORD_DIGEST: Final = "Leukolens-Record-SHA256"
ZIP: Final = "application/zip"

_desks = BoundedSemaphore(AT_ONCE)

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, responses=PROBLEMS)  # type: ignore[arg-type]


@router.get("/cases/{case_id}/report.pdf", tags=["reports"], response_class=Response)
@may(Permission.SEE_CASES)
def report_pdf(case_id: UUID, services: ServicesDep, who: CurrentIdentity) -> Response:
    """The report for people; preliminary until the case is signed."""
    record = _record(services, who, case_id, "pdf")
    with _desk():
        return _file(_pdf(record, services), "application/pdf", record, "pdf")


@router.get("/cases/{case_id}/report.csv", tags=["reports"], response_class=Response)
@may(Permission.SEE_CASES)
def report_csv(case_id: UUID, services: ServicesDep, who: CurrentIdentity) -> Response:
    """One row a cell, for spreadsheets and statistics."""
    record = _record(services, who, case_id, "csv")
    return _file(csv_table(record), "text/csv; charset=utf-8", record, "csv")


@router.get("/cases/{case_id}/fhir", tags=["reports"], response_class=Response)
@may(Permission.SEE_CASES)
def report_fhir(case_id: UUID, services: ServicesDep, who: CurrentIdentity) -> Response:
    """A FHIR R4 Bundle with the PDF in it."""
    record = _record(services, who, case_id, "fhir")
    with _desk():
        bundle = fhir_bundle(record, _pdf(record, services))
    return _file(json.dumps(bundle, ensure_ascii=False).encode(), fhir.MEDIA_TYPE, record, "fhir.json")


@router.get("/cases/{case_id}/dicom", tags=["reports"], response_class=Response)
@may(Permission.SEE_CASES)
def report_dicom(case_id: UUID, services: ServicesDep, who: CurrentIdentity) -> Response:
    """A zip with a Comprehensive SR and a Secondary Capture of each cell."""
    from app.interop.dicom import dicom_zip  # highdicom costs a second: only who asks for DICOM pays

    record = _record(services, who, case_id, "dicom")
    with _desk():
        return _file(dicom_zip(record, services.images.read), ZIP, record, "dicom.zip")


def _pdf(record: CaseRecord, services: Services) -> bytes:
    from app.reports.pdf import pdf_report  # ReportLab is slow to come: who asks for a report pays

    return pdf_report(record, services.images.read)


def _record(services: Services, who: Identity, case_id: UUID, form: str) -> CaseRecord:
    """Logged and committed before the file is made: what has left is never without its line."""
    with services.database.unit_of_work() as session:
        return ReportService(session, services.now()).export(who, case_id, form)


@contextmanager
def _desk() -> Iterator[None]:
    """A place to make a file with pictures at, so that exports never take every thread from the pages."""
    if not _desks.acquire(timeout=WAIT_S):
        raise Overloaded(
            "Other reports are being made. Ask again after the time in Retry-After.", retry_after_s=5
        )
    try:
        yield
    finally:
        _desks.release()


def _file(content: bytes, media_type: str, record: CaseRecord, ending: str) -> Response:
    """A download. Its name holds the case's id: an accession may not be left in a download folder."""
    name = f"leukolens-{record.case_id}-v{record.version}.{ending}"
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        RECORD_DIGEST: record.digest,
    }
    return Response(content, media_type=media_type, headers=headers)
