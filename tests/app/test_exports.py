"""Exports of a signed case: five forms with the same numbers, each with its digest and its line in the trail."""

import base64
import csv
import hashlib
import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pydicom import Dataset, dcmread

from app.accounts.permissions import Scope
from app.api import exports
from app.clock import utc_now
from app.interop import codes
from app.reports.case_record import CaseRecord
from app.reports.sentences import in_words
from app.reports.service import ReportService
from app.reviews.tables import Verdict
from models.classifier import PredictionLabel
from tests.app.cases import PICTURE, Desk
from tests.app.conftest import RunningApp
from tests.app.fhir_r4 import problems
from tests.app.test_hl7 import observations, parsed, text_of, values
from tests.models.test_dicom_decoding import NAME, dicom

FORMS = ("report.pdf", "report.csv", "fhir", "dicom")


@dataclass(frozen=True)
class Told:
    """What a form says. labels, verdicts: cells by each; probabilities: of malignant, in the order of the cells."""

    labels: dict[str, int]
    verdicts: dict[str, int]
    probabilities: list[str]
    digest: str


@pytest.fixture
def desk(app: RunningApp) -> Desk:
    app.services.images.put(PICTURE.pixels_sha256, PICTURE.png)
    return Desk(app)


def signed_case(desk: Desk) -> UUID:
    """Four cells, three verdicts, one signature; drawn, so that no acquisition profile holds the labels back."""
    (reader,) = desk.persons(1)
    case_id, cells = desk.case_with_cells(reader, 0.9123456, 0.5, 0.07, 0.88, drawn=True)
    verdicts = (Verdict.MALIGNANT_LYMPHOBLAST, Verdict.UNCERTAIN, Verdict.NORMAL_PRECURSOR)
    for cell_id, verdict in zip(cells, verdicts, strict=False):
        desk.judge(reader, cell_id, verdict)
    desk.sign(reader, case_id)
    return case_id


def record_of(desk: Desk, case_id: UUID) -> CaseRecord:
    with desk.app.services.database.reading() as session:
        return ReportService(session, utc_now()).record(desk.case(case_id))


def export(app: RunningApp, case_id: UUID, form: str) -> httpx2.Response:
    answer = app.client.get(f"/api/v1/cases/{case_id}/{form}", headers=app.key(Scope.CASES_READ))
    assert answer.status_code == 200, answer.text
    return answer


def told_by_pdf(pdf: bytes) -> Told:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    text = " ".join(done.stdout.decode().split())

    def figures(row: str) -> list[int]:
        found = re.search(rf"{row}((?: \d+){{6}})", text)
        assert found, text
        return [int(figure) for figure in found[1].split()]

    return Told(
        {label.value: figures(in_words(label))[-1] for label in PredictionLabel},
        dict(zip(Verdict, figures("All cells")[:4], strict=True)),
        re.findall(r"malignant (0\.\d{3}) · healthy", text),
        re.findall(r"Record SHA-256 ([0-9a-f]{64})", text)[0],
    )


def told_by_csv(content: bytes) -> Told:
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    return Told(
        {label.value: sum(row["label"] == label for row in rows) for label in PredictionLabel},
        {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in Verdict},
        [f"{float(row['p_malignant']):.3f}" for row in rows],
        rows[0]["record_sha256"],
    )


def told_by_fhir(bundle: dict[str, Any]) -> Told:
    assert problems(bundle) == []
    entries = [entry["resource"] for entry in bundle["entry"]]
    observed = [entry for entry in entries if entry["resourceType"] == "Observation"]
    (report,) = (entry for entry in entries if entry["resourceType"] == "DiagnosticReport")

    def components(code: codes.Code) -> list[dict[str, Any]]:
        parts = [part for entry in observed for part in entry["component"]]
        return [part for part in parts if part["code"]["coding"][0]["code"] == code.value]

    (digest,) = (each["value"] for each in report["identifier"] if each["system"] == codes.DIGESTS)
    return Told(
        {label.value: components(code)[0]["valueInteger"] for label, code in codes.PREDICTED.items()},
        {verdict: components(code)[0]["valueInteger"] for verdict, code in codes.JUDGED.items()},
        [f"{part['valueQuantity']['value']:.3f}" for part in components(codes.P_MALIGNANT)],
        digest,
    )


def told_by_dicom(archive: bytes) -> Told:
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        report = dcmread(io.BytesIO(files.read("report.dcm")))
    items = list(_items(report))

    def numbers(code: codes.Code) -> list[float]:
        named = [item for item in items if _name_of(item) == code.value and item.ValueType == "NUM"]
        return [float(item.MeasuredValueSequence[0].NumericValue) for item in named]

    return Told(
        {label.value: int(numbers(code)[0]) for label, code in codes.PREDICTED.items()},
        {verdict: int(numbers(code)[0]) for verdict, code in codes.JUDGED.items()},
        [f"{number:.3f}" for number in numbers(codes.P_MALIGNANT)],
        next(item.TextValue for item in items if _name_of(item) == codes.RECORD.value),
    )


