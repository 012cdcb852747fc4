"""Passwords at the door: who may try, how often, and what the audit trail keeps of it.

Guesses are counted three ways, for each alone is passed by somebody: an address (one guesser, many accounts), an
account (many addresses, one account), and all strangers together (many of both), since every guess costs half a
second of two cores. Counting accounts alone would let a stranger lock a person out. So a browser that has signed in
before carries a device cookie and is counted by itself.

Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

import hmac
import ipaddress
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from app.accounts.attempts import Attempts, Bucket, Limit
from app.accounts.permissions import Identity
from app.accounts.repository import AccountRepository
from app.accounts.service import AccountService
from app.accounts.tables import User
from app.accounts.tokens import digest_of, new_token
from app.audit.acts import Act
from app.audit.service import STRANGER, AuditService, at_site
from app.database import Database
from app.errors import NotAuthenticated, RateLimited

STRANGERS: Final = Limit("strangers", 10, 5)
ADDRESS: Final = Limit("address", 60, 60)
ACCOUNT_AND_ADDRESS: Final = Limit("account and address", 10, 60)
ACCOUNT: Final = Limit("account", 100, 3600)
DEVICE: Final = Limit("device", 10, 60)
SIGNER: Final = Limit("signer", 10, 60)
DEPARTURES: Final = Limit("departures", 60, 60)
WRONG_KEYS: Final = Limit("wrong keys", 100, 60)

log = structlog.get_logger()


class SignIn:
    """The one gate of passwords; opens its own units of work.

    Args:
        clock: seconds that never go back, for the limits.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._secret = secret
        self._now = now
        self._attempts = Attempts(clock)

    def check(self, email: str, password: str, address: str, device: str | None) -> User:
        """The account of a right e-mail and password. device: the device cookie, if the browser has one.

        Raises:
            NotAuthenticated: the pair is wrong or the account is disabled. RateLimited: too many guesses.
        """
        return self._counted(self._buckets(email, address, device), email, password, address)

    def confirm(self, who: Identity, password: str, address: str) -> None:
        """The signed-in person says the password again, to sign for instance.

        Raises:
            NotAuthenticated: it is wrong, or a key asks. RateLimited: too many guesses.
        """
        with self._database.reading() as session:
            user = AccountRepository(session).user(who.site_id, who.id)
        if user is None:
            raise NotAuthenticated("Only a person's session can do this, never a key.")
        self._counted(((SIGNER, str(user.id)),), user.email, password, address)

    def device_cookie(self, email: str) -> str:
        """Proof that a browser has signed in to this account once; opens nothing by itself."""
        nonce = new_token()
        return f"{nonce}.{self._seal(email, nonce)}"

    def count_wrong_key(self, address: str) -> None:
        """A key that does not exist. Right ones are never counted, so nobody can lock a laboratory out.

        Raises:
            RateLimited: too many from this address.
        """
        self._take(((WRONG_KEYS, network_of(address)),))

    def count_departure(self, address: str) -> None:
        """A way out to the OpenID provider.

        Raises:
            RateLimited: too many from this address.
        """
        self._take(((DEPARTURES, network_of(address)),))

    def record_failure(self, email: str | None, address: str) -> None:
        """A line in the trail. What was typed at the form is not kept: people type passwords there."""
        with self._database.unit_of_work() as session:
            user = AccountRepository(session).user_by_email(email.strip()) if email else None
            who = at_site(STRANGER, user.site_id) if user else STRANGER
            trail = AuditService(session, self._now())
            trail.record(who, Act.SIGN_IN_FAILED, user.id if user else None, address=address)

    def _counted(self, buckets: tuple[Bucket, ...], email: str, password: str, address: str) -> User:
        self._take(buckets)
        try:
            with self._database.reading() as session:
                user = AccountService(session, self._secret, self._now()).check_password(email, password)
        except NotAuthenticated:
            self.record_failure(email, address)
            raise
        self._attempts.give_back(*buckets)
        return user

    def _take(self, buckets: tuple[Bucket, ...]) -> None:
        wait_s = self._attempts.take(*buckets)
        if wait_s is not None:
            log.warning("attempts_limited", limits=[limit.name for limit, _ in buckets], retry_after_s=wait_s)
            raise RateLimited(f"Too many attempts. Try again in {wait_s} seconds.", retry_after_s=wait_s)

    def _buckets(self, email: str, address: str, device: str | None) -> tuple[Bucket, ...]:
        account, network = email.strip().lower(), network_of(address)
        nonce, _, seal = (device or "").partition(".")
        if nonce and hmac.compare_digest(seal.encode(), self._seal(account, nonce).encode()):
            return ((DEVICE, nonce),)
        return (
            (STRANGERS, ""),
            (ADDRESS, network),
            (ACCOUNT_AND_ADDRESS, f"{account} {network}"),
            (ACCOUNT, account),
        )

    def _seal(self, email: str, nonce: str) -> str:
        return digest_of(f"device {email.strip().lower()} {nonce}", self._secret)


def network_of(address: str) -> str:
    """Whom an address stands for: itself, or the /64 that one IPv6 line has to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
