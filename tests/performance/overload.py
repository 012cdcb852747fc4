"""A thousand uploads at the same moment: what is answered, how fast the rest is refused, what memory it costs."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import Settings
from tests.faults.burst import Outcome, send_at_once
from tests.performance.figures import Bound, Row, quantile, value_row
from tests.performance.load import multipart
from tests.performance.machine import resident_mb
from tests.performance.services import leukolens, running
from tests.performance.timed_server import TIMES

SAMPLE_EVERY_S = 0.05
WARM_UP = 16


def overload_rows(data_dirs: list[Path], model: str, images: list[Path], logs: Path) -> list[Row]:
    """Burst a server on each data folder with every image at once."""
    refusals, growths, slowest, accepted, odd = [], [], [], [], []
    for data_dir in data_dirs:
        outcomes, times, growth = _burst(data_dir, model, images, logs)
        answered = [seconds for status, seconds in times if status == 201]
        refused = [seconds for status, seconds in times if status == 503]
        accepted.append(float(len(answered)))
        slowest.append(max(answered))
        refusals.append(quantile(refused, 0.99) if refused else 0.0)
        growths.append(growth)
        odd.append(sum(not _proper(outcome) for outcome in outcomes))
    deadline_s = Settings.model_fields["deadline_s"].default
    what = f"{len(images)} uploads at once, {model}"
    return [
        value_row(f"{what}: accepted", "answers", accepted, Bound(1, at_least=True)),
        value_row(
            f"{what}: neither 201 nor 503 with Retry-After",
            "",
            list(map(float, odd)),
            Bound(0, at_least=False),
        ),
        value_row(f"{what}: slowest accepted, server-side", "s", slowest, Bound(deadline_s, at_least=False)),
        value_row(f"{what}: p99 of refusals, server-side", "s", refusals, Bound(0.3, at_least=False)),
        value_row(f"{what}: growth of the web process", "MB", growths, Bound(150, at_least=False)),
    ]


def _burst(
    data_dir: Path, model: str, images: list[Path], logs: Path
) -> tuple[list[Outcome], list[tuple[int, float]], float]:
    """Outcomes as the clients saw them, (status, seconds) as the server did, growth in MB."""
    times = data_dir / "times.json"
    service = leukolens(data_dir, model, module="tests.performance.timed_server", **{TIMES: str(times)})
    with running(service, images[0], logs / "overload.log") as server:
        for image in images[:WARM_UP]:
            server.ask(image)
        with _peak_of(server.pid) as peak:
            before = resident_mb(server.pid)
            bodies = [multipart(image.read_bytes()) for image in images]
            outcomes = send_at_once(server.url, service.headers, bodies)
        growth = max(peak) - before
    noted = json.loads(times.read_text())[-len(images) :]
    return outcomes, [(status, seconds) for _, status, seconds in noted], growth


@contextmanager
def _peak_of(pid: int) -> Iterator[list[float]]:
    """Resident sizes of a process, sampled while the block runs."""
    sizes = [resident_mb(pid)]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_EVERY_S):
            sizes.append(resident_mb(pid))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield sizes
        time.sleep(SAMPLE_EVERY_S)
    finally:
        ended.set()
        thread.join()


def _proper(outcome: Outcome) -> bool:
    if outcome.status == 201:
        return outcome.answer["probabilities"] is not None or outcome.answer["label"] == "not_assessable"
    return outcome.status == 503 and int(outcome.retry_after or 0) >= 1
