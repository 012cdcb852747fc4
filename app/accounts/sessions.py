"""Sessions of signed-in people, kept on the server: the cookie is a random name and nothing more."""

import uuid
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import BY_ROLE, Identity
from app.accounts.repository import AccountRepository
from app.accounts.tables import LoginSession, User
from app.accounts.tokens import digest_of, new_token
from app.audit.acts import Act
from app.audit.service import AuditService
from app.errors import NotFound

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)


class SessionService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, secret: bytes, now: datetime) -> None:
        self._accounts = AccountRepository(session)
        self._trail = AuditService(session, now)
        self._secret = secret
        self._now = now

    def open(self, user_id: UUID, address: str = "", *, instead_of: str | None = None) -> str:
        """Start a session for a person who has just proved who they are; returns the cookie's value.

        instead_of: the cookie the browser came with. Its session ends, so nobody who planted it shares the new one.
        """
        user = self._accounts.user_by_id(user_id)
        if instead_of is not None:
            self._accounts.delete_session(self._digest(instead_of))
        self._accounts.delete_sessions_before(self._now - ABSOLUTE_LIMIT)
        token = new_token()
        self._accounts.add(
            LoginSession(
                id=uuid.uuid4(),
                token_digest=self._digest(token),
                user_id=user.id,
                created_at=self._now,
                last_seen_at=self._now,
                address=address,
            )
        )
        self._trail.record(identity_of(user), Act.SIGNED_IN, user.id)
        return token

    def end(self, token: str) -> None:
        """Sign out."""
        found = self._accounts.session_with_user(self._digest(token))
        if found is not None:
            self._accounts.delete_session(found[0].token_digest)
            self._trail.record(identity_of(found[1]), Act.SIGNED_OUT, found[1].id)

    def identify(self, token: str) -> tuple[Identity, bool] | None:
        """Who holds this cookie, and whether its last-seen time is old enough to be written again."""
        found = self._accounts.session_with_user(self._digest(token))
        if found is None or found[1].disabled_at is not None or not self._is_live(found[0]):
            return None
        return identity_of(found[1]), self._now - found[0].last_seen_at > TOUCH_EVERY

    def touch(self, token: str) -> None:
        self._accounts.touch_session(self._digest(token), self._now)

    def of_user(self, user_id: UUID) -> list[LoginSession]:
        """Live ones, newest first."""
        return [login for login in self._accounts.sessions_of(user_id) if self._is_live(login)]

    def of_site(self, who: Identity) -> list[tuple[LoginSession, User]]:
        """Live ones of everybody at the asker's site, newest first."""
        found = self._accounts.sessions_at(who.site_id)
        return [(login, user) for login, user in found if self._is_live(login)]

    def holds(self, token: str, login: LoginSession) -> bool:
        """Whether a cookie is the one of a session."""
        return login.token_digest == self._digest(token)

    def end_own(self, who: Identity, session_id: UUID) -> None:
        """End one of the asker's own sessions.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        self._end_one(who, session_id, only_of=who.user_id)

    def end_at_site(self, who: Identity, session_id: UUID) -> None:
        """End a session of anybody at the asker's site.

        Raises:
            NotFound: there is none, or it belongs to another site.
        """
        self._end_one(who, session_id)

    def _end_one(self, who: Identity, session_id: UUID, *, only_of: UUID | None = None) -> None:
        found = self._accounts.session_at(who.site_id, session_id)
        if found is None or (only_of is not None and found.user_id != only_of):
            raise NotFound(f"There is no session {session_id}.")
        self._accounts.delete_session(found.token_digest)
        self._trail.record(who, Act.SESSIONS_ENDED, found.user_id)

    def _is_live(self, login: LoginSession) -> bool:
        """A clock that was set back by more than the writing interval ends sessions rather than extend them."""
        idle, age = self._now - login.last_seen_at, self._now - login.created_at
        return -TOUCH_EVERY <= idle <= IDLE_LIMIT and age <= ABSOLUTE_LIMIT

    def _digest(self, token: str) -> str:
        return digest_of(token, self._secret)


def identity_of(user: User) -> Identity:
    """What the guard makes of a signed-in person."""
    return Identity(
        id=user.id,
        site_id=user.site_id,
        name=user.name,
        permissions=BY_ROLE[user.role],
        user_id=user.id,
        role=user.role,
    )
