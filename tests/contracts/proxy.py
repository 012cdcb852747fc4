"""The nginx configuration of the image `proxy`, run here."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest

from tests.contracts.deployment import heredoc
from tests.end_to_end.server import free_port

needs_nginx = pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("openssl")), reason="needs nginx"
)


class Proxy:
    """nginx before a server on `server_port`. plain, tls: its own ports."""

    def __init__(self, folder: Path, server_port: int) -> None:
        self.plain, self.tls = free_port(), free_port()
        self.config = folder / "nginx.conf"
        text = heredoc("/etc/nginx/nginx.conf")
        for given, here in {
            " /tmp/": f" {folder}/",
            "listen 8080": f"listen 127.0.0.1:{self.plain}",
            "listen 8443": f"listen 127.0.0.1:{self.tls}",
            "http://web:8000": f"http://127.0.0.1:{server_port}",
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
        """What nginx says of its configuration."""
        return subprocess.run(
            ["nginx", "-t", "-c", self.config], capture_output=True, text=True, check=False, timeout=10
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        process = subprocess.Popen(
            ["nginx", "-c", self.config, "-g", "daemon off;"], stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", self.tls)) == 0:
                        break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(timeout=10)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> HTTPResponse:
        # The certificate is this test's own, made a moment ago.
        trusting = ssl._create_unverified_context()
        connection = HTTPSConnection("127.0.0.1", self.tls, timeout=30, context=trusting)
        connection.request(method, path, body, headers or {})
        return connection.getresponse()
