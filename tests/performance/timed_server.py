"""`leukolens serve` with a stopwatch around it: how long each answer took inside the server.

A client with 1,000 open connections mostly measures itself; this notes, for each request, the time from the
call of the application to its status line, and writes them on the way out.

python -m tests.performance.timed_server serve --port 9000    (LEUKOLENS_BENCH_TIMES=FILE)
"""

import argparse
import json
import os
import time
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings

TIMES = "LEUKOLENS_BENCH_TIMES"


class Stopwatch:
    """ASGI middleware that notes path, status and seconds to the status line."""

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app = app
        self._file = file
        self._notes: list[tuple[str, int, float]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = time.perf_counter()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._notes.append((scope["path"], message["status"], time.perf_counter() - begin))
            await send(message)

        await self._app(scope, receive, noting)
        if scope["type"] == "lifespan":
            self._file.write_text(json.dumps(self._notes))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("serve",))
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    configure_logs()
    app = Stopwatch(create_app(Settings()), Path(os.environ[TIMES]))
    uvicorn.run(
        app, host="127.0.0.1", port=chosen.port, log_config=None, access_log=False, server_header=False
    )


if __name__ == "__main__":
    main()
