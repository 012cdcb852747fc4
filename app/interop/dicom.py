"""A case record as DICOM: each cell a Secondary Capture, and one Comprehensive SR (TID 1500) about them.

UIDs are made from the case's own ids (2.25, X.667), so the same record gives the same files. What a model said and
what persons said of a cell are two groups with one tracking identifier: only the first names an algorithm.
"""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID, uuid5
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from highdicom.content import SpecimenDescription
from highdicom.enum import CoordinateSystemNames, PhotometricInterpretationValues
from highdicom.sc import SCImage
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from PIL import Image as Pillow
from pydicom import Dataset, dcmwrite
from pydicom.sr.codedict import codes as dicom_codes

from app.errors import Conflict
from app.interop import codes
from app.interop.codes import Code
from app.notice import INTENDED_USE
from app.reports.case_record import CaseRecord, CellRecord, PredictionRecord, ReportStatus, VerdictRecord
from app.reports.sentences import conclusion, status_sentence

MEDIA_TYPE: Final = "application/zip"
MANUFACTURER: Final = "Leukolens"
_NO_UNIT: Final = CodedConcept("1", "UCUM", "no units")
_SIGNED: Final = (ReportStatus.FINAL, ReportStatus.AMENDED)
_SHORT, _LONG = 16, 64  # characters that DICOM allows in the value representations SH and LO


def dicom_zip(record: CaseRecord, picture: Callable[[str], bytes]) -> bytes:
    """`report.dcm` and one `cell-N.dcm` for each cell.

    Args:
        picture: from `CellRecord.pixels_sha256` to the PNG file of those pixels.

    Raises:
        Conflict: there is no cell, and an SR is about pictures.
    """
    if not record.cells:
        raise Conflict("A case without cells has no DICOM form. Add cells, or take the PDF.")
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        evidence = []
        for cell in record.cells:
            image = _image(record, cell, picture(cell.pixels_sha256))
            _add(archive, record, f"cell-{cell.position}.dcm", image)
            del image.PixelData
            evidence.append(image)
        _add(archive, record, "report.dcm", _report(record, evidence))
    return file.getvalue()


def _add(archive: ZipFile, record: CaseRecord, name: str, dataset: Dataset) -> None:
    content = io.BytesIO()
    dcmwrite(content, dataset, enforce_file_format=True)
    info = ZipInfo(name, record.as_of.timetuple()[:6])
    info.compress_type = ZIP_DEFLATED
    archive.writestr(info, content.getvalue())


def _image(record: CaseRecord, cell: CellRecord, png: bytes) -> Dataset:
    with Pillow.open(io.BytesIO(png), formats=("PNG",)) as decoded:
        pixels = np.asarray(decoded.convert("RGB"))
    image = SCImage(
        pixel_array=pixels,
        photometric_interpretation=PhotometricInterpretationValues.RGB,
        bits_allocated=8,
        coordinate_system=CoordinateSystemNames.SLIDE,
        container_identifier=_text(record.specimen_id or record.name, _LONG),
        specimen_descriptions=[
            SpecimenDescription(_text(record.specimen_id or record.name, _LONG), _uid(record, "specimen"))
        ],
        series_instance_uid=_uid(record, "pictures"),
        series_number=1,
        sop_instance_uid=_uid_of(uuid5(cell.id, "picture")),
        instance_number=cell.position,
        manufacturer=MANUFACTURER,
        **_study(record),
    )
    image.ImageComments = f"Cell {cell.position}, pixels SHA-256 {cell.pixels_sha256}"
    return _sealed(image, record)


def _report(record: CaseRecord, evidence: list[Dataset]) -> Dataset:
    signed = record.status in _SIGNED
    content = MeasurementReport(
        observation_context=_observers(record),
        procedure_reported=_concept(codes.REPORT),
        imaging_measurements=[
            _about_the_case(record),
            *(
                group
                for cell, image in zip(record.cells, evidence, strict=True)
                for group in _about(cell, image)
            ),
        ],
    )
    content[0].ContentSequence.extend(_sentences(record))
    report = ComprehensiveSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=_uid(record, "reports"),
        series_number=2,
        sop_instance_uid=_uid(record, record.digest),
        instance_number=record.version + 1,
        manufacturer=MANUFACTURER,
        institution_name=_text(record.site, _LONG),
        is_complete=record.without_verdict == 0,
        is_final=signed,
        is_verified=signed,
        verifying_observer_name=_person(record.sign_offs[-1].author) if signed else None,
        verifying_organization=_text(record.site, _LONG) if signed else None,
        software_versions=_text(record.software, _LONG),
        content_date=record.as_of.date(),
        content_time=record.as_of.time(),
        series_description=INTENDED_USE,
    )
    return _sealed(report, record)


