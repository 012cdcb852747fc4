"""The information system's side: an MLLP listener and a webhook receiver, which check what they take."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import uvicorn
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.clock import utc_now
from app.interop import mllp, signatures

LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class Arrival:
    """A message that came. way: `mllp` or `webhook`. repeated: its id came before, as it may after a lost answer."""

    way: str
    message_id: str
    accession: str
    status: str
    repeated: bool


class Mailbox:
    """Keeps what came; tell: called with each arrival."""

    def __init__(self, tell: Callable[[Arrival], None]) -> None:
        self.arrivals: list[Arrival] = []
        self._tell = tell
        self._came = asyncio.Condition()

    async def put(self, way: str, message_id: str, accession: str, status: str) -> None:
        repeated = any(known.message_id == message_id for known in self.arrivals)
        arrival = Arrival(way, message_id, accession, status, repeated)
        self.arrivals.append(arrival)
        self._tell(arrival)
        async with self._came:
            self._came.notify_all()

    async def wait_for(self, accessions: set[str], ways: set[str], limit_s: float) -> set[tuple[str, str]]:
        """Wait until every order's result came every way; what is still missing then, or when the time is up."""
        wanted = {(way, accession) for way in ways for accession in accessions}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s), self._came:
                await self._came.wait_for(lambda: not wanted - self._known())
        return wanted - self._known()

    def _known(self) -> set[tuple[str, str]]:
        return {(arrival.way, arrival.accession) for arrival in self.arrivals}


@contextlib.asynccontextmanager
async def mllp_listener(mailbox: Mailbox, port: int) -> AsyncIterator[None]:
    """Takes results that are valid HL7, refuses others with AE."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while (message := await mllp.read_frame(reader)) is not None:
                writer.write(mllp.frame(await _answer(mailbox, message)))
                await writer.drain()

    server = await asyncio.start_server(serve, LOCAL, port, limit=mllp.LARGEST_MESSAGE_BYTES)
    async with server:
        yield


async def _answer(mailbox: Mailbox, message: str) -> str:
    try:
        parsed = await asyncio.to_thread(parse_message, message, VALIDATION_LEVEL.STRICT)
        control_id = parsed.msh.msh_10.to_er7()
        order = parsed.oru_r01_patient_result.oru_r01_order_observation.obr
    except HL7apyException as wrong:
        return mllp.acknowledgement("AE", mllp.segments_of(message)[0][9], utc_now(), str(wrong)[:80])
    await mailbox.put("mllp", control_id, order.obr_20.to_er7(), order.obr_25.to_er7())
    return mllp.acknowledgement("AA", control_id, utc_now())


@contextlib.asynccontextmanager
async def webhook_receiver(mailbox: Mailbox, port: int, secret: str) -> AsyncIterator[None]:
    """Takes messages that are signed with the secret, refuses others with 401."""

    async def take(request: Request) -> Response:
        body = await request.body()
        try:
            signatures.verify(secret, request.headers.get(signatures.HEADER, ""), body, time.time())
        except signatures.SignatureRefused as refused:
            return Response(str(refused), status_code=401)
        told = json.loads(body)
        await mailbox.put("webhook", told["id"], told["case"]["accession"], told["report"]["status"])
        return Response(status_code=204)

    application = Starlette(routes=[Route("/{path:path}", take, methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(application, host=LOCAL, port=port, log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving
