"""Requests made to exhaust a server: refused early, memory stays, and others are answered meanwhile."""

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.app.conftest import png_of
from tests.contracts.proxy import Proxy, needs_nginx
from tests.end_to_end.server import Server
from tests.faults.memory import growing_less_than

GROWTH_LIMIT_MB = 50
CRLF = b"\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="c.png"\r\n\r\n'


@contextmanager
def steady(server: Server) -> Iterator[None]:
    """The server neither grows, not even for a moment, nor restarts nor stops answering within the block."""
    pid = server.pid
    with growing_less_than(GROWTH_LIMIT_MB, pid):
        yield
    assert server.client.get("/livez").status_code == 200
    assert server.pid == pid


def request_head(lab: dict[str, str], *lines: str) -> bytes:
    head = ["POST /api/v1/predictions HTTP/1.1", "Host: localhost", f"Authorization: {lab['Authorization']}"]
    return "\r\n".join([*head, "Content-Type: multipart/form-data; boundary=x", *lines]).encode() + 2 * CRLF


def talk(server: Server, head: bytes, body: Iterable[bytes] = ()) -> int:
    """The status of a request that is written by hand; 0 where the connection was closed instead."""
    with socket.create_connection(("localhost", server.port), timeout=60) as connection:
        try:
            connection.sendall(head)
            for piece in body:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already and reads no more
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            return 0
    return int(answer.split(b" ", 2)[1]) if answer else 0


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield f"{len(piece):x}".encode() + CRLF + piece + CRLF
    yield b"0" + 2 * CRLF


def zeros(megabytes: int) -> Iterator[bytes]:
    return (bytes(2**20) for _ in range(megabytes))


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(
    server: Server, lab: dict[str, str]
) -> None:
    with steady(server):
        assert talk(server, request_head(lab, "Content-Length: 104857600")) == 413


def test_a_body_that_does_not_say_how_large_it_is_is_cut_off_at_the_limit(
    server: Server, lab: dict[str, str]
) -> None:
    with steady(server):
        body = chunked(piece for piece in [PART, *zeros(80)])
        assert talk(server, request_head(lab, "Transfer-Encoding: chunked"), body) in (0, 413)


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -1",),
        ("Content-Length: 12x",),
        ("Content-Length: 10", "Content-Length: 20"),
        ("Content-Length: 10", "Transfer-Encoding: chunked"),
    ],
    ids=["negative", "no number", "two of them", "two ways"],
)
def test_a_length_that_lies_is_a_bad_request(
    server: Server, lab: dict[str, str], lines: tuple[str, ...]
) -> None:
    with steady(server):
        assert talk(server, request_head(lab, *lines), iter([PART, bytes(100)])) in (0, 400)


def test_a_header_of_a_megabyte_is_refused(server: Server, lab: dict[str, str]) -> None:
    with steady(server):
        head = request_head(lab, "Content-Length: 0", f"X-Filler: {'x' * 2**20}")
        assert talk(server, head) in (0, 400, 431)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("ten thousand parts", {400, 413, 422}),
        ("a part with a header of a megabyte", {400, 413, 422}),
        ("ten megabytes before the first part", {400, 413, 422}),
        ("a million one-letter fields", {400, 413, 415, 422}),
    ],
)
def test_a_form_that_is_no_picture_is_refused(
    server: Server, lab: dict[str, str], kind: str, statuses: set[int]
) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    filler = PART[:-4] + b"\r\nX-Filler: " + b"x" * 2**20 + 2 * CRLF + b"1\r\n--x--\r\n"
    body, content_type = {
        "ten thousand parts": (part * 10_000 + b"--x--\r\n", None),
        "a part with a header of a megabyte": (filler, None),
        "ten megabytes before the first part": (b"y" * 10 * 2**20 + CRLF + part + b"--x--\r\n", None),
        "a million one-letter fields": (b"a=1&" * 1_000_000, "application/x-www-form-urlencoded"),
    }[kind]
    with steady(server):
        answer = server.client.post(
            "/api/v1/predictions",
            headers=lab | {"Content-Type": content_type or "multipart/form-data; boundary=x"},
            content=body,
        )
    assert answer.status_code in statuses, answer.text


def test_three_megabytes_byte_by_byte_stop_nobody_else(server: Server, lab: dict[str, str]) -> None:
    with steady(server), ThreadPoolExecutor(1) as dripping:
        pieces = chunked(bytes([byte]) for byte in PART + bytes(300_000))
        head = request_head(lab, "Transfer-Encoding: chunked")
        drip = dripping.submit(talk, server, head, iter([b"".join(pieces)]))
        while not drip.done():
            assert server.client.get("/livez").status_code == 200
        assert drip.result() in (400, 422)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_an_upload_that_is_cut_off_leaves_nothing(server: Server, lab: dict[str, str], share: float) -> None:
    body = PART + png_of(1) + b"\r\n--x--\r\n"
    cells = server.rows("cells")
    with steady(server):
        with socket.create_connection(("localhost", server.port)) as connection:
            connection.sendall(request_head(lab, f"Content-Length: {len(body)}"))
            connection.sendall(body[: int(len(body) * share)])
        answer = server.client.post("/api/v1/predictions", headers=lab, files={"image": ("c.png", png_of(1))})
        assert answer.status_code == 201  # and its place at the door is free again
    assert server.rows("cells") == cells + 1


class SlowSenders:
    """Connections that send one byte of a header a second and never end."""

    def __init__(self, port: int, count: int) -> None:
        self._port, self._count = port, count
        self._end = threading.Event()
        self.open = 0
        self._thread = threading.Thread(target=self._drip)

    def _drip(self) -> None:
        connections = [socket.create_connection(("127.0.0.1", self._port)) for _ in range(self._count)]
        for connection in connections:
            connection.sendall(b"POST /api/v1/predictions HTTP/1.1\r\nHost: localhost\r\n")
        while not self._end.wait(1):
            self.open = sum(self._still_open(connection) for connection in connections)
        for connection in connections:
            connection.close()

    @staticmethod
    def _still_open(connection: socket.socket) -> bool:
        try:
            connection.send(b"X")
        except OSError:
            return False
        return True

    def __enter__(self) -> "SlowSenders":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


@pytest.mark.slow
def test_two_hundred_slow_senders_alone_are_held_but_stop_nobody(server: Server, lab: dict[str, str]) -> None:
    """What nginx is needed for: the server itself never closes them, and each holds a descriptor."""
    with steady(server), SlowSenders(server.port, 200) as slow:
        for seed in range(30, 36):
            files = {"image": ("c.png", png_of(seed))}
            assert server.client.post("/api/v1/predictions", headers=lab, files=files).status_code == 201
            time.sleep(2)
        assert slow.open == 200


@pytest.mark.slow
@needs_nginx
def test_nginx_closes_slow_senders_and_lets_the_others_through(server: Server, tmp_path: Path) -> None:
    proxy = Proxy(tmp_path, server.port)
    with steady(server), proxy.running(), SlowSenders(proxy.plain, 200) as slow:
        deadline = time.monotonic() + 60
        while slow.open or time.monotonic() < deadline - 55:
            assert proxy.ask("GET", "/livez", {"Host": "localhost"}).status in (200, 429)
            assert time.monotonic() < deadline, f"{slow.open} are still held"
            time.sleep(0.5)
