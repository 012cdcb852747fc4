"""Passwords: argon2id, a few at a time."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from pwdlib import PasswordHash

from app.errors import BadRequest, RateLimited

MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_CHARACTERS = 200

_hasher = PasswordHash.recommended()
# One argon2id hash takes 64 MiB and half a second of two cores: two at a time, or a login flood is an outage.
_hashing = threading.BoundedSemaphore(2)
# Those that wait hold a thread each, and pages need threads, too.
_waiting = threading.BoundedSemaphore(16)


def hash_password(password: str) -> str:
    """Argon2id.

    Raises:
        BadRequest: outside 12 to 200 characters. RateLimited: too many are being hashed.
    """
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise BadRequest(
            f"Expected a password of {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters, "
            f"got {len(password)}.",
            field="password",
        )
    with _turn():
        return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether they belong together; None, of an unknown account, costs the same time and is always wrong.

    Raises:
        RateLimited: too many are being hashed.
    """
    if len(password) > MAX_PASSWORD_CHARACTERS:
        return False
    with _turn():
        return _hasher.verify(password, password_hash or _decoy_hash()) and password_hash is not None


@contextmanager
def _turn() -> Iterator[None]:
    if not _waiting.acquire(blocking=False):
        raise RateLimited("Many people are signing in at once. Try again shortly.", retry_after_s=2)
    try:
        with _hashing:
            yield
    finally:
        _waiting.release()


@cache
def _decoy_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))
