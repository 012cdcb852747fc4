"""What a cookie, a key or a link is made of, and the digest that is stored instead of it."""

import hashlib
import hmac
import secrets


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def digest_of(token: str, secret: bytes) -> str:
    """Keyed, so that a copy of the database alone can neither be searched for a token nor extended by one."""
    return hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()
