"""The seal of one line of the audit trail: SHA-256 over its canonical JSON and the seal before it."""

import hashlib
import json
from datetime import UTC

from app.audit.tables import AuditEvent

BEFORE_THE_FIRST = "0" * 64


def digest_of(event: AuditEvent) -> str:
    """What `event.digest` must be.

    The JSON has sorted keys and no spaces, and the time is in UTC to the microsecond, so both databases give
    back the same bytes.
    """
    line = {
        "number": event.number,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "site_id": str(event.site_id) if event.site_id else None,
        "actor_id": str(event.actor_id) if event.actor_id else None,
        "actor": event.actor,
        "act": event.act,
        "object_id": event.object_id,
        "details": event.details,
        "previous_digest": event.previous_digest,
    }
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
