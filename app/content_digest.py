"""Holds a request's body against the digest that its sender gave: `Content-Digest` (RFC 9530), `X-Content-SHA256`.

A picture with a few flipped bits may still decode, so the sender is the only one who can say what it sent.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from app.errors import BadRequest, ContentAltered

_ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_MEMBER = re.compile(r"\s*([a-z0-9-]+)=:([A-Za-z0-9+/=]*):\s*")


def with_checked_body(request: Request) -> Request:
    """The same request; reading the end of its body raises `ContentAltered` where a digest differs.

    Raises:
        BadRequest: a digest header cannot be read.
    """
    wanted = _wanted(request.headers)
    if not wanted:
        return request
    found = {name: _ALGORITHMS[name]() for name in wanted}

    async def receive() -> Any:
        message = await request.receive()
        for digest in found.values():
            digest.update(message.get("body", b""))
        if message["type"] == "http.request" and not message.get("more_body", False):
            _compare(wanted, {name: digest.digest() for name, digest in found.items()})
        return message

    return Request(request.scope, receive)


def _compare(wanted: Mapping[str, bytes], found: Mapping[str, bytes]) -> None:
    for name, digest in wanted.items():
        if not hmac.compare_digest(digest, found[name]):
            raise ContentAltered(
                f"Expected a body with {name} {digest.hex()}, got one with {found[name].hex()}; nothing was stored. "
                "Send it again."
            )


def _wanted(headers: Mapping[str, str]) -> dict[str, bytes]:
    """Digests by algorithm; algorithms that are not known here are passed over, as the RFC asks."""
    wanted = {}
    if "content-digest" in headers:
        for member in headers["content-digest"].split(","):
            match = _MEMBER.fullmatch(member)
            if match is None:
                raise BadRequest("Expected Content-Digest in the form `sha-256=:BASE64:`.")
            if match[1] in _ALGORITHMS:
                wanted[match[1]] = _decoded(match[2])
    if "x-content-sha256" in headers:
        digest = headers["x-content-sha256"].strip().lower()
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise BadRequest("Expected X-Content-SHA256 with 64 hexadecimal digits.")
        wanted["sha-256"] = bytes.fromhex(digest)
    return wanted


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as broken:
        raise BadRequest("Expected Content-Digest in the form `sha-256=:BASE64:`.") from broken
