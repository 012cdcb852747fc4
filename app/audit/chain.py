"""The seals of the audit trail: SHA-256 over a line's canonical JSON and the seal before it, and where they break."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.audit.tables import AuditEvent

BEFORE_THE_FIRST = "0" * 64


@dataclass(frozen=True)
class Head:
    """The newest line at some moment, told to a place outside the database.

    A chain alone shows no cut end: what is left is whole. Heads do.
    """

    number: int
    digest: str
    exported_at: datetime


@dataclass(frozen=True)
class Break:
    """The first line that is not what it was. why: a sentence."""

    number: int
    why: str


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


def first_break(events: Iterable[AuditEvent], heads: Iterable[Head]) -> Break | None:
    """Where the trail was edited, cut, reordered or put back to an older copy; None when it is whole.

    Args:
        events: all of them, by number. heads: every one exported so far, read before the events were.
    """
    exported = defaultdict[int, list[Head]](list)
    for head in heads:
        exported[head.number].append(head)
    number, digest = 0, BEFORE_THE_FIRST
    for event in events:
        number += 1
        why = _wrong(event, number, digest) or _unlike(event, exported.pop(number, []))
        if why is not None:
            return Break(number, why)
        digest = event.digest
    if not exported:
        return None
    cut = exported[min(exported)][0]
    return Break(
        number + 1,
        f"The trail ends with line {number}, and line {cut.number} was exported on {_shown(cut)}: "
        "its end was cut, or an older copy was put in its place.",
    )


def _wrong(event: AuditEvent, number: int, previous_digest: str) -> str | None:
    if event.number != number:
        return f"Line {number} is missing; the next one there is {event.number}."
    if event.previous_digest != previous_digest:
        return f"Line {number} is not the one that followed line {number - 1}."
    if event.digest != digest_of(event):
        return f"Line {number} was changed: its content does not have its digest."
    return None


def _unlike(event: AuditEvent, heads: list[Head]) -> str | None:
    for head in heads:
        if head.digest != event.digest:
            return (
                f"Line {event.number} is not the one exported on {_shown(head)}: the trail was written anew, "
                "or an older copy was put in its place and went on."
            )
    return None


def _shown(head: Head) -> str:
    return head.exported_at.isoformat(timespec="seconds")
