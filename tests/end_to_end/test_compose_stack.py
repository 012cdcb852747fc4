"""The services of docker-compose.yml as plain processes: same programs, same settings, no containers."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from app.inference.upload import encode_png
from models.drawn_cells import draw_cell
from tests.bundles import make_bundle
from tests.contracts.deployment import SERVICES, stages
from tests.contracts.proxy import Proxy, needs_nginx
from tests.end_to_end.server import free_port

pytestmark = [pytest.mark.slow, needs_nginx]

HOST = "cells.example.org"
SOCKET = "/run/leukolens/engine.sock"
LEUKOLENS = str(Path(sys.executable).with_name("leukolens"))


class Stack:
    """Engine, migration, web and proxy, each started as its image and service say."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.port = free_port()
        self.socket = folder / "engine.sock"
        self.folder = folder
        bundle = make_bundle(folder / "data/models")
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LEUKOLENS_")}
        self.engine_environment = plain | {"LEUKOLENS_DATA_DIR": str(folder / "data")}
        self.web_environment = (
            self.engine_environment
            | {
                name: re.sub(r"\$\{\w+[^}]*\}", HOST, value).replace(SOCKET, str(self.socket))
                for name, value in SERVICES["web"]["environment"].items()
            }
            | {
                "LEUKOLENS_DEADLINE_S": "3",
                "LEUKOLENS_SECRET_KEY": "0" * 64,
                "LEUKOLENS_DATABASE_URL": database_url,
                "LEUKOLENS_MODEL": f"{bundle.manifest.name}/{bundle.manifest.version}",
            }
        )

    @contextmanager
    def running(self, target: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The program of an image, awaited until the image's own health check passes."""
        arguments = json.loads(stages()[target].all("CMD")[-1])
        environment = self.web_environment if target == "web" else self.engine_environment
        extra = ["--port", str(self.port)] if target == "web" else []
        command = [LEUKOLENS, *(argument.replace(SOCKET, str(self.socket)) for argument in arguments), *extra]
        with (self.folder / f"{target}.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        try:
            self.await_health(target)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=40)

    def await_health(self, target: str) -> None:
        check = json.loads(stages()[target].all("HEALTHCHECK")[-1].partition(" CMD ")[2])[-1]
        check = check.replace(SOCKET, str(self.socket)).replace("8000", str(self.port))
        for _ in range(60):
            if (
                subprocess.run([sys.executable, "-c", check], capture_output=True, check=False).returncode
                == 0
            ):
                return
            time.sleep(0.5)
        pytest.fail((self.folder / f"{target}.log").read_text())

    def command(self, line: str) -> str:
        return subprocess.run(
            [LEUKOLENS, *shlex.split(line)],
            env=self.web_environment,
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def predict(proxy: Proxy, key: str) -> tuple[int, dict[str, object], str | None]:
    """Post a drawn cell through the proxy: status, answer, Retry-After."""
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="cell.png"\r\n\r\n'
    headers = {
        "Host": HOST,
        "Authorization": f"Bearer {key}",
        "Content-Type": "multipart/form-data; boundary=x",
    }
    answer = proxy.ask(
        "POST", "/api/v1/predictions", headers, head + encode_png(draw_cell(7)) + b"\r\n--x--\r\n"
    )
    return answer.status, json.loads(answer.read()), answer.headers["Retry-After"]


def test_the_compose_services_answer_a_prediction_and_survive_the_loss_of_the_engine(
    tmp_path: Path, postgresql_url: str
) -> None:
    stack = Stack(tmp_path, postgresql_url)
    stack.command(shlex.join(SERVICES["migrate"]["command"]))
    proxy = Proxy(tmp_path, stack.port)
    with ExitStack() as running:
        running.enter_context(proxy.running())
        with stack.running("worker") as engine:
            running.enter_context(stack.running("web"))
            key = json.loads(stack.command("keys create --name lab --scope cases:write --json"))["key"]
            status, answer, _ = predict(proxy, key)
            assert status == 201, answer
            assert proxy.ask("GET", "/login", {"Host": "elsewhere.example.org"}).status == 400
            engine.kill()
            status, answer, retry_after = predict(proxy, key)
            assert (status, retry_after) == (503, "2"), answer
            assert "The cell is stored" in str(answer["detail"])
        with stack.running("worker"):
            status, answer, _ = predict(proxy, key)
            assert status == 201, answer
