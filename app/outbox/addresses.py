"""Where a destination listens. Addresses come from the command line only, never from a request."""

from urllib.parse import SplitResult, urlsplit

from app.errors import BadRequest
from app.outbox.states import DestinationKind

_SCHEMES = {
    DestinationKind.WEBHOOK: ("https", "http"),
    DestinationKind.FHIR: ("https", "http"),
    DestinationKind.HL7: ("mllp",),
}


def check_address(kind: DestinationKind, address: str) -> str:
    """The address, when it is one that this kind of destination can be reached at.

    Raises:
        BadRequest: another scheme, no host, no port for MLLP, or a user name, question or fragment in it.
    """
    schemes = _SCHEMES[kind]
    form = "mllp://HOST:PORT" if kind is DestinationKind.HL7 else "https://HOST[:PORT]/PATH"
    refusal = BadRequest(
        f"Expected the address of a {kind.value} destination as {form}, got {address[:200]!r}."
    )
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as broken:
        raise refusal from broken
    needs_port = kind is DestinationKind.HL7
    if parts.scheme not in schemes or not parts.hostname or (needs_port and not port) or _has_more(parts):
        raise refusal
    if len(address) > 500 or not address.isascii() or any(character.isspace() for character in address):
        raise refusal
    return address


def host_and_port(address: str) -> tuple[str, int]:
    """Of a checked MLLP address."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def _has_more(parts: SplitResult) -> bool:
    return bool(parts.username or parts.password or parts.query or parts.fragment)
