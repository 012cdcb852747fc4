"""Who may do what: sites, users, sessions, API keys, and the link that makes the first admin."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.permissions import Role
from app.database import Base, UtcDateTime, one_of


class Site(Base):
    """A laboratory; cases belong to one and are seen only there."""

    __tablename__ = "sites"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)


class User(Base):
    """A person. email is stored lower-case.

    openid_issuer, openid_subject: the person at the OpenID provider, pinned at the first sign-in through it.
    """

    __tablename__ = "users"
    __table_args__ = (sa.UniqueConstraint("openid_issuer", "openid_subject"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    role: Mapped[Role] = mapped_column(one_of(Role, "role"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    openid_issuer: Mapped[str | None] = mapped_column(sa.String(255))
    openid_subject: Mapped[str | None] = mapped_column(sa.String(255))


class LoginSession(Base):
    """A signed-in browser. Only a keyed digest of the cookie is stored; id names the session to people."""

    __tablename__ = "login_sessions"
    token_digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(sa.String(45))


class ApiKey(Base):
    """A system's key. Only a keyed digest is stored; scopes are space-separated."""

    __tablename__ = "api_keys"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    name: Mapped[str] = mapped_column(sa.String(100))
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    scopes: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SetupLink(Base):
    """The one-time link that creates the first admin."""

    __tablename__ = "setup_links"
    token_digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
