"""The load generator, a process of its own: `python -m tests.performance.load < plan.json > result.json`.

Bodies are built before the clock starts. Each client sends its next image as soon as the last one is
answered. Throughput is the answers inside the window by the time of the last of them, so that a batch cut by
the window's end costs nobody anything; latencies are of all answers.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2

BOUNDARY = "leukolens-benchmark"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
ANSWER_LIMIT_S = 120.0


@dataclass(frozen=True)
class Plan:
    """url, headers: where to post. images: files, one for each request. clients: how many send at a time.
    seconds: length of the window.
    """

    url: str
    headers: dict[str, str]
    images: list[str]
    clients: int
    seconds: float


@dataclass(frozen=True)
class Load:
    """What came back. latencies_ms: of answered requests. in_window: answers within the window, the last of
    them after last_s. busy: how often a 503 sent a client away for the time it named, which its latency
    includes. failures: how many requests got which other status. exhausted: the images ended before
    the window.
    """

    latencies_ms: list[float]
    in_window: int
    last_s: float
    busy: int
    failures: dict[str, int]
    exhausted: bool

    @property
    def per_second(self) -> float:
        return self.in_window / self.last_s


def generate(plan: Plan) -> Load:
    """Run a plan in a new process.

    Raises:
        RuntimeError: nothing was answered, requests failed or the images were too few.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance.load"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=True,
    )
    load = Load(**json.loads(done.stdout))
    if load.failures:
        raise RuntimeError(f"Expected only answers from {plan.url}, got failures: {load.failures}.")
    if load.in_window == 0:
        raise RuntimeError(f"{plan.url} gave no answer within {plan.seconds:g} s: make the window longer.")
    if load.exhausted:
        raise RuntimeError(f"{len(plan.images)} images were too few for {plan.seconds:g} s: raise --images.")
    return load


def multipart(png: bytes, **fields: str) -> bytes:
    """A form with one image and a few text fields; send it as `MULTIPART`."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="cell.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    return b"".join([*parts, head.encode(), png, f"\r\n--{BOUNDARY}--\r\n".encode()])


async def _run(plan: Plan) -> Load:
    bodies = iter([multipart(Path(image).read_bytes()) for image in plan.images])
    latencies: list[float] = []
    failures: dict[str, int] = {}
    ended: list[float] = []
    busy: list[float] = []
    headers = {**plan.headers, "content-type": MULTIPART}
    limits = httpx2.Limits(max_connections=plan.clients, max_keepalive_connections=plan.clients)
    async with httpx2.AsyncClient(headers=headers, limits=limits, timeout=ANSWER_LIMIT_S) as http:
        begin = time.perf_counter()
        close = begin + plan.seconds

        async def client(share: Iterator[bytes]) -> bool:
            while time.perf_counter() < close:
                body = next(share, None)
                if body is None:
                    return True
                started = time.perf_counter()
                response = await http.post(plan.url, content=body)
                while response.status_code == 503 and "retry-after" in response.headers:
                    busy.append(started)
                    await asyncio.sleep(float(response.headers["retry-after"]))
                    response = await http.post(plan.url, content=body)
                if response.status_code in (200, 201):
                    ended.append(time.perf_counter())
                    latencies.append((ended[-1] - started) * 1000)
                else:
                    status = str(response.status_code)
                    failures[status] = failures.get(status, 0) + 1
            return False

        exhausted = await asyncio.gather(*(client(bodies) for _ in range(plan.clients)))
    inside = [end - begin for end in ended if end <= close]
    return Load(latencies, len(inside), max(inside, default=0.0), len(busy), failures, any(exhausted))


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(_run(Plan(**json.load(sys.stdin))))), sys.stdout)
