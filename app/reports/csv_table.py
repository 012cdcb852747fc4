"""A case record as CSV: one row a cell, every row complete in itself."""

import csv
import io
from datetime import UTC, datetime

from app.reports.case_record import CaseRecord, CellRecord, VerdictRecord

_ONE_CASE = "case_id accession report_version report_status report_as_of record_sha256"
_MACHINE = "label p_malignant p_healthy reasons model model_version model_sha256"
_PERSON = "verdict verdict_reading verdict_bulk verdict_by verdict_at verdict_note other_verdicts"
COLUMNS = f"{_ONE_CASE} cell client_ref image_sha256 quality {_MACHINE} {_PERSON} notice".split()

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def csv_table(record: CaseRecord) -> bytes:
    """UTF-8 with a byte order mark, without which a spreadsheet takes names for Latin-1.

    Text that a spreadsheet would run as a formula is led by an apostrophe.
    """
    file = io.StringIO(newline="")
    table = csv.DictWriter(file, COLUMNS)
    table.writeheader()
    for cell in record.cells:
        table.writerow(_of_case(record) | _of_cell(cell) | _of_machine(cell) | _of_person(cell))
    return file.getvalue().encode("utf-8-sig")


def _of_case(record: CaseRecord) -> dict[str, object]:
    return {
        "case_id": record.case_id,
        "accession": _inert(record.accession or ""),
        "report_version": record.version,
        "report_status": record.status,
        "report_as_of": _moment(record.as_of),
        "record_sha256": record.digest,
        "notice": record.notice,
    }


def _of_cell(cell: CellRecord) -> dict[str, object]:
    return {
        "cell": cell.position,
        "client_ref": _inert(cell.client_ref or ""),
        "image_sha256": cell.image_sha256,
        "quality": " ".join(cell.quality),
    }


def _of_machine(cell: CellRecord) -> dict[str, object]:
    said = cell.prediction
    if said is None:
        return {}
    return {
        "label": said.label,
        "p_malignant": said.p_malignant,
        "p_healthy": said.p_healthy,
        "reasons": " ".join(said.reasons),
        "model": said.model.name,
        "model_version": said.model.version,
        "model_sha256": said.model.sha256,
    }


def _of_person(cell: CellRecord) -> dict[str, object]:
    others = "; ".join(_in_brief(other) for other in cell.other_verdicts)
    if cell.verdict is None:
        return {"other_verdicts": _inert(others)}
    return {
        "verdict": cell.verdict.verdict,
        "verdict_reading": cell.verdict.reading,
        "verdict_bulk": cell.verdict.bulk,
        "verdict_by": _inert(cell.verdict.author),
        "verdict_at": _moment(cell.verdict.given_at),
        "verdict_note": _inert(cell.verdict.note),
        "other_verdicts": _inert(others),
    }


def _in_brief(verdict: VerdictRecord) -> str:
    return f"{verdict.reading} {verdict.verdict} by {verdict.author}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text
