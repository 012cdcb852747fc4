"""What the disk, the descriptors and the database do to uploads: only the stated answers, and recovery alone."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import httpx2
import pytest

from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, running_server, wait_for
from tests.faults.injected import failing, few_descriptors, needs_strace, small_disk, write_lock
from tests.postgresql import Postgresql, own_postgresql, postgresql_programs

SEEDS = count(1000)
"""Every upload is another picture: one that is on the disk already is not written again."""

FREE_AGAIN_S = 30.0
MOST_LOGGED = 1_000_000


def predict(server: Server, headers: dict[str, str]) -> httpx2.Response:
    """One upload on a connection of its own."""
    return httpx2.post(
        f"{server.address}/api/v1/predictions",
        headers=headers,
        files={"image": ("cell.png", png_of(next(SEEDS)))},
        timeout=60,
    )


def says_to_come_again(answer: httpx2.Response) -> bool:
    return (
        answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1 and bool(answer.json()["code"])
    )


def works_again(server: Server, headers: dict[str, str]) -> bool:
    return predict(server, headers).status_code == 201


def pictures(server: Server) -> int:
    return sum(path.is_file() for path in (server.data_dir / "images").rglob("*"))


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("calls", ["fsync", "fdatasync", "rename"])
def test_an_input_output_error_is_a_503_and_never_a_201(server: Server, tmp_path: Path, calls: str) -> None:
    headers, pid, before = server.key("cases:write"), server.pid, pictures(server)
    with failing(server.pid, tmp_path / "calls", calls, "EIO"):
        answer = predict(server, headers)
    assert "EIO" in (tmp_path / "calls").read_text()
    assert says_to_come_again(answer), answer.text
    if calls != "fdatasync":  # that one is the case log's: the picture was stored by then
        assert pictures(server) == before
    assert works_again(server, headers)
    assert server.pid == pid


@pytest.mark.slow
def test_without_free_descriptors_uploads_get_a_503_or_no_connection_and_the_server_recovers(
    server: Server,
) -> None:
    headers, pid, logged = server.key("cases:write"), server.pid, len(server.log)

    def try_one(_: int) -> httpx2.Response | None:
        try:
            return predict(server, headers)
        except httpx2.TransportError:  # there was not even a descriptor for the connection
            return None

    with few_descriptors(server, spare=3), ThreadPoolExecutor(8) as clients:
        answers = [answer for answer in clients.map(try_one, range(16)) if answer is not None]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert refused, "three descriptors were enough"
    assert all(says_to_come_again(answer) for answer in refused), [answer.text for answer in refused]
    wait_for(lambda: works_again(server, headers), FREE_AGAIN_S)
    assert server.pid == pid
    assert len(server.log) - logged < MOST_LOGGED, "the log grows with every try to take a connection"


@pytest.mark.slow
def test_a_case_log_locked_for_20_seconds_is_a_503_and_nothing_is_lost(server: Server) -> None:
    headers = server.key("cases:write")
    before = server.rows("cells")
    answers = []
    with write_lock(server.data_dir / "case_log.sqlite3"):
        begun = time.monotonic()
        while time.monotonic() - begun < 20:
            answers.append(predict(server, headers))
    assert answers
    assert all(says_to_come_again(answer) for answer in answers), [answer.text for answer in answers]
    assert server.rows("cells") == before
    assert works_again(server, headers)


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[Server]:
    """A server whose data folder is a disk of 20 MB."""
    with ExitStack() as stack:
        stack.enter_context(small_disk(tmp_path / "data", megabytes=20))
        make_bundle(tmp_path / "data/models")
        yield stack.enter_context(running_server(tmp_path / "data", f"{NAME}/0.1.0"))


@pytest.mark.slow
def test_a_full_disk_is_a_507_and_room_made_is_used_without_a_restart(cramped: Server) -> None:
    headers, pid = cramped.key("cases:write"), cramped.pid
    ballast = cramped.data_dir / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    answers = [predict(cramped, headers) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {507}, [answer.text for answer in answers]
    assert {answer.json()["code"] for answer in answers} == {"storage_full"}
    assert pictures(cramped) == cramped.rows("cells") == 0
    ballast.unlink()
    wait_for(lambda: works_again(cramped, headers), FREE_AGAIN_S)
    assert cramped.pid == pid


@pytest.fixture
def postgresql() -> Iterator[Postgresql]:
    """A database server of this test alone."""
    programs = postgresql_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL: initdb was not found")
    with own_postgresql(programs) as running:
        yield running


@pytest.mark.slow
def test_a_database_that_is_away_for_30_seconds_is_a_503_and_comes_back_without_a_restart(
    tmp_path: Path, postgresql: Postgresql
) -> None:
    make_bundle(tmp_path / "models")
    with running_server(tmp_path, f"{NAME}/0.1.0", LEUKOLENS_DATABASE_URL=postgresql.url) as server:
        headers, pid = server.key("cases:read", "cases:write"), server.pid
        stored = predict(server, headers)
        assert stored.status_code == 201
        postgresql.stop()
        begun, answers = time.monotonic(), []
        while time.monotonic() - begun < 30:
            answers.append(predict(server, headers))
            time.sleep(0.2)
        assert len(answers) > 3
        assert all(says_to_come_again(answer) for answer in answers), [answer.text for answer in answers]
        assert {answer.json()["code"] for answer in answers} == {"database_unavailable"}
        assert server.client.get("/readyz").status_code == 503
        assert server.client.get("/livez").status_code == 200
        postgresql.start()
        wait_for(lambda: works_again(server, headers), FREE_AGAIN_S)
        assert server.pid == pid
        cell = server.client.get(f"/api/v1/cells/{stored.json()['cell_id']}", headers=headers)
        assert cell.status_code == 200
