"""The table of roles and scopes: who may do what. Routes name a permission, nothing else decides."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from uuid import UUID


class Role(StrEnum):
    """What a person may do; see `BY_ROLE`."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"


class Scope(StrEnum):
    """What an API key may do."""

    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    REVIEWS_WRITE = "reviews:write"
    MODELS_ADMIN = "models:admin"


class Permission(Enum):
    """One thing a route may ask for."""

    OWN_ACCOUNT = auto()
    SEE_CASES = auto()
    UPLOAD = auto()
    VOID = auto()
    GIVE_VERDICT = auto()
    SIGN = auto()
    SEE_MODELS = auto()
    MANAGE_MODELS = auto()
    MANAGE_MESSAGES = auto()
    MANAGE_ACCOUNTS = auto()
    SEE_AUDIT = auto()


_LOOK = frozenset({Permission.SEE_CASES, Permission.SEE_MODELS})
_JUDGE = _LOOK | {
    Permission.OWN_ACCOUNT,
    Permission.UPLOAD,
    Permission.VOID,
    Permission.GIVE_VERDICT,
}

BY_ROLE: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _LOOK | {Permission.OWN_ACCOUNT},
    Role.REVIEWER: _JUDGE | {Permission.SIGN},
    # An admin makes accounts, so an admin's signature would prove nothing about who answers for a case.
    Role.ADMIN: frozenset(Permission) - {Permission.SIGN},
}

BY_SCOPE: dict[Scope, frozenset[Permission]] = {
    Scope.CASES_READ: _LOOK,
    Scope.CASES_WRITE: frozenset({Permission.UPLOAD}),
    Scope.REVIEWS_WRITE: frozenset({Permission.GIVE_VERDICT}),
    Scope.MODELS_ADMIN: frozenset({Permission.SEE_MODELS, Permission.MANAGE_MODELS}),
}


@dataclass(frozen=True)
class Identity:
    """Who is asking: a signed-in person or a system with a key.

    id: of the user or the key. user_id: set for a person only. role: None for a key.
    """

    id: UUID
    site_id: UUID
    name: str
    permissions: frozenset[Permission]
    user_id: UUID | None = None
    role: Role | None = None
