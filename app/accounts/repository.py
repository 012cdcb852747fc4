"""All SQL about accounts."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.accounts.tables import ApiKey, LoginSession, SetupLink, Site, User
from app.database import UtcDateTime


class AccountRepository:
    """Reads and writes accounts in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Site | User | LoginSession | ApiKey | SetupLink) -> None:
        self._session.add(row)
        self._session.flush()

    def any_user(self) -> bool:
        return self._session.scalar(sa.select(User.id).limit(1)) is not None

    def site_by_name(self, name: str) -> Site | None:
        return self._session.scalar(sa.select(Site).where(Site.name == name))

    def site_by_id(self, site_id: UUID) -> Site:
        return self._session.get_one(Site, site_id)

    def sites(self) -> list[Site]:
        return list(self._session.scalars(sa.select(Site).order_by(Site.name)))

    def user(self, site_id: UUID, user_id: UUID) -> User | None:
        return self._session.scalar(sa.select(User).where(User.id == user_id, User.site_id == site_id))

    def user_by_id(self, user_id: UUID) -> User:
        return self._session.get_one(User, user_id)

    def user_by_email(self, email: str) -> User | None:
        return self._session.scalar(sa.select(User).where(User.email == email.lower()))

    def user_by_openid(self, issuer: str, subject: str) -> User | None:
        return self._session.scalar(
            sa.select(User).where(User.openid_issuer == issuer, User.openid_subject == subject)
        )

    def users(self, site_id: UUID | None) -> list[User]:
        """By e-mail; None for every site."""
        query = sa.select(User).order_by(User.email)
        return list(self._session.scalars(query if site_id is None else query.where(User.site_id == site_id)))

    def names(self, ids: set[UUID]) -> dict[UUID, str]:
        """Names of users and keys, by id."""
        users = sa.select(User.id, User.name).where(User.id.in_(ids))
        keys = sa.select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(ids))
        return {row.id: row.name for row in self._session.execute(sa.union_all(users, keys))}

    def last_seen(self) -> dict[UUID, datetime]:
        """When each user with a session was last here."""
        rows = self._session.execute(
            sa.select(
                LoginSession.user_id, sa.func.max(LoginSession.last_seen_at, type_=UtcDateTime())
            ).group_by(LoginSession.user_id)
        )
        return {user_id: moment for user_id, moment in rows}

    def session_with_user(self, token_digest: str) -> tuple[LoginSession, User] | None:
        row = self._session.execute(
            sa.select(LoginSession, User)
            .join(User, User.id == LoginSession.user_id)
            .where(LoginSession.token_digest == token_digest)
        ).first()
        return None if row is None else (row[0], row[1])

    def touch_session(self, token_digest: str, now: datetime) -> None:
        self._session.execute(
            sa.update(LoginSession).where(LoginSession.token_digest == token_digest).values(last_seen_at=now)
        )

    def delete_session(self, token_digest: str) -> None:
        self._session.execute(sa.delete(LoginSession).where(LoginSession.token_digest == token_digest))

    def sessions_of(self, user_id: UUID) -> list[LoginSession]:
        return list(
            self._session.scalars(
                sa.select(LoginSession)
                .where(LoginSession.user_id == user_id)
                .order_by(LoginSession.created_at.desc())
            )
        )

    def sessions_at(self, site_id: UUID) -> list[tuple[LoginSession, User]]:
        """Newest first."""
        rows = self._session.execute(
            sa.select(LoginSession, User)
            .join(User, User.id == LoginSession.user_id)
            .where(User.site_id == site_id)
            .order_by(LoginSession.created_at.desc())
        )
        return [(login, user) for login, user in rows]

    def session_at(self, site_id: UUID, session_id: UUID) -> LoginSession | None:
        return self._session.scalar(
            sa.select(LoginSession)
            .join(User, User.id == LoginSession.user_id)
            .where(LoginSession.id == session_id, User.site_id == site_id)
        )

    def delete_sessions_before(self, moment: datetime) -> None:
        self._session.execute(sa.delete(LoginSession).where(LoginSession.created_at < moment))

    def delete_sessions_of(self, user_id: UUID) -> None:
        self._session.execute(sa.delete(LoginSession).where(LoginSession.user_id == user_id))

    def key_by_digest(self, digest: str) -> ApiKey | None:
        return self._session.scalar(sa.select(ApiKey).where(ApiKey.digest == digest))

    def key(self, key_id: UUID) -> ApiKey | None:
        return self._session.get(ApiKey, key_id)

    def touch_key(self, key_id: UUID, now: datetime) -> None:
        self._session.execute(sa.update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now))

    def keys(self, site_id: UUID | None) -> list[ApiKey]:
        """In order of creation; None for every site."""
        query = sa.select(ApiKey).order_by(ApiKey.created_at)
        return list(
            self._session.scalars(query if site_id is None else query.where(ApiKey.site_id == site_id))
        )

    def use_setup_link(self, token_digest: str, now: datetime) -> bool:
        """Mark a link used; False when there is none, or it was used or replaced before."""
        used: Any = self._session.execute(
            sa.update(SetupLink)
            .where(SetupLink.token_digest == token_digest, SetupLink.used_at.is_(None))
            .values(used_at=now)
        )
        return bool(used.rowcount == 1)

    def open_setup_link(self, token_digest: str) -> SetupLink | None:
        return self._session.scalar(
            sa.select(SetupLink).where(SetupLink.token_digest == token_digest, SetupLink.used_at.is_(None))
        )

    def close_setup_links(self, now: datetime) -> None:
        self._session.execute(sa.update(SetupLink).where(SetupLink.used_at.is_(None)).values(used_at=now))
