"""One cell as FHIR: its picture, what the model said of it, what persons said of it."""

from collections.abc import Iterator
from uuid import NAMESPACE_OID, UUID, uuid5

from app.interop import codes
from app.interop.fhir_elements import (
    MACHINE_MADE,
    Element,
    concept,
    identifier,
    moment,
    quantity,
    reference,
)
from app.reports.case_record import CellRecord, ModelRecord, PredictionRecord, VerdictRecord


def picture_id(cell: CellRecord) -> UUID:
    return uuid5(cell.id, "picture")


def verdict_id(cell: CellRecord, verdict: VerdictRecord) -> UUID:
    return uuid5(cell.id, verdict.reading)


def device_id(model: ModelRecord) -> UUID:
    return uuid5(NAMESPACE_OID, model.sha256)


def cell_resources(cell: CellRecord, common: Element) -> Iterator[Element]:
    """Media, then Observations; `common` is what every observation of the report says."""
    yield _picture(cell, common)
    about = common | {
        "resourceType": "Observation",
        "derivedFrom": [reference("Media", picture_id(cell))],
        "identifier": [identifier(cell.client_ref)] if cell.client_ref else [],
    }
    if cell.prediction is not None:
        yield about | {"id": str(cell.id)} | _said_by_machine(cell.prediction)
    for verdict in cell.verdicts:
        yield about | {"id": str(verdict_id(cell, verdict))} | _said_by_person(verdict)


def observation_ids(cell: CellRecord) -> Iterator[UUID]:
    """Of the observations of a cell, in their order."""
    if cell.prediction is not None:
        yield cell.id
    yield from (verdict_id(cell, verdict) for verdict in cell.verdicts)


def _picture(cell: CellRecord, common: Element) -> Element:
    in_error = common["status"] == "entered-in-error"
    return {
        "resourceType": "Media",
        "id": str(picture_id(cell)),
        "identifier": [identifier(cell.pixels_sha256)],
        "status": "entered-in-error" if in_error else "completed",
        "subject": common["subject"],
        "content": {
            "contentType": "image/png",
            "url": f"/api/v1/cells/{cell.id}/image.png",
            "title": f"Cell {cell.position}",
        },
    }


def _said_by_machine(prediction: PredictionRecord) -> Element:
    interpretation = codes.INTERPRETATIONS.get(prediction.label)
    components: list[Element] = []
    if prediction.p_malignant is not None and prediction.p_healthy is not None:
        components = [
            {"code": concept(codes.P_MALIGNANT), "valueQuantity": quantity(prediction.p_malignant)},
            {"code": concept(codes.P_HEALTHY), "valueQuantity": quantity(prediction.p_healthy)},
        ]
    components += [{"code": concept(codes.REASON), "valueString": reason} for reason in prediction.reasons]
    return {
        "meta": MACHINE_MADE,
        "code": concept(codes.CELL_LABEL),
        "effectiveDateTime": moment(prediction.made_at),
        "valueCodeableConcept": concept(codes.LABELS[prediction.label]),
        "interpretation": [concept(interpretation)] if interpretation else [],
        "device": reference("Device", device_id(prediction.model)),
        "component": components,
    }


def _said_by_person(verdict: VerdictRecord) -> Element:
    return {
        "code": concept(codes.CELL_VERDICT),
        "effectiveDateTime": moment(verdict.given_at),
        "performer": [{"display": verdict.author}],
        "valueCodeableConcept": concept(codes.VERDICTS[verdict.verdict]),
        "note": [{"text": verdict.note}] if verdict.note else [],
        "component": [
            {"code": concept(codes.READING), "valueString": verdict.reading},
            {"code": concept(codes.BULK), "valueBoolean": verdict.bulk},
        ],
    }
