"""MLLP: HL7 v2 messages over TCP, each between a start byte and two end bytes, each answered by an acknowledgement.

Receivers differ in what they leave out or add, so reading is lenient: UTF-8 or Latin-1, line ends of any kind,
blank lines. Writing is strict: UTF-8, one carriage return behind each segment.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

START: Final = b"\x0b"
END: Final = b"\x1c\r"
LARGEST_MESSAGE_BYTES: Final = 4 * 1024 * 1024


class Malformed(Exception):
    """What came is no HL7 message in its frame."""


@dataclass(frozen=True)
class Acknowledgement:
    """A receiver's word on one message. code: `AA` taken, `AE` wrong in itself, `AR` not now. text: its reason."""

    code: str
    control_id: str
    text: str


def frame(message: str) -> bytes:
    """A message as it goes over the wire."""
    return START + message.encode() + END


async def read_frame(reader: asyncio.StreamReader) -> str | None:
    """The next message of a connection, or None when the other side has closed it.

    Raises:
        Malformed: something else than a framed message came, or half of one. asyncio.LimitOverrunError: it is longer
        than the reader's limit.
    """
    try:
        framed = await reader.readuntil(END)
    except asyncio.IncompleteReadError as ended:
        if ended.partial.strip():
            raise Malformed("Expected a whole message, but the connection ended within one.") from ended
        return None
    before, start, content = framed.removesuffix(END).partition(START)
    if not start or before.strip():
        raise Malformed("Expected a message that starts with the byte 0x0B.")
    return text_of(content)


def text_of(content: bytes) -> str:
    """The characters of a message; what is not UTF-8 is taken for Latin-1, which older systems send."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def segments_of(message: str) -> list[list[str]]:
    """Fields of each segment, the segment's name first; blank lines and the kind of line end do not matter."""
    return [line.split("|") for line in re.split(r"[\r\n]+", message) if line.strip()]


def read_acknowledgement(message: str) -> Acknowledgement:
    """What an ACK says.

    Raises:
        Malformed: it has no MSA segment with a code and a control id.
    """
    for name, *fields in segments_of(message):
        if name.strip() == "MSA" and len(fields) >= 2:
            return Acknowledgement(fields[0].strip(), fields[1].strip(), fields[2] if len(fields) > 2 else "")
    raise Malformed("Expected an acknowledgement with a segment MSA|code|control id.")


def acknowledgement(code: str, control_id: str, sent_at: datetime, text: str = "") -> str:
    """What a listener answers to a message with this control id."""
    moment = sent_at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
    header = f"MSH|^~\\&|LIS||LEUKOLENS||{moment}||ACK^R01^ACK|{control_id}|P|2.5.1"
    return f"{header}\rMSA|{code}|{control_id}|{text}\r"


async def exchange(host: str, port: int, message: str) -> Acknowledgement:
    """Send one message on a connection of its own and wait for the answer; the caller limits the time.

    Raises:
        OSError: no connection, or it broke. Malformed: the answer is none.
    """
    reader, writer = await asyncio.open_connection(host, port, limit=LARGEST_MESSAGE_BYTES)
    try:
        writer.write(frame(message))
        await writer.drain()
        answer = await read_frame(reader)
    except asyncio.LimitOverrunError as flood:
        raise Malformed(f"Expected an answer of at most {LARGEST_MESSAGE_BYTES:,} bytes.") from flood
    finally:
        writer.close()
    if answer is None:
        raise Malformed("Expected an acknowledgement, but the connection was closed.")
    return read_acknowledgement(answer)
