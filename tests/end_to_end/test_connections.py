"""A real server connects to the destinations that were added for it, to its own engine, and to nothing else."""

import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.outbox.states import DestinationKind
from tests.app.conftest import png_of
from tests.app.mailroom import Mailroom
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import free_port, running_server, wait_for

STRACE = shutil.which("strace")


class Redirects(BaseHTTPRequestHandler):
    """Sends every caller elsewhere."""

    elsewhere = free_port()

    def do_POST(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"http://127.0.0.1:{self.elsewhere}/")
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def redirecting_port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Redirects) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        yield receiver.server_port
        receiver.shutdown()


def connections(trace: Path) -> set[tuple[str, int]]:
    """Every address and port in a trace; Unix sockets lead nowhere outside and are left out."""
    found = re.findall(
        r"connect\(.*sin6?_port=htons\((\d+)\).*(?:inet_addr\(|inet_pton\(AF_INET6, )\"([^\"]+)\"",
        trace.read_text(),
    )
    return {(host, int(port)) for port, host in found}


@pytest.mark.slow
def test_a_server_connects_to_nothing_that_is_not_configured(tmp_path: Path, redirecting_port: int) -> None:
    if not STRACE:
        pytest.skip("needs strace: uvloop and libpq connect where Python does not see it")
    make_bundle(tmp_path / "models")
    trace, silent_port = tmp_path / "connections", free_port()
    strace = [STRACE, "-f", "--seccomp-bpf", "-e", "trace=connect", "-o", str(trace)]
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), f"http://127.0.0.1:{free_port()}")
    mailroom = Mailroom(f"sqlite:///{tmp_path / 'case_log.sqlite3'}")
    mailroom.destination(DestinationKind.WEBHOOK, f"http://127.0.0.1:{redirecting_port}/in", "redirects")
    mailroom.destination(DestinationKind.HL7, f"mllp://127.0.0.1:{silent_port}", "silent")
    mailroom.announce(mailroom.case())

    with running_server(tmp_path, f"{NAME}/0.1.0", under=strace, **proxies) as server:
        headers = server.key("cases:read", "cases:write")
        files = {"image": ("cell.png", png_of(1))}
        elsewhere = {"client_ref": f"http://127.0.0.1:{Redirects.elsewhere}/"}
        answer = server.client.post("/api/v1/predictions", headers=headers, files=files, data=elsewhere)
        assert answer.status_code == 201
        wait_for(lambda: all(row.problem for row in mailroom.rows()))

    assert connections(trace) == {("127.0.0.1", redirecting_port), ("127.0.0.1", silent_port)}
    problems = {row.destination: row.problem for row in mailroom.rows()}
    assert problems["redirects"] == "Answered with status 307."
