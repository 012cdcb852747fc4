"""Many uploads at the same moment, as a scanner that has finished a slide sends them."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.performance.load import MULTIPART

ANSWER_LIMIT_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """What one upload got. seconds: as the client saw it, its wait for a connection included."""

    status: int
    retry_after: str | None
    seconds: float
    answer: dict[str, Any]


def send_at_once(url: str, headers: dict[str, str], bodies: list[bytes]) -> list[Outcome]:
    """Post every body on a connection of its own, all at the same moment; outcomes in the same order."""
    return asyncio.run(_send(url, {**headers, "content-type": MULTIPART}, bodies))


async def _send(url: str, headers: dict[str, str], bodies: list[bytes]) -> list[Outcome]:
    limits = httpx2.Limits(max_connections=len(bodies), max_keepalive_connections=0)
    async with httpx2.AsyncClient(headers=headers, limits=limits, timeout=ANSWER_LIMIT_S) as http:

        async def send(body: bytes) -> Outcome:
            begin = time.perf_counter()
            response = await http.post(url, content=body)
            seconds = time.perf_counter() - begin
            return Outcome(
                response.status_code, response.headers.get("retry-after"), seconds, response.json()
            )

        return list(await asyncio.gather(*map(send, bodies)))
