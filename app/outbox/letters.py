"""What a message says: the case record in the destination's language, with the status that it may be told."""

import dataclasses
import json
from datetime import datetime
from uuid import UUID

from app.interop.fhir import fhir_bundle
from app.interop.hl7 import oru_r01
from app.interop.webhooks import webhook_body
from app.outbox.states import DestinationKind, DestinationMode
from app.reports.case_record import CaseRecord, ReportStatus
from app.sign_off.tables import SignOffKind


def letter_for(
    kind: DestinationKind,
    mode: DestinationMode,
    record: CaseRecord,
    message_id: UUID,
    occasion: SignOffKind,
    announced_at: datetime,
) -> bytes:
    """The body of one message."""
    told = as_told(record, mode)
    match kind:
        case DestinationKind.HL7:
            return oru_r01(told, message_id, announced_at).encode()
        case DestinationKind.FHIR:
            return json.dumps(fhir_bundle(told, kind="transaction"), ensure_ascii=False).encode()
        case DestinationKind.WEBHOOK:
            return webhook_body(told, message_id, occasion, announced_at)


def as_told(record: CaseRecord, mode: DestinationMode) -> CaseRecord:
    """For research every signed result is preliminary. A retraction is one everywhere."""
    if mode is DestinationMode.FINAL or record.status is ReportStatus.RETRACTED:
        return record
    return dataclasses.replace(record, status=ReportStatus.PRELIMINARY)
