"""Parts of runs as Ray tasks, side by side on this machine or over many. Needs the extra `cluster`.

Every node sees the folders of data and runs under the same paths. A task whose process or node dies is tried again and
goes on from its checkpoint; the same command after a failure does so, too.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Ray reads these when it is imported; the reasons are in `app.ray_cluster`, which training must not import.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")
os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")

import ray

from training.runs import Run

RETRIES = 3
STORE_BYTES = 128 * 1024 * 1024
"""Shared memory of a Ray of our own: tasks hand over two names and nothing else."""

Task = tuple[Path, str]
"""Folder of a run, and a part of it."""


def fit_on_cluster(
    tasks: Sequence[Task], *, address: str, cpus: float, gpus: float, say: Callable[[str], None]
) -> None:
    """Train every part, as many at once as there are processors.

    Args:
        address: `host:6379` of the head, `auto`, or empty for a Ray of our own on this machine.
        cpus, gpus: what one task reserves; half a processor lets two tasks share one.

    Raises:
        ConnectionError: no cluster answers. What a part raised, as its task raised it.
    """
    with _joined(address):
        # A process a task: TensorFlow gives a card's memory back when it ends.
        train = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES, max_calls=1)(_train)
        running = {train.remote(str(folder.resolve()), part): (folder, part) for folder, part in tasks}
        while running:
            (ended,), _ = ray.wait(list(running), num_returns=1)
            ray.get(ended)
            folder, part = running.pop(ended)
            say(f"{folder.name}/{part} is trained")


def _train(folder: str, part: str) -> None:
    from training.fitting.parts import fit_part

    fit_part(Run.open(Path(folder)), part, say=print)


@contextmanager
def _joined(address: str) -> Iterator[None]:
    own = {"include_dashboard": False, "object_store_memory": STORE_BYTES, "_node_ip_address": "127.0.0.1"}
    ray.init(
        address=address or "local", log_to_driver=False, configure_logging=False, **({} if address else own)
    )
    try:
        yield
    finally:
        ray.shutdown()
