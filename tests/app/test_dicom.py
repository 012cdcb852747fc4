"""DICOM of a case record: read by another tool, with the numbers, the status and the pictures of the record."""

import io
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from app.errors import Conflict
from app.interop import codes
from app.interop.dicom import dicom_zip
from app.notice import INTENDED_USE
from app.reports.case_record import CaseRecord, ReportStatus
from models.decoding import decode_cell
from tests.app.case_records import record_by_chance
from tests.app.test_reports import picture

DCMTK = pytest.mark.skipif(shutil.which("dsrdump") is None, reason="needs dcmtk: dsrdump was not found")


def files_of(record: CaseRecord) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(dicom_zip(record, picture))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def report_of(record: CaseRecord) -> Dataset:
    return dcmread(io.BytesIO(files_of(record)["report.dcm"]))


def read_by(program: str, content: bytes, folder: Path) -> str:
    """What a program of dcmtk says of a file; any complaint fails, but that it cannot check UTF-8."""
    path = folder / "file.dcm"
    path.write_bytes(content)
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "VR checker does not support" not in line]
    assert (done.returncode, complaints) == (0, [])
    return done.stdout


@DCMTK
@pytest.mark.parametrize("seed", range(5))
def test_dcmtk_reads_every_file_without_a_complaint(seed: int, tmp_path: Path) -> None:
    files = files_of(record_by_chance(seed))
    for content in files.values():
        assert INTENDED_USE in read_by("dcmdump", content, tmp_path)
    assert "Imaging Measurement Report" in read_by("dsrdump", files["report.dcm"], tmp_path)


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        (ReportStatus.PRELIMINARY, ("PRELIMINARY", "UNVERIFIED")),
        (ReportStatus.FINAL, ("FINAL", "VERIFIED")),
        (ReportStatus.AMENDED, ("FINAL", "VERIFIED")),
        (ReportStatus.RETRACTED, ("PRELIMINARY", "UNVERIFIED")),
    ],
)
def test_the_flags_of_the_report_follow_the_review(status: ReportStatus, flags: tuple[str, str]) -> None:
    report = report_of(record_by_chance(3, status))
    assert (report.PreliminaryFlag, report.VerificationFlag) == flags
    (sentence,) = (
        item.TextValue
        for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == codes.STATUS.value
    )
    assert sentence.startswith(status.capitalize())


def test_the_pixels_of_each_cell_are_those_of_the_image_store() -> None:
    record = record_by_chance(3)
    files = files_of(record)
    for cell in record.cells:
        image = dcmread(io.BytesIO(files[f"cell-{cell.position}.dcm"]))
        assert np.array_equal(image.pixel_array, decode_cell(picture(cell.pixels_sha256)).pixels)


def test_only_a_group_of_the_machine_names_an_algorithm() -> None:
    record = record_by_chance(3)
    groups = [
        item
        for part in report_of(record).ContentSequence
        for item in part.get("ContentSequence", ())
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Measurement Group"
    ]
    for group in groups:
        names = {item.ConceptNameCodeSequence[0].CodeMeaning for item in group.ContentSequence}
        assert ("Algorithm Name" in names) == (codes.CELL_LABEL.display in names)
        assert not {codes.CELL_LABEL.display, codes.CELL_VERDICT.display} <= names


def test_the_same_record_gives_the_same_bytes_and_keeps_the_uids_of_its_pictures() -> None:
    record = record_by_chance(2)
    assert dicom_zip(record, picture) == dicom_zip(record, picture)
    amended = replace(record, status=ReportStatus.RETRACTED)
    first, then = files_of(record), files_of(amended)
    assert dcmread(io.BytesIO(first["cell-1.dcm"])).SOPInstanceUID in then["cell-1.dcm"].decode("latin-1")
    assert report_of(record).SOPInstanceUID != report_of(amended).SOPInstanceUID


def test_a_case_without_cells_has_no_dicom_form() -> None:
    with pytest.raises(Conflict, match="without cells"):
        dicom_zip(replace(record_by_chance(1), cells=()), picture)
