"""A case record as FHIR R4 (4.0.1): one Bundle, ids derived from the case's own, so that sending it again updates.

Machine output carries the label AIAST of HL7's guide *AI Transparency on FHIR*; who reviewed it stands in the
report and in a Provenance. There is no `conclusionCode`: software that looks at single cells names no disease.
"""

import base64
import hashlib
from collections.abc import Iterator
from itertools import chain
from typing import Final, Literal
from uuid import UUID, uuid5

from app.interop import codes
from app.interop.fhir_cells import cell_resources, device_id, observation_ids, picture_id
from app.interop.fhir_elements import (
    MACHINE_MADE,
    Element,
    concept,
    identifier,
    known_as,
    moment,
    reference,
    without_nothing,
)
from app.notice import INTENDED_USE
from app.reports.case_record import CaseRecord, ModelRecord, ReportStatus, SignOffRecord
from app.reports.sentences import conclusion

MEDIA_TYPE: Final = "application/fhir+json"

STATUS: Final = {
    ReportStatus.PRELIMINARY: "preliminary",
    ReportStatus.FINAL: "final",
    ReportStatus.AMENDED: "amended",
    ReportStatus.RETRACTED: "entered-in-error",
}
"""R4: *final* is complete and verified by an authorised person."""


def fhir_bundle(
    record: CaseRecord, pdf: bytes | None = None, *, kind: Literal["collection", "transaction"] = "collection"
) -> Element:
    """The Bundle of one report.

    Args:
        pdf: the same record as PDF; it travels inside the DocumentReference.
        kind: `collection` to be read; `transaction` for a server, where each entry creates or updates.
    """
    return {
        "resourceType": "Bundle",
        "id": str(uuid5(record.case_id, f"bundle/{record.version}")),
        "identifier": identifier(f"{record.case_id}/{record.version}"),
        "type": kind,
        "timestamp": moment(record.as_of),
        "entry": [_entry(resource, kind) for resource in _resources(record, pdf)],
    }


