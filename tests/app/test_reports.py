"""The PDF and the CSV of a case record."""

import csv
import io
import shutil
import subprocess
from dataclasses import replace

import pytest

from app.inference.upload import encode_png
from app.notice import NOTICE
from app.reports.case_record import CaseRecord, ReportStatus
from app.reports.csv_table import csv_table
from app.reports.pdf import pdf_report
from app.reports.sentences import in_words, probability
from models.drawn_cells import draw_cell
from tests.app.case_records import record_by_chance

POPPLER = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="needs poppler: pdftotext was not found"
)


def picture(pixels_sha256: str) -> bytes:
    """A drawn cell for any digest."""
    return encode_png(draw_cell(int(pixels_sha256[:4], 16)))


def pages_of(pdf: bytes) -> list[str]:
    """What a reader can copy out of each page, without its line ends."""
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return [" ".join(page.split()) for page in done.stdout.decode().split("\f")[:-1]]


def rows_of(record: CaseRecord) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_table(record).decode("utf-8-sig"), newline="")))


@POPPLER
@pytest.mark.parametrize("status", list(ReportStatus))
def test_every_page_says_status_version_number_notice_and_digest(status: ReportStatus) -> None:
    record = record_by_chance(6, status)
    pages = pages_of(pdf_report(record, picture))
    for number, page in enumerate(pages, 1):
        assert status.upper() in page
        assert f"version {record.version}" in page
        assert NOTICE in page
        assert f"Record SHA-256 {record.digest}" in page
        assert f"Page {number} of {len(pages)}" in page


@POPPLER
def test_the_pdf_names_every_cell_with_probabilities_verdict_and_model() -> None:
    for seed in range(4):
        record = record_by_chance(seed)
        text = " ".join(pages_of(pdf_report(record, picture)))
        for cell in record.cells:
            if cell.prediction and cell.prediction.p_malignant is not None:
                assert f"malignant {probability(cell.prediction.p_malignant)}" in text
            if cell.verdict:
                assert in_words(cell.verdict.verdict) in text
        assert all(model.sha256[:20] in text for model in record.models)
        assert all(model.version in text for model in record.models)


def test_the_same_record_gives_the_same_bytes() -> None:
    record = record_by_chance(2)
    assert pdf_report(record, picture) == pdf_report(record, picture)
    assert csv_table(record) == csv_table(record)


def test_the_csv_has_one_row_a_cell_with_every_value() -> None:
    record = record_by_chance(3, ReportStatus.AMENDED)
    rows = rows_of(record)
    assert [int(row["cell"]) for row in rows] == [cell.position for cell in record.cells]
    for row, cell in zip(rows, record.cells, strict=True):
        said = cell.prediction
        assert row["label"] == (said.label if said else "")
        assert row["p_malignant"] == (str(said.p_malignant) if said and said.p_malignant is not None else "")
        assert row["verdict"] == (cell.verdict.verdict if cell.verdict else "")
        assert (row["report_status"], row["record_sha256"]) == ("amended", record.digest)
        assert row["notice"] == NOTICE


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_field_of_the_csv_starts_a_formula(start: str) -> None:
    record = record_by_chance(4, ReportStatus.FINAL)
    cells = tuple(replace(cell, client_ref=f'{start}HYPERLINK("x")') for cell in record.cells)
    for row in rows_of(replace(record, accession=f"{start}1", cells=cells)):
        assert (row["accession"], row["client_ref"]) == (f"'{start}1", f'\'{start}HYPERLINK("x")')
