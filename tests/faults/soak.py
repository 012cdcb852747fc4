"""A long run of everything at once, with the sizes of its processes taken all the while, and what they say."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx2

from tests.app.conftest import png_of
from tests.end_to_end.server import Server
from tests.performance.machine import resident_mb

SAMPLE_EVERY_S = 2.0
CLIENTS = 3
PAUSE_S = 0.2
PICTURES = 40
LIMITS_MB = {"web": 20.0, "engine": 100.0}
"""What each process may grow in the second half; in the first it fills its caches."""

PAGES = ("/", "/cases", "/models", "/monitoring", "/audit", "/admin")

LEAK = """
import os, sys, threading, time

def leak(megabytes_a_second, kept=[]):
    while True:
        kept.append(os.urandom(int(megabytes_a_second * 2**20 / 10)))
        time.sleep(0.1)

if "{command}" in sys.orig_argv:
    threading.Thread(target=leak, args=({megabytes_a_second},), daemon=True).start()
"""
"""A `sitecustomize` that Python runs before the program: it leaks in one of the two processes."""


@dataclass
class Course:
    """What a run showed. resident_mb, descriptors: a series a process, `SAMPLE_EVERY_S` apart. statuses: of all
    requests.
    """

    resident_mb: dict[str, list[float]] = field(default_factory=lambda: {"web": [], "engine": []})
    descriptors: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def grown(self) -> dict[str, float]:
        """Which process grew by more than its limit in the second half, and by how many megabytes."""
        found = {name: second_half_growth(series) for name, series in self.resident_mb.items()}
        return {name: growth for name, growth in found.items() if growth > LIMITS_MB[name]}


def second_half_growth(series: Sequence[float]) -> float:
    """How much the last tenth lies above the tenth after the middle, each by its median: no peak decides alone."""
    tenth = max(1, len(series) // 10)
    middle = series[len(series) // 2 :][:tenth]
    return median(series[-tenth:]) - median(middle)


def plant_leak(folder: Path, command: str, megabytes_a_second: float) -> dict[str, str]:
    """Environment of a server whose process for a command, `serve` or `worker`, loses memory."""
    folder.mkdir()
    code = LEAK.format(command=command, megabytes_a_second=megabytes_a_second)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


def soak(server: Server, seconds: float) -> Course:
    """Mixed load on a running server for so long."""
    course, end = Course(), threading.Event()
    headers = server.key("cases:read", "cases:write", "reviews:write")
    with server.admin() as browser, ThreadPoolExecutor(CLIENTS + 1) as threads:
        watching = threads.submit(_watch, server, course, end)
        visiting = [
            threads.submit(Visitor(server, headers, browser, course, seed).visit, end)
            for seed in range(CLIENTS)
        ]
        end.wait(seconds)
        end.set()
        for thread in (watching, *visiting):
            thread.result()
    return course


def _watch(server: Server, course: Course, end: threading.Event) -> None:
    while not end.wait(SAMPLE_EVERY_S):
        course.resident_mb["web"].append(resident_mb(server.pid))
        course.resident_mb["engine"].append(resident_mb(server.engine_pid))
        course.descriptors.append(sum(1 for _ in Path(f"/proc/{server.pid}/fd").iterdir()))


class Visitor:
    """One client that does now this, now that: a laboratory's system and a person's browser in one."""

    def __init__(
        self, server: Server, headers: dict[str, str], browser: httpx2.Client, course: Course, seed: int
    ) -> None:
        self._system = httpx2.Client(base_url=f"{server.address}/api/v1", headers=headers, timeout=60)
        self._browser = browser
        self._course = course
        self._dice = random.Random(seed)
        self._known: list[tuple[str, str]] = []
        self._acts: tuple[Callable[[], None], ...] = (
            self._predict,
            self._predict,
            self._send_no_picture,
            self._send_a_case,
            self._look_up,
            self._turn_pages,
        )

    def visit(self, end: threading.Event) -> None:
        with self._system:
            while not end.is_set():
                self._dice.choice(self._acts)()
                time.sleep(PAUSE_S)

    def _note(self, answer: httpx2.Response) -> httpx2.Response:
        self._course.statuses[answer.status_code] += 1
        return answer

    def _picture(self) -> bytes:
        return png_of(self._dice.randrange(PICTURES))

    def _predict(self) -> None:
        answer = self._note(self._system.post("/predictions", files={"image": ("c.png", self._picture())}))
        if answer.status_code == 201:
            self._known = [*self._known[-50:], (answer.json()["case_id"], answer.json()["cell_id"])]

    def _send_no_picture(self) -> None:
        self._note(self._system.post("/predictions", files={"image": ("c.png", self._picture()[:3000])}))

    def _send_a_case(self) -> None:
        case = self._note(self._system.post("/cases", json={})).json()["id"]
        files = [("images", (f"{number}.png", self._picture())) for number in range(4)]
        self._note(self._system.post(f"/cases/{case}/cells", files=files))

    def _look_up(self) -> None:
        self._note(self._system.get("/cases", params={"limit": 50}))
        for case, cell in self._dice.sample(self._known, min(1, len(self._known))):
            for path in (f"/cases/{case}", f"/cells/{cell}", f"/cells/{cell}/similar"):
                self._note(self._system.get(path))
            for picture in ("image.png", "heatmap.png"):
                self._note(self._system.get(f"/cells/{cell}/{picture}"))

    def _turn_pages(self) -> None:
        self._note(self._browser.get(self._dice.choice(PAGES)))
        for case, cell in self._dice.sample(self._known, min(1, len(self._known))):
            for path in (f"/cases/{case}", f"/cells/{cell}", f"/api/v1/cases/{case}/report.pdf"):
                self._note(self._browser.get(path))
