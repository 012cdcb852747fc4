"""Accounts: signing in, keys, and the first admin."""

import hashlib
import hmac
import secrets
import threading
import uuid
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy.orm import Session

from app.accounts.permissions import BY_ROLE, BY_SCOPE, Identity, Role, Scope
from app.accounts.repository import AccountRepository
from app.accounts.tables import ApiKey, LoginSession, SetupLink, Site, User
from app.errors import BadRequest, Conflict, NotAuthenticated, NotFound

DEFAULT_SITE = "main"
MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_CHARACTERS = 200
IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
SETUP_LINK_LIMIT = timedelta(hours=24)
KEY_PREFIX = "leuko_"

_hasher = PasswordHash.recommended()
# One argon2id hash takes 64 MiB and half a second of two cores: two at a time, or a login flood is an outage.
_hashing = threading.BoundedSemaphore(2)


class AccountService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, secret: bytes, now: datetime) -> None:
        self._accounts = AccountRepository(session)
        self._secret = secret
        self._now = now

    # --- first admin ---

    def offer_setup(self) -> str | None:
        """A fresh one-time token for the first admin, or None when an account exists. Older links end."""
        if self._accounts.any_user():
            return None
        self._accounts.close_setup_links(self._now)
        token = secrets.token_urlsafe(32)
        self._accounts.add(SetupLink(token_digest=self._digest(token), created_at=self._now))
        return token

    def setup_is_open(self, token: str) -> bool:
        """Whether the link would still work."""
        link = self._accounts.open_setup_link(self._digest(token))
        return link is not None and self._now - link.created_at <= SETUP_LINK_LIMIT

    def create_first_admin(self, token: str, email: str, name: str, password: str) -> User:
        """Use up the link and create the admin.

        Raises:
            NotFound: the link is unknown, used or old. BadRequest: the password or e-mail is not usable.
        """
        if not self.setup_is_open(token) or not self._accounts.use_setup_link(self._digest(token), self._now):
            raise NotFound("This link has been used or has expired. Restart the server to get a new one.")
        return self.add_user(email, name, password, Role.ADMIN)

    # --- people ---

    def add_user(self, email: str, name: str, password: str, role: Role) -> User:
        """Create an account.

        Raises:
            BadRequest: the password is too short or the e-mail is none. Conflict: the e-mail is taken.
        """
        email, name = email.strip().lower(), name.strip()
        if "@" not in email or len(email) > 254:
            raise BadRequest(f"Expected an e-mail address, got {email[:80]!r}.", field="email")
        if not name or len(name) > 100:
            raise BadRequest("Expected a name of 1 to 100 characters.", field="name")
        if self._accounts.user_by_email(email) is not None:
            raise Conflict(f"An account for {email} exists already.")
        user = User(
            id=uuid.uuid4(),
            site_id=self.default_site().id,
            email=email,
            name=name,
            password_hash=hash_password(password),
            role=role,
            created_at=self._now,
            disabled_at=None,
        )
        self._accounts.add(user)
        return user

    def set_password(self, email: str, password: str) -> None:
        """Change a password; every session of the account ends."""
        user = self._known(email)
        user.password_hash = hash_password(password)
        self._accounts.delete_sessions_of(user.id)

    def disable(self, email: str) -> None:
        """Lock an account; every session of it ends."""
        user = self._known(email)
        user.disabled_at = self._now
        self._accounts.delete_sessions_of(user.id)

    def users(self) -> list[User]:
        return self._accounts.users()

    def check_password(self, email: str, password: str) -> User:
        """The account of a right e-mail and password.

        An unknown address costs the same time as a wrong password, so addresses cannot be probed. Call it in
        a reading session: hashing takes long, and a writing one would keep everybody else waiting.

        Raises:
            NotAuthenticated: the pair is wrong or the account is disabled.
        """
        user = self._accounts.user_by_email(email.strip())
        right = verify_password(password, user.password_hash if user else _decoy_hash())
        if user is None or not right or user.disabled_at is not None:
            raise NotAuthenticated("E-mail address and password do not match an active account.")
        return user

    def open_session(self, user_id: UUID) -> str:
        """Start a session for a person who has just proved who they are; returns the cookie's value."""
        token = secrets.token_urlsafe(32)
        self._accounts.add(
            LoginSession(
                token_digest=self._digest(token),
                user_id=user_id,
                created_at=self._now,
                last_seen_at=self._now,
            )
        )
        return token

    def logout(self, token: str) -> None:
        self._accounts.delete_session(self._digest(token))

    def identify_session(self, token: str) -> tuple[Identity, bool] | None:
        """Who holds this cookie, and whether its last-seen time is old enough to be written again."""
        found = self._accounts.session_with_user(self._digest(token))
        if found is None:
            return None
        login, user = found
        idle, age = self._now - login.last_seen_at, self._now - login.created_at
        if user.disabled_at is not None or idle > IDLE_LIMIT or age > ABSOLUTE_LIMIT:
            return None
        identity = Identity(
            id=user.id,
            site_id=user.site_id,
            name=user.name,
            permissions=BY_ROLE[user.role],
            user_id=user.id,
            role=user.role,
        )
        return identity, idle > TOUCH_EVERY

    def touch_session(self, token: str) -> None:
        self._accounts.touch_session(self._digest(token), self._now)

    # --- systems ---

    def create_key(self, name: str, scopes: list[Scope]) -> tuple[ApiKey, str]:
        """Make an API key; the second value is shown once and never again."""
        if not scopes:
            raise BadRequest(f"Expected at least one scope out of {', '.join(Scope)}.")
        token = KEY_PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(
            id=uuid.uuid4(),
            site_id=self.default_site().id,
            name=name,
            digest=self._digest(token),
            scopes=" ".join(sorted(set(scopes))),
            created_at=self._now,
            last_used_at=None,
            revoked_at=None,
        )
        self._accounts.add(key)
        return key, token

    def api_keys(self) -> list[ApiKey]:
        return self._accounts.keys()

    def revoke_key(self, key_id: UUID) -> None:
        key = self._accounts.key(key_id)
        if key is None:
            raise NotFound(f"There is no key {key_id}.")
        key.revoked_at = key.revoked_at or self._now

    def identify_key(self, token: str) -> tuple[Identity, bool] | None:
        """Which system holds this key, and whether its last-used time is old enough to be written again."""
        key = self._accounts.key_by_digest(self._digest(token))
        if key is None or key.revoked_at is not None:
            return None
        permissions = frozenset().union(*(BY_SCOPE[Scope(scope)] for scope in key.scopes.split()))
        identity = Identity(id=key.id, site_id=key.site_id, name=key.name, permissions=permissions)
        return identity, key.last_used_at is None or self._now - key.last_used_at > TOUCH_EVERY

    def touch_key(self, key_id: UUID) -> None:
        self._accounts.touch_key(key_id, self._now)

    # --- shared ---

    def names(self, ids: set[UUID]) -> dict[UUID, str]:
        """Names of users and keys, by id."""
        return self._accounts.names(ids)

    def last_seen(self) -> dict[UUID, datetime]:
        """When each user with a session was last here."""
        return self._accounts.last_seen()

    def default_site(self) -> Site:
        site = self._accounts.site_by_name(DEFAULT_SITE)
        if site is None:
            site = Site(id=uuid.uuid4(), name=DEFAULT_SITE)
            self._accounts.add(site)
        return site

    def _known(self, email: str) -> User:
        user = self._accounts.user_by_email(email.strip())
        if user is None:
            raise NotFound(f"There is no account for {email}.")
        return user

    def _digest(self, token: str) -> str:
        """Keyed, so that a copy of the database alone can neither be searched for a token nor extended by one."""
        return hmac.new(self._secret, token.encode(), hashlib.sha256).hexdigest()


def hash_password(password: str) -> str:
    """Argon2id.

    Raises:
        BadRequest: outside 12 to 200 characters.
    """
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise BadRequest(
            f"Expected a password of {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters, "
            f"got {len(password)}.",
            field="password",
        )
    with _hashing:
        return _hasher.hash(password)


def verify_password(password: str, password_hash: str) -> bool:
    if len(password) > MAX_PASSWORD_CHARACTERS:
        return False
    with _hashing:
        return _hasher.verify(password, password_hash)


@cache
def _decoy_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))
