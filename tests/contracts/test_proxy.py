"""The nginx configuration of the image `proxy`, run by a real nginx in front of nothing."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest

from tests.contracts.deployment import heredoc

pytestmark = pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("openssl")), reason="needs nginx")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Proxy:
    """A running nginx whose server is away. plain, tls: its ports."""

    def __init__(self, folder: Path) -> None:
        self.plain, self.tls, nobody = free_port(), free_port(), free_port()
        self.config = folder / "nginx.conf"
        text = heredoc("/etc/nginx/nginx.conf")
        for given, here in {
            " /tmp/": f" {folder}/",
            "listen 8080": f"listen 127.0.0.1:{self.plain}",
            "listen 8443": f"listen 127.0.0.1:{self.tls}",
            "http://web:8000": f"http://127.0.0.1:{nobody}",
            "/run/secrets": str(folder),
            "/dev/stdout": str(folder / "access.log"),
            "/dev/stderr": str(folder / "error.log"),
        }.items():
            assert given in text
            text = text.replace(given, here)
        # Started by root, nginx would hand its work to a user who cannot enter pytest's folders.
        user = "user root;\n" if os.geteuid() == 0 else ""
        self.config.write_text(user + text, encoding="utf-8")
        key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=localhost",
        ]
        files = ["-keyout", folder / "tls_key", "-out", folder / "tls_certificate"]
        subprocess.run(["openssl", "req", "-x509", *key, *files], check=True, capture_output=True)

    def check(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nginx", "-t", "-c", self.config], capture_output=True, text=True, check=False, timeout=10
        )

    def start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["nginx", "-c", self.config, "-g", "daemon off;"], stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.tls)) == 0:
                    break
            time.sleep(0.05)
        return process

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> HTTPResponse:
        # The certificate is this test's own, made a moment ago.
        trusting = ssl._create_unverified_context()
        connection = HTTPSConnection("127.0.0.1", self.tls, timeout=5, context=trusting)
        connection.request(method, path, headers=headers or {})
        return connection.getresponse()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    running = Proxy(tmp_path_factory.mktemp("nginx"))
    process = running.start()
    yield running
    process.terminate()
    process.wait(timeout=10)


def test_nginx_takes_the_configuration(proxy: Proxy) -> None:
    answer = proxy.check()
    assert answer.returncode == 0, answer.stderr
    assert "warn" not in answer.stderr


def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    connection = HTTPConnection("127.0.0.1", proxy.plain, timeout=5)
    connection.request("GET", "/cases?state=open", headers={"Host": "cells.example.org"})
    answer = connection.getresponse()
    assert answer.status == 308
    assert answer.headers["Location"] == "https://cells.example.org/cases?state=open"


def test_a_server_that_is_away_is_a_problem_document_with_retry_after(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/api/v1/cases")
    assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert json.loads(answer.read())["status"] == 503


def test_a_body_over_the_limit_is_refused_before_it_is_sent(proxy: Proxy) -> None:
    answer = proxy.ask("POST", "/api/v1/predictions", {"Content-Length": str(100 * 1024 * 1024)})
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert json.loads(answer.read())["code"] == "payload_too_large"


def test_passwords_are_tried_slowly(proxy: Proxy) -> None:
    statuses = [proxy.ask("POST", "/login", {"Content-Length": "0"}).status for _ in range(20)]
    assert set(statuses[:11]) == {503}
    assert statuses[-1] == 429


def test_no_version_is_told(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/").headers["Server"] == "nginx"


@pytest.mark.slow
def test_a_sender_that_stops_is_cut_off_within_15_seconds(proxy: Proxy) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", proxy.plain), timeout=20) as slow:
        slow.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(ConnectionResetError):
            while slow.recv(1024):
                pass
    assert time.monotonic() - started < 15
