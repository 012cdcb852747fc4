"""Ends the web process without losing a request: it stops calling itself ready before it stops listening."""

import signal
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

NOTICE_S = 2.0
"""From `/readyz` saying no to the closed door: what stands in front asks again within this time."""

FINISH_LIMIT_S = 25
"""What requests inside have left after that; both together stay below the 30 s a service manager waits."""


class DrainingServer(uvicorn.Server):
    """On SIGTERM requests are still taken for `NOTICE_S`, then only those inside are finished."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGTERM or self._app.state.draining:
            super().handle_exit(sig, frame)
            return
        self._app.state.draining = True
        threading.Timer(NOTICE_S, super().handle_exit, (sig, frame)).start()


async def run_until_signal(app: FastAPI, host: str, port: int) -> None:
    """Serve until a signal comes."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",  # whatever else is installed: the parser that bounds headers
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=FINISH_LIMIT_S,
    )
    await DrainingServer(app, config).serve()