def _entry(resource: Element, kind: str) -> Element:
    resource = without_nothing(resource)
    entry: Element = {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
    if kind == "transaction":
        entry["request"] = {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    return entry


def _resources(record: CaseRecord, pdf: bytes | None) -> Iterator[Element]:
    common = _common(record)
    yield _report(record, common)
    yield _counts(record, common)
    yield from chain.from_iterable(cell_resources(cell, common) for cell in record.cells)
    yield from (_device(model) for model in record.models)
    yield from (_machine_provenance(record, model) for model in record.models)
    yield from (_sign_off_provenance(record, act) for act in record.sign_offs)
    if pdf is not None:
        yield _document(record, common, pdf)


def _common(record: CaseRecord) -> Element:
    """What the report and every observation of it share."""
    return {
        "status": STATUS[record.status],
        "subject": record.subject_ref and known_as("Patient", identifier(record.subject_ref)),
        "specimen": record.specimen_id and known_as("Specimen", identifier(record.specimen_id)),
        "issued": moment(record.as_of),
    }


def _report(record: CaseRecord, common: Element) -> Element:
    specimen = common["specimen"]
    return common | {
        "resourceType": "DiagnosticReport",
        "id": str(record.case_id),
        "meta": {} if record.blinded else MACHINE_MADE,
        "identifier": [
            identifier(str(record.case_id)),
            identifier(record.digest, system=codes.DIGESTS),
            *([identifier(record.accession, codes.ACCESSION)] if record.accession else []),
            *([identifier(record.filler_order, codes.FILLER)] if record.filler_order else []),
        ],
        "basedOn": [known_as("ServiceRequest", identifier(record.placer_order, codes.PLACER))]
        if record.placer_order
        else [],
        "category": [concept(codes.LABORATORY)],
        "code": concept(codes.REPORT),
        "effectiveDateTime": moment(record.opened_at),
        "performer": [{"display": record.site}],
        "resultsInterpreter": [{"display": record.sign_offs[-1].author}] if record.sign_offs else [],
        "specimen": [specimen] if specimen else [],
        "result": [reference("Observation", found) for found in _observations(record)],
        "media": [{"link": reference("Media", picture_id(cell))} for cell in record.cells],
        "conclusion": conclusion(record),
    }


def _observations(record: CaseRecord) -> list[UUID]:
    return [_counts_id(record), *chain.from_iterable(observation_ids(cell) for cell in record.cells)]


def _counts_id(record: CaseRecord) -> UUID:
    return uuid5(record.case_id, "counts")


def _counts(record: CaseRecord, common: Element) -> Element:
    return common | {
        "resourceType": "Observation",
        "id": str(_counts_id(record)),
        "meta": {} if record.blinded else MACHINE_MADE,
        "code": concept(codes.CASE),
        "effectiveDateTime": moment(record.as_of),
        "component": [
            {"code": concept(code), "valueInteger": count} for code, count in codes.counts(record).items()
        ],
    }


def _device(model: ModelRecord) -> Element:
    return {
        "resourceType": "Device",
        "id": str(device_id(model)),
        "identifier": [identifier(model.sha256, system=codes.DIGESTS)],
        "status": "active",
        "deviceName": [{"name": model.name, "type": "model-name"}],
        "version": [{"value": model.version}],
        "note": [{"text": INTENDED_USE}],
    }


def _machine_provenance(record: CaseRecord, model: ModelRecord) -> Element:
    """Which cells a model spoke about; its card is named as what it rests on."""
    spoken = [cell for cell in record.cells if cell.prediction and cell.prediction.model == model]
    return {
        "resourceType": "Provenance",
        "id": str(uuid5(record.case_id, model.sha256)),
        "meta": MACHINE_MADE,
        "target": [reference("Observation", cell.id) for cell in spoken],
        "recorded": moment(max(cell.prediction.made_at for cell in spoken if cell.prediction)),
        "agent": [{"type": concept(codes.AUTHOR), "who": reference("Device", device_id(model))}],
        "entity": [
            {
                "role": "source",
                "what": {"display": f"Model card of {model}"}
                | known_as("DocumentReference", identifier(model.sha256, system=codes.DIGESTS)),
            }
        ],
    }


def _sign_off_provenance(record: CaseRecord, act: SignOffRecord) -> Element:
    return {
        "resourceType": "Provenance",
        "id": str(uuid5(record.case_id, f"sign-off/{act.number}")),
        "target": [reference("DiagnosticReport", record.case_id)],
        "recorded": moment(act.signed_at),
        "reason": [{"text": text} for text in (act.meaning, act.reason) if text],
        "agent": [{"type": concept(codes.VERIFIER), "who": {"display": act.author}}],
    }


def _document(record: CaseRecord, common: Element, pdf: bytes) -> Element:
    """The PDF. FHIR R4 asks for a SHA-1 of an attachment, against damage on the way, not against forgery."""
    return {
        "resourceType": "DocumentReference",
        "id": str(uuid5(record.case_id, "pdf")),
        "meta": {} if record.blinded else MACHINE_MADE,
        "masterIdentifier": identifier(f"{record.case_id}/{record.version}"),
        "status": "entered-in-error" if record.status is ReportStatus.RETRACTED else "current",
        "docStatus": common["status"],
        "type": concept(codes.REPORT),
        "subject": common["subject"],
        "date": moment(record.as_of),
        "description": conclusion(record),
        "content": [
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "data": base64.b64encode(pdf).decode(),
                    "size": len(pdf),
                    "hash": base64.b64encode(hashlib.sha1(pdf, usedforsecurity=False).digest()).decode(),
                    "title": f"{record.name}, version {record.version}",
                }
            }
        ],
        "context": {"related": [reference("DiagnosticReport", record.case_id)]},
    }