def _study(record: CaseRecord) -> dict[str, Any]:
    """What every file of the study says. An accession that DICOM has no room for is left out there, never cut."""
    accession = _text(record.accession or "", _LONG)
    return {
        "study_instance_uid": _uid_of(record.case_id),
        "patient_id": _text(record.subject_ref or "", _LONG),
        "accession_number": accession if len(accession) <= _SHORT else "",
        "study_date": record.opened_at.date(),
        "study_time": record.opened_at.time(),
        "software_versions": _text(record.software, _LONG),
        "content_date": record.as_of.date(),
        "content_time": record.as_of.time(),
        "specific_character_set": "ISO_IR 192",
        "series_description": INTENDED_USE,
    }


def _sealed(dataset: Dataset, record: CaseRecord) -> Dataset:
    """With the moments of the record instead of now, so that the same record gives the same bytes."""
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = dataset.ContentDate, dataset.ContentTime
    dataset.StudyDescription = _text(record.name, _LONG)
    if "DateOfSecondaryCapture" in dataset:
        dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture = (
            dataset.ContentDate,
            dataset.ContentTime,
        )
    moment = f"{record.as_of:%Y%m%d%H%M%S}"
    for equipment in dataset.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = moment
    for observer in dataset.get("VerifyingObserverSequence", ()):
        observer.VerificationDateTime = moment
    return dataset


def _observers(record: CaseRecord) -> ObservationContext:
    """The software, and the person who signed last."""
    device = ObserverContext(
        dicom_codes.DCM.Device,
        DeviceObserverIdentifyingAttributes(
            uid=_uid_of(uuid5(record.site_id, record.software)),
            name=_text(record.software, _LONG),
            manufacturer_name=MANUFACTURER,
        ),
    )
    if not record.sign_offs:
        return ObservationContext(observer_device_context=device)
    name = PersonObserverIdentifyingAttributes(name=_person(record.sign_offs[-1].author))
    return ObservationContext(ObserverContext(dicom_codes.DCM.Person, name), device)


def _sentences(record: CaseRecord) -> Iterator[TextContentItem]:
    said = {
        codes.NOTICE: record.notice,
        codes.STATUS: status_sentence(record),
        codes.RECORD: record.digest,
        codes.CONCLUSION: conclusion(record),
    }
    for name, words in said.items():
        yield TextContentItem(_concept(name), words, RelationshipTypeValues.CONTAINS)


def _about_the_case(record: CaseRecord) -> MeasurementsAndQualitativeEvaluations:
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(_uid_of(record.case_id), _text(record.name, _LONG)),
        finding_type=_concept(codes.CASE),
        measurements=[_number(code, count) for code, count in codes.counts(record).items()],
    )


def _about(cell: CellRecord, image: Dataset) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    common: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(_uid_of(cell.id), f"Cell {cell.position}"),
        "source_images": [SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID)],
    }
    if cell.prediction is not None:
        yield MeasurementsAndQualitativeEvaluations(
            **common, finding_type=_concept(codes.CELL_LABEL), **_said_by_machine(cell.prediction)
        )
    for verdict in cell.verdicts:
        yield MeasurementsAndQualitativeEvaluations(
            **common,
            finding_type=_concept(codes.CELL_VERDICT),
            qualitative_evaluations=_said_by_person(verdict),
        )


def _said_by_machine(prediction: PredictionRecord) -> dict[str, Any]:
    model = prediction.model
    numbers = {codes.P_MALIGNANT: prediction.p_malignant, codes.P_HEALTHY: prediction.p_healthy}
    return {
        "algorithm_id": AlgorithmIdentification(
            name=model.name, version=model.version, parameters=[f"SHA-256 {model.sha256}"]
        ),
        "measurements": [_number(code, value) for code, value in numbers.items() if value is not None],
        "qualitative_evaluations": [
            QualitativeEvaluation(_concept(codes.CELL_LABEL), _concept(codes.LABELS[prediction.label]))
        ],
    }


def _said_by_person(verdict: VerdictRecord) -> list[QualitativeEvaluation]:
    reading = CodedConcept(verdict.reading, codes.LOCAL_SCHEME, f"Reading: {verdict.reading}")
    return [
        QualitativeEvaluation(_concept(codes.CELL_VERDICT), _concept(codes.VERDICTS[verdict.verdict])),
        QualitativeEvaluation(_concept(codes.READING), reading),
    ]


def _number(name: Code, value: float) -> Measurement:
    return Measurement(_concept(name), value, _NO_UNIT)


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, codes.LOCAL_SCHEME, code.display)


def _uid(record: CaseRecord, part: str) -> str:
    return _uid_of(uuid5(record.case_id, part))


def _uid_of(name: UUID) -> str:
    return f"2.25.{name.int}"


def _person(name: str) -> str:
    """A name as family name alone: which part of it is which was never asked."""
    return re.sub(r"[\^=]", " ", _text(name, _LONG - 1)) + "^"


def _text(words: str, limit: int) -> str:
    """Without what DICOM gives a meaning: the backslash and control characters."""
    return re.sub(r"[\x00-\x1f\x7f\\]+", " ", words).strip()[:limit]