def _items(item: Dataset) -> Any:
    for below in item.get("ContentSequence", ()):
        yield below
        yield from _items(below)


def _name_of(item: Dataset) -> str:
    name = item.ConceptNameCodeSequence[0]
    return str(name.get("CodeValue") or name.get("LongCodeValue"))


def told_by_hl7(record: CaseRecord) -> Told:
    message = parsed(record)
    return Told(
        {label.value: int(values(message, code.value)[0]) for label, code in codes.PREDICTED.items()},
        {verdict: int(values(message, code.value)[0]) for verdict, code in codes.JUDGED.items()},
        [f"{float(value):.3f}" for value in values(message, codes.P_MALIGNANT.value)],
        re.findall(r"[0-9a-f]{64}", " ".join(text_of(line) for line in observations(message)))[0],
    )


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler: pdftotext was not found")
def test_five_forms_of_one_signed_case_tell_the_same_numbers(desk: Desk) -> None:
    case_id = signed_case(desk)
    told = {
        "pdf": told_by_pdf(export(desk.app, case_id, "report.pdf").content),
        "csv": told_by_csv(export(desk.app, case_id, "report.csv").content),
        "fhir": told_by_fhir(export(desk.app, case_id, "fhir").json()),
        "hl7": told_by_hl7(record_of(desk, case_id)),
        "dicom": told_by_dicom(export(desk.app, case_id, "dicom").content),
    }
    expected = Told(
        {"malignant": 2, "healthy": 1, "indeterminate": 1, "not_assessable": 0},
        {verdict: int(verdict is not Verdict.OTHER_OR_ARTEFACT) for verdict in Verdict},
        ["0.912", "0.500", "0.070", "0.880"],
        record_of(desk, case_id).digest,
    )
    assert dict.fromkeys(told, expected) == told


@pytest.mark.parametrize("form", FORMS)
def test_an_export_says_the_digest_of_its_bytes_and_of_its_record(desk: Desk, form: str) -> None:
    case_id = signed_case(desk)
    answer = export(desk.app, case_id, form)
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert answer.headers["Leukolens-Record-SHA256"] == record_of(desk, case_id).digest
    assert export(desk.app, case_id, form).content == answer.content


@pytest.mark.parametrize("form", FORMS)
def test_an_export_leaves_a_line_in_the_trail(desk: Desk, form: str) -> None:
    case_id = signed_case(desk)
    before = desk.app.count("audit_events WHERE act = 'case.exported'")
    export(desk.app, case_id, form)
    assert before + 1 == desk.app.count("audit_events WHERE act = 'case.exported'")


def test_the_status_follows_the_review_through_amendment_and_retraction(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, _ = desk.case_with_cells(reader, 0.9)
    told = [(record := record_of(desk, case_id)).status + f" {record.version}"]
    for act in (desk.sign, desk.amend, desk.sign, desk.retract):
        act(reader, case_id)
        record = record_of(desk, case_id)
        told.append(f"{record.status} {record.version}")
    assert told == ["preliminary 0", "final 1", "preliminary 1", "amended 2", "retracted 3"]


def test_a_blinded_reader_gets_no_trace_of_the_machine_or_of_the_first_reading(desk: Desk) -> None:
    first, _ = desk.persons(2)
    case_id, (cell_id,) = desk.case_with_cells(first, 0.9123456)
    desk.judge(first, cell_id, Verdict.MALIGNANT_LYMPHOBLAST)
    desk.set(case_id, second_read=True)
    for form in ("report.csv", "fhir"):
        text = export(desk.app, case_id, form).text
        for trace in ("0.912", first.name, codes.CELL_LABEL.display, codes.CELL_VERDICT.display):
            assert trace not in text
    content = export(desk.app, case_id, "report.csv").content.decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(content)))
    assert (row["label"], row["p_malignant"], row["verdict"]) == ("", "", "")


def test_a_report_too_many_at_once_is_told_when_to_ask_again(desk: Desk) -> None:
    case_id, headers = signed_case(desk), desk.app.key(Scope.CASES_READ)
    with exports._desk(), exports._desk():
        answer = desk.app.client.get(f"/api/v1/cases/{case_id}/report.pdf", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["Retry-After"] == "5"
    assert export(desk.app, case_id, "report.pdf").status_code == 200


def test_a_case_of_another_site_has_no_export(desk: Desk) -> None:
    headers = desk.app.key(Scope.CASES_READ)
    for form in FORMS:
        answer = desk.app.client.get(f"/api/v1/cases/{UUID(int=1)}/{form}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_dicom_upload_is_predicted_and_its_header_is_not_kept(app: RunningApp, lab: dict[str, str]) -> None:
    answer = app.client.post(
        "/api/v1/predictions", headers=lab, files={"image": ("cell.dcm", dicom(), "application/dicom")}
    )
    assert answer.status_code == 201, answer.text
    cell = app.client.get(f"/api/v1/cells/{answer.json()['cell_id']}", headers=lab)
    assert NAME not in cell.text
    stored = [path.read_bytes() for path in app.stored_files()]
    assert not any(NAME.encode() in content for content in stored)
