"""Clients that send until they are told that it is stored, whatever happens to the server meanwhile."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, PriorityQueue

import httpx2

from app.inference.upload import encode_png
from models.drawn_cells import draw_cell
from tests.performance.images import eight_turns

CLIENTS = 8
PAUSE_S = 0.1
PATIENCE_S = 3600.0
COME_AGAIN = {409, 429, 503}
"""What a client is told while it shall try again; 409 is `still_running`, its first try has not ended."""


@dataclass
class Sent:
    """What became of the uploads. cells: upload number -> the cell that a 201 named. unexpected: any other answer
    than 201 or one that says when to come again.
    """

    cells: dict[int, str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    cut_off: int = 0
    unexpected: list[str] = field(default_factory=list)


def pictures(number: int) -> list[bytes]:
    """Drawn cells, each different from all others."""
    shapes = (turn for seed in count() for turn in eight_turns(draw_cell(seed)))
    with ThreadPoolExecutor() as pool:
        return list(pool.map(encode_png, [next(shapes) for _ in range(number)]))


def send_all(
    url: str, headers: dict[str, str], files: list[bytes], disturb: Callable[[Sent, threading.Event], None]
) -> Sent:
    """Send every file with an Idempotency-Key of its own, again and again until its 201 comes.

    An upload that shall come again later makes way for the others, as in a lab system's outbox.

    Args:
        disturb: runs beside the clients, sees what has become of the uploads, ends when its event is set.
    """
    sent, done, lock = Sent(), threading.Event(), threading.Lock()
    waiting: PriorityQueue[tuple[float, int]] = PriorityQueue()
    for number in range(len(files)):
        waiting.put((0.0, number))
    deadline = time.monotonic() + PATIENCE_S

    def client() -> None:
        with httpx2.Client(headers=headers, timeout=30) as http:
            while time.monotonic() < deadline:
                try:
                    due, number = waiting.get(timeout=1)
                except Empty:
                    return
                time.sleep(max(0.0, due - time.monotonic()))
                answer = _post(http, url, number, files[number])
                with lock:
                    pause_s = _note(sent, number, answer)
                if pause_s is not None:
                    waiting.put((time.monotonic() + pause_s, number))

    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        disturbing = threads.submit(disturb, sent, done)
        for ended in [threads.submit(client) for _ in range(CLIENTS)]:
            ended.result()
        done.set()
        disturbing.result()
    return sent


def _post(http: httpx2.Client, url: str, number: int, file: bytes) -> httpx2.Response | None:
    try:
        return http.post(
            f"{url}/api/v1/predictions",
            headers={"Idempotency-Key": f"upload-{number}"},
            files={"image": ("cell.png", file)},
        )
    except httpx2.TransportError:
        return None


def _note(sent: Sent, number: int, answer: httpx2.Response | None) -> float | None:
    """Seconds until this upload is tried again, None where it need not be."""
    if answer is None:
        sent.cut_off += 1
        return PAUSE_S
    sent.statuses[answer.status_code] += 1
    if answer.status_code == 201:
        sent.cells[number] = answer.json()["cell_id"]
        return None
    if answer.status_code in COME_AGAIN and int(answer.headers.get("retry-after", 0)) >= 1:
        return float(answer.headers["retry-after"])
    sent.unexpected.append(f"upload {number}: {answer.status_code} {answer.text[:200]}")
    return None
