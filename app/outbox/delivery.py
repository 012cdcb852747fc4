"""One try to hand a message over. Connects to the destination's own address and to nothing else."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import httpx2

from app.interop import mllp, signatures
from app.interop.hl7 import control_id
from app.outbox.addresses import host_and_port
from app.outbox.repository import Parcel
from app.outbox.states import DestinationKind

TRY_LIMIT_S: Final = 30.0
"""For everything: name, connection, sending, answer. Below the hold, see `app.outbox.service.HOLD`."""

MESSAGE_ID: Final = "Leukolens-Message"
_TRY_AGAIN: Final = frozenset({408, 425, 429})


class NotDelivered(Exception):
    """refused: the receiver answered, and said no."""

    def __init__(self, problem: str, *, refused: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.refused = refused


class Courier:
    """Hands messages over by HTTP or MLLP. Follows no redirect, asks no proxy, keeps no answer."""

    def __init__(self, now: Callable[[], datetime], try_limit_s: float = TRY_LIMIT_S) -> None:
        self._now = now
        self._try_limit_s = try_limit_s
        # A connection for each message: a kept one may have died with its receiver, and would cost a try.
        self._http = httpx2.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=try_limit_s,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def deliver(self, parcel: Parcel) -> None:
        """Raises:
        NotDelivered: there was no answer, or another one than that the message has arrived.
        """
        try:
            async with asyncio.timeout(self._try_limit_s):
                await self._send(parcel)
        except (TimeoutError, httpx2.TimeoutException) as silent:
            raise NotDelivered(f"No answer within {self._try_limit_s:g} s.") from silent
        except (httpx2.TransportError, OSError, mllp.Malformed) as broken:
            raise NotDelivered(f"{type(broken).__name__}: {broken}") from broken

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(self, parcel: Parcel) -> None:
        match parcel.destination.kind:
            case DestinationKind.HL7:
                await self._by_mllp(parcel)
            case DestinationKind.WEBHOOK:
                await self._by_webhook(parcel)
            case DestinationKind.FHIR:
                await self._by_fhir(parcel)

    async def _by_mllp(self, parcel: Parcel) -> None:
        host, port = host_and_port(parcel.destination.address)
        answer = await mllp.exchange(host, port, parcel.message.body.decode())
        if answer.control_id != control_id(parcel.message.id):
            raise NotDelivered(
                f"The acknowledgement is for {answer.control_id[:40]!r}, not for this message."
            )
        if answer.code not in ("AA", "CA"):
            # AE: wrong in itself. AR: for a reason that is not in the message; it may be taken later.
            raise NotDelivered(f"Acknowledged with {answer.code[:8]}.", refused=answer.code in ("AE", "CE"))

    async def _by_webhook(self, parcel: Parcel) -> None:
        assert parcel.destination.secret is not None
        moment = int(self._now().timestamp())
        signature = signatures.sign(parcel.destination.secret, parcel.message.body, moment)
        headers = {signatures.HEADER: signature, "Content-Type": "application/json"}
        await self._post(parcel, headers)

    async def _by_fhir(self, parcel: Parcel) -> None:
        headers = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}
        if parcel.destination.secret is not None:
            headers["Authorization"] = f"Bearer {parcel.destination.secret}"
        await self._post(parcel, headers)

    async def _post(self, parcel: Parcel, headers: dict[str, str]) -> None:
        """The answer's body is not read: it could be endless, and its status says it all."""
        request = self._http.stream(
            "POST",
            parcel.destination.address,
            content=parcel.message.body,
            headers=headers | {MESSAGE_ID: str(parcel.message.id)},
        )
        async with request as response:
            status = response.status_code
        if not 200 <= status < 300:
            raise NotDelivered(
                f"Answered with status {status}.", refused=status < 500 and status not in _TRY_AGAIN
            )
