"""Accounts of people, the sites they belong to, and the first admin."""

import uuid
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.passwords import hash_password, verify_password
from app.accounts.permissions import Identity, Role
from app.accounts.repository import AccountRepository
from app.accounts.tables import SetupLink, Site, User
from app.accounts.tokens import digest_of, new_token
from app.audit.acts import Act
from app.audit.service import SERVER, Actor, AuditService, at_site
from app.errors import BadRequest, Conflict, NotAllowed, NotAuthenticated, NotFound

DEFAULT_SITE = "main"
SETUP_LINK_LIMIT = timedelta(hours=24)


class AccountService:
    """Works inside the caller's unit of work; never commits.

    Args:
        by: who changes accounts; the audit trail names it.
    """

    def __init__(self, session: Session, secret: bytes, now: datetime, by: Actor = SERVER) -> None:
        self._accounts = AccountRepository(session)
        self._trail = AuditService(session, now)
        self._secret = secret
        self._now = now
        self._by = by

    # --- first admin ---

    def offer_setup(self) -> str | None:
        """A fresh one-time token for the first admin, or None when an account exists. Older links end."""
        if self._accounts.any_user():
            return None
        self._accounts.close_setup_links(self._now)
        token = new_token()
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

    # --- sites ---

    def add_site(self, name: str) -> Site:
        """Found a laboratory.

        Raises:
            BadRequest: the name is empty or too long. Conflict: it is taken.
        """
        name = name.strip()
        if not 0 < len(name) <= 100:
            raise BadRequest("Expected a name of 1 to 100 characters.", field="name")
        if self._accounts.site_by_name(name) is not None:
            raise Conflict(f"A site {name!r} exists already.")
        site = Site(id=uuid.uuid4(), name=name)
        self._accounts.add(site)
        self._record(Act.SITE_ADDED, site.id, site.id)
        return site

    def sites(self) -> list[Site]:
        return self._accounts.sites()

    def site(self, name: str | None = None) -> Site:
        """A site by its name; without one the default site, made on first use.

        Raises:
            NotFound: there is none of that name.
        """
        site = self._accounts.site_by_name(name or DEFAULT_SITE)
        if site is not None:
            return site
        if name is None or name == DEFAULT_SITE:
            return self.add_site(DEFAULT_SITE)
        raise NotFound(f"There is no site {name!r}. `leukolens sites list` names them.")

    def site_of(self, who: Identity) -> Site:
        """The asker's own."""
        return self._accounts.site_by_id(who.site_id)

    # --- people ---

    def add_user(self, email: str, name: str, password: str, role: Role, site: Site | None = None) -> User:
        """Create an account, at the default site unless another is given.

        Raises:
            BadRequest: the password is too short or the e-mail is none. Conflict: the e-mail is taken.
        """
        email, name = email.strip().lower(), name.strip()
        if "@" not in email or len(email) > 254 or not email.isprintable():
            raise BadRequest(f"Expected an e-mail address, got {email[:80]!r}.", field="email")
        if not 0 < len(name) <= 100 or not name.isprintable():
            raise BadRequest("Expected a name of 1 to 100 printable characters.", field="name")
        if self._accounts.user_by_email(email) is not None:
            raise Conflict(f"An account for {email} exists already.")
        user = User(
            id=uuid.uuid4(),
            site_id=(site or self.site()).id,
            email=email,
            name=name,
            password_hash=hash_password(password),
            role=role,
            created_at=self._now,
            disabled_at=None,
        )
        self._accounts.add(user)
        self._record(Act.ACCOUNT_ADDED, user.site_id, user.id, role=role.value)
        return user

    def set_password(self, user: User, password: str) -> None:
        """Change a password; every session of the account ends."""
        user.password_hash = hash_password(password)
        self._accounts.delete_sessions_of(user.id)
        self._record(Act.ACCOUNT_CHANGED, user.site_id, user.id, changed="password")

    def set_role(self, user: User, role: Role) -> None:
        """Change what a person may do; every session of the account ends.

        Raises:
            Conflict: it is the asker's own account.
        """
        self._refuse_own(user)
        user.role = role
        self._accounts.delete_sessions_of(user.id)
        self._record(Act.ACCOUNT_CHANGED, user.site_id, user.id, changed="role", role=role.value)

    def disable(self, user: User) -> None:
        """Lock an account; every session of it ends.

        Raises:
            Conflict: it is the asker's own account.
        """
        self._refuse_own(user)
        user.disabled_at = user.disabled_at or self._now
        self._accounts.delete_sessions_of(user.id)
        self._record(Act.ACCOUNT_DISABLED, user.site_id, user.id)

    def users(self, site_id: UUID | None = None) -> list[User]:
        """By e-mail; of one site, or of all."""
        return self._accounts.users(site_id)

    def user_by_email(self, email: str) -> User:
        """An account of any site, for the command line.

        Raises:
            NotFound: there is none.
        """
        user = self._accounts.user_by_email(email.strip())
        if user is None:
            raise NotFound(f"There is no account for {email}.")
        return user

    def colleague(self, who: Identity, user_id: UUID) -> User:
        """An account of the asker's own site.

        Raises:
            NotFound: there is none, or it belongs to another site.
        """
        user = self._accounts.user(who.site_id, user_id)
        if user is None:
            raise NotFound(f"There is no account {user_id}.")
        return user

    def check_password(self, email: str, password: str) -> User:
        """The account of a right e-mail and password.

        An unknown address costs the same time as a wrong password, so addresses cannot be probed. Call it in
        a reading session: hashing takes long, and a writing one would keep everybody else waiting. Doors ask
        `app.accounts.sign_in`, which also counts attempts.

        Raises:
            NotAuthenticated: the pair is wrong or the account is disabled. RateLimited: too many at once.
        """
        user = self._accounts.user_by_email(email.strip())
        right = verify_password(password, user.password_hash if user else None)
        if user is None or not right or user.disabled_at is not None:
            raise NotAuthenticated("E-mail address and password do not match an active account.")
        return user

    def vouched_for(self, issuer: str, subject: str, email: str | None) -> User:
        """The account of a person whom the OpenID provider vouches for; only an admin makes accounts.

        The first time, the account is found by the address that the provider has verified, and from then on by the
        subject: addresses are given to other people.

        Raises:
            NotAllowed: there is no such account, it is somebody else's or disabled.
        """
        user = self._accounts.user_by_openid(issuer, subject)
        if user is None and email is not None:
            user = self._accounts.user_by_email(email)
            if user is not None and user.openid_issuer == issuer:
                user = None
        if user is None or user.disabled_at is not None:
            raise NotAllowed("There is no account for you here. Ask an admin of your site for one.")
        if user.openid_subject != subject or user.openid_issuer != issuer:
            user.openid_issuer, user.openid_subject = issuer, subject
            self._record(Act.ACCOUNT_CHANGED, user.site_id, user.id, changed="openid")
        return user

    # --- shared ---

    def names(self, ids: set[UUID]) -> dict[UUID, str]:
        """Names of users and keys, by id."""
        return self._accounts.names(ids)

    def last_seen(self) -> dict[UUID, datetime]:
        """When each user with a session was last here."""
        return self._accounts.last_seen()

    def _refuse_own(self, user: User) -> None:
        """So that a site always keeps an admin."""
        if user.id == self._by.id:
            raise Conflict("This is your own account. Ask another admin to change it.")

    def _record(self, act: Act, site_id: UUID, object_id: UUID, **details: str) -> None:
        self._trail.record(at_site(self._by, site_id), act, object_id, **details)

    def _digest(self, token: str) -> str:
        return digest_of(token, self._secret)
