"""A case record as the JSON body of a webhook; `app.interop.signatures` signs it for each try."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from app.interop import codes
from app.reports.case_record import CaseRecord, CellRecord
from app.sign_off.tables import SignOffKind

EVENTS: Final = {
    SignOffKind.SIGN: "case.signed",
    SignOffKind.AMEND: "case.reopened",
    SignOffKind.RETRACT: "case.retracted",
}


def webhook_body(
    record: CaseRecord, message_id: UUID, occasion: SignOffKind, announced_at: datetime
) -> bytes:
    """UTF-8 JSON. `id` is the same for every try; `report.status` says how far a person stands behind the numbers."""
    body = {
        "id": str(message_id),
        "event": EVENTS[occasion],
        "announced_at": _time(announced_at),
        "notice": record.notice,
        "case": {
            "id": str(record.case_id),
            "accession": record.accession,
            "subject_ref": record.subject_ref,
            "specimen_id": record.specimen_id,
            "placer_order": record.placer_order,
            "filler_order": record.filler_order,
        },
        "report": {
            "status": record.status.value,
            "version": record.version,
            "sha256": record.digest,
            "as_of": _time(record.as_of),
        },
        "counts": {code.value: count for code, count in codes.counts(record).items()},
        "cells": [_cell(cell) for cell in record.cells],
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def _cell(cell: CellRecord) -> dict[str, Any]:
    told: dict[str, Any] = {"id": str(cell.id), "position": cell.position, "client_ref": cell.client_ref}
    if (prediction := cell.prediction) is not None:
        malignant = prediction.p_malignant
        told |= {
            "label": prediction.label.value,
            "probabilities": malignant and {"malignant": malignant, "healthy": prediction.p_healthy},
            "model": {"name": prediction.model.name, "version": prediction.model.version},
        }
    if cell.verdict is not None:
        told["verdict"] = cell.verdict.verdict.value
    return told


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
