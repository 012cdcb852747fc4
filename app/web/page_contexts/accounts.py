"""Signing in, the first admin, and what went wrong."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.web.page_contexts.shared import Context
from app.web.words import Role


@dataclass(frozen=True)
class LoginPage(Context):
    """`/login`. `next` is the local path to go to afterwards; `error` says why the last attempt failed.

    has_provider: people may sign in at an OpenID provider, too.
    """

    template: ClassVar[str] = "login.html"
    next: str
    email: str = ""
    error: str | None = None
    has_provider: bool = False


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a form."""

    field: str
    text: str


@dataclass(frozen=True)
class SetupPage(Context):
    """`/setup/{token}`: the one-time form that creates the first admin."""

    template: ClassVar[str] = "setup.html"
    token: str
    email: str = ""
    name: str = ""
    errors: tuple[FieldError, ...] = ()
    min_password_length: int = 12


@dataclass(frozen=True)
class SessionRow:
    """One signed-in browser; `here` marks the one that asks."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    address: str
    here: bool


@dataclass(frozen=True)
class AccountPage(Context):
    """`/account`: the visitor's own account, its sessions, and the form that changes the password."""

    template: ClassVar[str] = "account.html"
    name: str
    email: str
    role: Role
    sessions: tuple[SessionRow, ...]
    errors: tuple[FieldError, ...] = ()
    min_password_length: int = 12


@dataclass(frozen=True)
class ErrorPage(Context):
    """A problem, for a person: the fields of RFC 9457 and the next step."""

    template: ClassVar[str] = "error.html"
    status: int
    title: str
    detail: str
    code: str
    what_to_do: str
