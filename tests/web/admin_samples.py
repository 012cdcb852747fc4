"""Samples of the pages an admin looks after, and of the audit trail."""

from dataclasses import replace
from datetime import date, timedelta

from app.audit.acts import Act
from app.web.page_contexts import (
    AccountsPage,
    AuditFilter,
    AuditPage,
    AuditRow,
    CaseRef,
    Chrome,
    FieldError,
    Flash,
    KeyRow,
    KeysPage,
    MadeKey,
    MessageRow,
    MessagesPage,
    NewAccount,
    OpenSession,
    SessionsPage,
    SiteRow,
    SitesPage,
    UserRow,
)
from app.web.words import CaseState, MessageState, Role, Tone
from tests.web.sample import ADMIN, CASE_ID, DIGEST, HOSTILE, MODEL, NOW, Sample

IDS = tuple(f"7f3a0000-0000-4000-8000-00000000000{digit}" for digit in range(4))

ACCOUNTS = AccountsPage(
    users=(
        UserRow(IDS[0], "Dr. Marta Lindqvist", "marta@example.org", Role.ADMIN, True, NOW, NOW, own=True),
        UserRow(IDS[1], "Dr. Ola Berg", "ola@example.org", Role.REVIEWER, True, NOW, NOW),
        UserRow(IDS[2], HOSTILE, "someone.with.a.long.address@example.org", Role.VIEWER, True, NOW, None),
        UserRow(IDS[3], "Dr. Left", "left@example.org", Role.REVIEWER, False, NOW, None),
    )
)
KEYS = KeysPage(
    keys=(
        KeyRow(IDS[0], "lab-gateway", ("cases:read", "cases:write"), NOW, NOW, None, None, True),
        KeyRow(IDS[1], "old-gateway", ("cases:write",), NOW, None, None, NOW, False),
        KeyRow(IDS[2], "trial", ("cases:read",), NOW, None, NOW, None, False),
    )
)
MESSAGES = MessagesPage(
    messages=tuple(
        MessageRow(
            id=IDS[number],
            case=CaseRef(CASE_ID, None if number == 1 else f"L-2026-041{number}", CaseState.SIGNED),
            destination=("lis", "hospital-fhir", "archive")[number],
            kind=("HL7 over MLLP", "FHIR server", "Webhook")[number],
            occasion=("Signature", "Amendment", "Retraction")[number],
            state=state,
            attempts=(1, 3, 12)[number],
            problem=(None, "Connection refused.", f"422: {HOSTILE}")[number],
            created_at=NOW,
            sent_at=NOW if state is MessageState.SENT else None,
        )
        for number, state in enumerate((MessageState.SENT, MessageState.WAITING, MessageState.DEAD))
    ),
    state=None,
)
AUDIT = AuditPage(
    rows=tuple(
        AuditRow(
            number=412 - number,
            at=NOW - timedelta(minutes=7 * number),
            actor=("Dr. Marta Lindqvist", "key: lab-gateway", "command line")[number % 3],
            act=tuple(Act)[number],
            object_id=CASE_ID if number % 3 else None,
            details=(("role", "reviewer"), ("version", str(number))) if number % 2 else (),
            digest=DIGEST,
        )
        for number in range(12)
    ),
    wanted=AuditFilter(),
    acts=tuple(sorted(Act)),
    query="",
    next_cursor="401",
)


def _chrome(path: str) -> Chrome:
    return Chrome(path, ADMIN, MODEL)


def admin_samples() -> tuple[Sample, ...]:
    return (
        Sample(
            "admin",
            replace(_chrome("/admin"), flash=Flash(Tone.GOOD, "The account is there.")),
            ACCOUNTS,
        ),
        Sample(
            "admin-errors",
            _chrome("/admin?errors"),
            replace(
                ACCOUNTS,
                new=NewAccount("ola@example.org", HOSTILE, Role.VIEWER),
                errors=(
                    FieldError("email", "An account for ola@example.org exists already."),
                    FieldError("password", "Expected 12 to 200 characters."),
                ),
            ),
        ),
        Sample(
            "admin-refused",
            _chrome("/admin?refused"),
            replace(ACCOUNTS, trouble="This is your own account. Ask another admin to change it."),
        ),
        Sample("admin-keys", _chrome("/admin/keys"), KEYS),
        Sample(
            "admin-keys-made",
            _chrome("/admin/keys?made"),
            replace(KEYS, made=MadeKey("lab-gateway", "leuko_7c1f" + "x9" * 20)),
        ),
        Sample(
            "admin-keys-errors",
            _chrome("/admin/keys?errors"),
            KeysPage(
                (),
                name=HOSTILE,
                errors=(
                    FieldError("scopes", "Expected at least one scope."),
                    FieldError("name", "Too long."),
                ),
            ),
        ),
        Sample(
            "admin-sessions",
            _chrome("/admin/sessions"),
            SessionsPage(
                (
                    OpenSession(
                        IDS[0], "Dr. Marta Lindqvist", "marta@example.org", NOW, NOW, "10.0.3.17", True
                    ),
                    OpenSession(IDS[1], "Dr. Ola Berg", "ola@example.org", NOW, NOW, "", False),
                )
            ),
        ),
        Sample(
            "admin-sites",
            _chrome("/admin/sites"),
            SitesPage((SiteRow("main", True), SiteRow("North", False))),
        ),
        Sample(
            "admin-sites-errors",
            _chrome("/admin/sites?errors"),
            SitesPage(
                (SiteRow("main", True),), "main", (FieldError("name", "A site 'main' exists already."),)
            ),
        ),
        Sample("admin-messages", _chrome("/admin/messages"), MESSAGES),
        Sample(
            "admin-messages-refused",
            _chrome("/admin/messages?state=dead"),
            replace(
                MESSAGES,
                messages=(),
                state=MessageState.DEAD,
                trouble="A newer message of this case was sent after this one.",
            ),
        ),
        Sample("audit", _chrome("/audit"), AUDIT),
        Sample(
            "audit-none",
            _chrome("/audit?actor=x"),
            replace(
                AUDIT,
                rows=(),
                wanted=AuditFilter("case.signed", HOSTILE, "none", date(2026, 11, 1), date(2026, 11, 2)),
                query="act=case.signed",
                next_cursor=None,
            ),
        ),
    )
