"""Clients that upload without a pause while a test breaks something, and what they were answered."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.app.conftest import png_of
from tests.end_to_end.server import Server


@dataclass(frozen=True)
class Answered:
    """One upload. client: its number, and its picture's."""

    client: int
    status: int
    retry_after: str | None
    seconds: float
    body: dict[str, Any]


class SteadyLoad:
    """Runs for the length of a block. Client n sends the drawn cell n, again and again."""

    def __init__(self, server: Server, headers: dict[str, str], clients: int) -> None:
        self._url, self._headers = f"{server.address}/api/v1/predictions", headers
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(clients)]
        self.answers: list[Answered] = []

    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(answer.status for answer in self.answers)

    def _send(self, number: int) -> None:
        with httpx2.Client(headers=self._headers, timeout=120) as http:
            while not self._end.is_set():
                begun = time.monotonic()
                got = http.post(self._url, files={"image": ("c.png", png_of(number))})
                seconds = time.monotonic() - begun
                retry_after = got.headers.get("retry-after")
                self.answers.append(Answered(number, got.status_code, retry_after, seconds, got.json()))

    def __enter__(self) -> "SteadyLoad":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
