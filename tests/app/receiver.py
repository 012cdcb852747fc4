"""A receiver in a process of its own: `python -m tests.app.receiver SPEECH PORT LOG [MISHAPS]`.

SPEECH: `mllp`, `http` for webhooks, `fhir` for a server that takes valid bundles only. Writes every message down
before it answers, one JSON object a line, as a receiver must that loses nothing. With mishaps (a seed) it now and then
hangs up, answers too late, refuses, or answers nonsense; it may be killed at any time.
"""

import asyncio
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from app.clock import utc_now
from app.interop.mllp import acknowledgement, frame, read_frame, segments_of
from tests.app.fhir_r4 import problems

LATE_S = 5.0
THINKS_S = 0.02
"""Between writing down and answering: who is killed then gets the message again."""

MISHAPS = ("hang up", "late", "refuse", "nonsense")


@dataclass
class Receiver:
    """speech: `http`, `fhir` or `mllp`. chance: None for one that always answers well."""

    speech: str
    log: Path
    chance: random.Random | None

    async def serve(self, port: int) -> None:
        serve_one = self.mllp if self.speech == "mllp" else self.http
        server = await asyncio.start_server(serve_one, "127.0.0.1", port, limit=1 << 22)
        print("listening", flush=True)
        await server.serve_forever()

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in headers.items()}
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        status = {"refuse": "503 Busy", "nonsense": "302 Found\r\nLocation: http://localhost:9/"}
        if self.speech == "fhir" and problems(json.loads(body)):
            writer.write(b"HTTP/1.1 422 Not a valid bundle\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return writer.close()
        mishap = await self._take(headers["leukolens-message"], body, headers)
        if mishap != "hang up":
            answer = f"HTTP/1.1 {status.get(mishap, '204 No Content')}\r\nContent-Length: 0\r\n"
            writer.write(f"{answer}Connection: close\r\n\r\n".encode())
        writer.close()

    async def mllp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (message := await read_frame(reader)) is not None:
            control_id = segments_of(message)[0][9]
            mishap = await self._take(control_id, message, {})
            if mishap == "hang up":
                break
            code = "AR" if mishap == "refuse" else "AA"
            about = "another" if mishap == "nonsense" else control_id
            writer.write(frame(acknowledgement(code, about, utc_now())))
            await writer.drain()
        writer.close()

    async def _take(self, message_id: str, body: str, headers: dict[str, str]) -> str:
        """Write a message down, unless something happens before; what happens."""
        mishap = "" if self.chance is None or self.chance.random() < 0.7 else self.chance.choice(MISHAPS)
        if not (mishap and self.chance and self.chance.random() < 0.5):
            with self.log.open("a") as log:
                log.write(json.dumps({"id": message_id, "body": body, "headers": headers}) + "\n")
        await asyncio.sleep(LATE_S if mishap == "late" else THINKS_S)
        return mishap


if __name__ == "__main__":
    speech, port, log, *seed = sys.argv[1:]
    chance = random.Random(int(seed[0])) if seed else None
    asyncio.run(Receiver(speech, Path(log), chance).serve(int(port)))
