"""Joining a Ray cluster, or starting one on this machine for a while. Needs the extra `cluster`.

Imported before Ray by every module that uses it: what is set here, Ray reads when it is imported.

Starting one takes 10 to 20 seconds and 0.6 GB on two cores, joining one about 3 seconds.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import EngineUnavailable

# Left alone, Ray calls home; under `uv run` it packs the working folder and builds its environment anew on every
# node, where Leukolens is installed already; and given an address it does not show its token, so that a cluster
# that asks for one refuses it. Without tokens whoever reaches a port may run code on every node.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
os.environ.setdefault("RAY_AUTH_MODE", "token")

# A node ends itself, and with it whoever started it, when a helper of its own is late by the usual 15 to 30 seconds: on
# a crowded machine of two cores one is.
os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")
os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")
os.environ.setdefault("RAY_health_check_failure_threshold", "20")

import ray
from ray.exceptions import RayError

LOCAL_STORE_BYTES = 256 * 1024 * 1024
"""Shared memory of a Ray of our own: a cell in flight takes 0.6 MB."""


def join(address: str) -> None:
    """Connect this process to a running cluster; nothing happens when it is connected already.

    Args:
        address: `host:6379` of the head, or `auto` for the one this machine belongs to.

    Raises:
        EngineUnavailable: none answers there.
    """
    try:
        ray.init(
            address=address,
            ignore_reinit_error=True,
            log_to_driver=False,
            configure_logging=False,
        )
    except (ConnectionError, RuntimeError, ValueError, RayError) as absent:
        raise EngineUnavailable(
            f"No Ray cluster answers at {address!r}: {absent}", retry_after_s=5
        ) from absent


@contextmanager
def joined(address: str) -> Iterator[None]:
    """A connection for a command: to the cluster at `address`, or to a Ray of our own when that is empty.

    Raises:
        EngineUnavailable: no cluster answers, or none could be started.
    """
    if ray.is_initialized():
        yield
        return
    if address:
        join(address)
    else:
        _start()
    try:
        yield
    finally:
        ray.shutdown()


def _start() -> None:
    try:
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=LOCAL_STORE_BYTES,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address="127.0.0.1",
        )
    except Exception as failed:  # Ray raises just that when a crowded machine exceeds its fixed 30 s
        raise EngineUnavailable(f"Ray did not start here: {failed}") from failed
