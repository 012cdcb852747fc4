"""What an admin looks after: accounts, keys, sessions, sites, messages, and the audit trail."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from app.accounts.permissions import Scope
from app.web.page_contexts.accounts import FieldError
from app.web.page_contexts.shared import CaseRef, Context
from app.web.words import MessageState, Role


@dataclass(frozen=True)
class UserRow:
    """One account; `own` marks the visitor's, which another admin has to change."""

    id: str
    name: str
    email: str
    role: Role
    active: bool
    created_at: datetime
    last_seen_at: datetime | None
    own: bool = False


@dataclass(frozen=True)
class NewAccount:
    """What was written into the form for a new account; never its password."""

    email: str = ""
    name: str = ""
    role: Role = Role.REVIEWER


@dataclass(frozen=True)
class AccountsPage(Context):
    """`/admin`: the accounts of the site. `trouble` says why the last change was refused."""

    template: ClassVar[str] = "admin_accounts.html"
    users: tuple[UserRow, ...]
    new: NewAccount = NewAccount()
    errors: tuple[FieldError, ...] = ()
    trouble: str | None = None
    min_password_length: int = 12
    roles: tuple[Role, ...] = tuple(Role)


@dataclass(frozen=True)
class KeyRow:
    """One API key, without its secret; `live` while it opens anything."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    live: bool


@dataclass(frozen=True)
class MadeKey:
    """A key that was made by this very request: its secret is shown on this page and never again."""

    name: str
    secret: str


@dataclass(frozen=True)
class KeysPage(Context):
    """`/admin/keys`: the keys of systems. `name` is what was written into the form."""

    template: ClassVar[str] = "admin_keys.html"
    keys: tuple[KeyRow, ...]
    made: MadeKey | None = None
    name: str = ""
    errors: tuple[FieldError, ...] = ()
    trouble: str | None = None
    scopes: tuple[Scope, ...] = tuple(Scope)


@dataclass(frozen=True)
class OpenSession:
    """One signed-in browser of somebody at the site; `here` marks the one that asks."""

    id: str
    name: str
    email: str
    created_at: datetime
    last_seen_at: datetime
    address: str
    here: bool


@dataclass(frozen=True)
class SessionsPage(Context):
    """`/admin/sessions`: who is signed in, and where from."""

    template: ClassVar[str] = "admin_sessions.html"
    sessions: tuple[OpenSession, ...]


@dataclass(frozen=True)
class SiteRow:
    """One laboratory; `own` marks the visitor's."""

    name: str
    own: bool


@dataclass(frozen=True)
class SitesPage(Context):
    """`/admin/sites`: the laboratories on this server."""

    template: ClassVar[str] = "admin_sites.html"
    sites: tuple[SiteRow, ...]
    name: str = ""
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True)
class AuditRow:
    """One line of the trail; `details` as name and value."""

    number: int
    at: datetime
    actor: str
    act: str
    object_id: str | None
    details: tuple[tuple[str, str], ...]
    digest: str


@dataclass(frozen=True)
class AuditFilter:
    """What the reader asked for; empty where nothing was."""

    act: str = ""
    actor: str = ""
    object_id: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class AuditPage(Context):
    """`/audit`: the trail of the site, newest first; `query` repeats the filter in links."""

    template: ClassVar[str] = "audit.html"
    rows: tuple[AuditRow, ...]
    wanted: AuditFilter
    acts: tuple[str, ...]
    query: str
    next_cursor: str | None


@dataclass(frozen=True)
class MessageRow:
    """One message to one destination; `problem` says why the last try failed."""

    id: str
    case: CaseRef
    destination: str
    kind: str
    occasion: str
    state: MessageState
    attempts: int
    problem: str | None
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True)
class MessagesPage(Context):
    """`/admin/messages`: what was sent, waits or was given up. `state` is the one that is shown, None for all."""

    template: ClassVar[str] = "admin_messages.html"
    messages: tuple[MessageRow, ...]
    state: MessageState | None
    trouble: str | None = None
    states: tuple[MessageState, ...] = tuple(MessageState)
