"""Keys of systems."""

import uuid
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import BY_SCOPE, Identity, Scope
from app.accounts.repository import AccountRepository
from app.accounts.sessions import TOUCH_EVERY
from app.accounts.tables import ApiKey, Site
from app.accounts.tokens import digest_of, new_token
from app.audit.acts import Act
from app.audit.service import SERVER, Actor, AuditService, at_site
from app.errors import BadRequest, Conflict, NotFound

KEY_PREFIX = "leuko_"
"""Says to people and to secret scanners what such a text is."""

MAX_KEY_DAYS = 3650


class KeyService:
    """Works inside the caller's unit of work; never commits.

    Args:
        by: who makes and ends keys; the audit trail names it.
    """

    def __init__(self, session: Session, secret: bytes, now: datetime, by: Actor = SERVER) -> None:
        self._accounts = AccountRepository(session)
        self._trail = AuditService(session, now)
        self._secret = secret
        self._now = now
        self._by = by

    def create(
        self, site: Site, name: str, scopes: list[Scope], lives: timedelta | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is shown once and never again. lives: None for no end.

        Raises:
            BadRequest: no scope, no usable name, or a life outside 1 to 3650 days.
        """
        if not scopes:
            raise BadRequest(f"Expected at least one scope out of {', '.join(Scope)}.", field="scopes")
        if not 0 < len(name.strip()) <= 100 or not name.isprintable():
            raise BadRequest("Expected a name of 1 to 100 printable characters.", field="name")
        if lives is not None and not timedelta(days=1) <= lives <= timedelta(days=MAX_KEY_DAYS):
            raise BadRequest(f"Expected a life of 1 to {MAX_KEY_DAYS} days.", field="days")
        expires_at = None if lives is None else self._now + lives
        key, token = self._add(site.id, name.strip(), " ".join(sorted(set(scopes))), expires_at)
        self._record(Act.KEY_CREATED, key, scopes=key.scopes)
        return key, token

    def rotate(self, key: ApiKey, overlap: timedelta) -> tuple[ApiKey, str]:
        """A new key that may do the same; the old one works on for `overlap`, so that no request is lost.

        Raises:
            Conflict: the key has ended. BadRequest: the overlap is negative or over 90 days.
        """
        if not self.is_live(key):
            raise Conflict("This key has ended already. Create a new one.")
        if not timedelta(0) <= overlap <= timedelta(days=90):
            raise BadRequest("Expected an overlap of 0 to 90 days.")
        life = None if key.expires_at is None else key.expires_at - key.created_at
        new, token = self._add(key.site_id, key.name, key.scopes, None if life is None else self._now + life)
        end = self._now + overlap
        key.expires_at = end if key.expires_at is None else min(key.expires_at, end)
        self._record(Act.KEY_ROTATED, key, successor=str(new.id))
        return new, token

    def revoke(self, key: ApiKey) -> None:
        """End a key at once."""
        key.revoked_at = key.revoked_at or self._now
        self._record(Act.KEY_REVOKED, key)

    def all(self, site_id: UUID | None = None) -> list[ApiKey]:
        """In order of creation; of one site, or of all."""
        return self._accounts.keys(site_id)

    def key(self, key_id: UUID, site_id: UUID | None = None) -> ApiKey:
        """A key, of one site or of any.

        Raises:
            NotFound: there is none, or it belongs to another site.
        """
        key = self._accounts.key(key_id)
        if key is None or (site_id is not None and key.site_id != site_id):
            raise NotFound(f"There is no key {key_id}.")
        return key

    def identify(self, token: str) -> tuple[Identity, bool] | None:
        """Which system holds this key, and whether its last-used time is old enough to be written again."""
        key = self._accounts.key_by_digest(digest_of(token, self._secret))
        if key is None or not self.is_live(key):
            return None
        permissions = frozenset().union(*(BY_SCOPE[Scope(scope)] for scope in key.scopes.split()))
        identity = Identity(id=key.id, site_id=key.site_id, name=key.name, permissions=permissions)
        return identity, key.last_used_at is None or self._now - key.last_used_at > TOUCH_EVERY

    def touch(self, key_id: UUID) -> None:
        self._accounts.touch_key(key_id, self._now)

    def _add(self, site_id: UUID, name: str, scopes: str, expires_at: datetime | None) -> tuple[ApiKey, str]:
        token = KEY_PREFIX + new_token()
        key = ApiKey(
            id=uuid.uuid4(),
            site_id=site_id,
            name=name,
            digest=digest_of(token, self._secret),
            scopes=scopes,
            created_at=self._now,
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
        )
        self._accounts.add(key)
        return key, token

    def is_live(self, key: ApiKey) -> bool:
        """Whether a key opens anything now."""
        return key.revoked_at is None and (key.expires_at is None or self._now < key.expires_at)

    def _record(self, act: Act, key: ApiKey, **details: str) -> None:
        self._trail.record(at_site(self._by, key.site_id), act, key.id, **details)
