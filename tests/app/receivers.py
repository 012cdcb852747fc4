"""Receiver processes for one test, see `tests.app.receiver`: started, killed, and asked what came."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.outbox.states import DestinationKind
from tests.end_to_end.server import free_port


@dataclass
class ReceiverProcess:
    """speech: `http`, `fhir` or `mllp`. mishaps: seed of what goes wrong, None for nothing."""

    speech: str
    log: Path
    mishaps: int | None = None

    def __post_init__(self) -> None:
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def kind(self) -> DestinationKind:
        kinds = {"mllp": DestinationKind.HL7, "fhir": DestinationKind.FHIR, "http": DestinationKind.WEBHOOK}
        return kinds[self.speech]

    @property
    def address(self) -> str:
        scheme = "mllp" if self.speech == "mllp" else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    async def start(self) -> None:
        seed = [] if self.mishaps is None else [str(self.mishaps)]
        arguments = ["-m", "tests.app.receiver", self.speech, str(self.port), str(self.log), *seed]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"listening\n"

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    def came(self) -> list[dict[str, Any]]:
        """Every message that was written down, in order; the last line may be half of one after a kill."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]
