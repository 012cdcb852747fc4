"""Signatures of webhooks: HMAC-SHA256 over `timestamp.body`, in the header `Leukolens-Signature: t=SECONDS,v1=HEX`.

Uses nothing but the standard library, so that a receiver written in Python can take this file as it is.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "Leukolens-Signature"
REPLAY_WINDOW_S: Final = 300


class SignatureRefused(ValueError):
    """The message was not signed with this secret, or was signed too long ago."""


def sign(secret: str, body: bytes, timestamp_s: int) -> str:
    """Value of the header for a body that is sent at this time (Unix, seconds)."""
    return f"t={timestamp_s},v1={_digest(secret, body, timestamp_s)}"


def verify(secret: str, header: str, body: bytes, now_s: float) -> None:
    """What a receiver does before it reads a message; body: the bytes as they came.

    A message with a right signature can still come twice: keep its `id` for longer than the window.

    Raises:
        SignatureRefused: the header cannot be read, the signature is wrong, or it is more than five minutes old.
    """
    try:
        parts = dict(part.strip().split("=", 1) for part in header.split(","))
        timestamp_s, signature = int(parts["t"]), parts["v1"]
    except (KeyError, ValueError) as broken:
        raise SignatureRefused(f"Expected {HEADER}: t=SECONDS,v1=HEX.") from broken
    if not hmac.compare_digest(_digest(secret, body, timestamp_s).encode(), signature.encode()):
        raise SignatureRefused("The signature does not belong to this body, timestamp and secret.")
    if abs(now_s - timestamp_s) > REPLAY_WINDOW_S:
        raise SignatureRefused(
            f"Signed {now_s - timestamp_s:.0f} s ago; at most {REPLAY_WINDOW_S} s are accepted."
        )


def _digest(secret: str, body: bytes, timestamp_s: int) -> str:
    return hmac.new(secret.encode(), f"{timestamp_s}.".encode() + body, hashlib.sha256).hexdigest()
