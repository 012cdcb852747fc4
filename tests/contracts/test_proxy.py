"""The proxy of the compose file, run by a real nginx in front of nothing."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from tests.contracts.proxy import Proxy, needs_nginx
from tests.end_to_end.server import free_port

pytestmark = needs_nginx


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    proxy = Proxy(tmp_path_factory.mktemp("nginx"), free_port())
    with proxy.running():
        yield proxy


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
