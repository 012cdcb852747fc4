"""A retry after a crash runs at once, unless another server may still be answering the first try."""

from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from app.accounts.permissions import Scope
from app.clock import utc_now
from app.idempotency.service import RUNNING_LIMIT
from app.idempotency.tables import KeptAnswer
from app.main import create_app
from app.presence import present
from tests.app.conftest import start_app
from tests.postgresql import new_database


def was_alone(folder: Path) -> bool:
    """What a server that starts now is told."""
    told: list[bool] = []
    with present(folder, if_alone=lambda: told.append(True)):
        return bool(told)


def test_a_server_is_alone_until_another_lives_and_after_that_one_has_ended(tmp_path: Path) -> None:
    assert was_alone(tmp_path)
    with present(tmp_path, if_alone=lambda: None):
        assert not was_alone(tmp_path)
        assert not was_alone(tmp_path)
    assert was_alone(tmp_path)


def post(client: TestClient, headers: dict[str, str]) -> httpx2.Response:
    return client.post("/api/v1/cases", headers=headers, json={})


@pytest.mark.slow  # three starts
def test_only_a_server_that_starts_alone_lets_the_retry_of_a_request_run_that_its_server_never_answered(
    tmp_path: Path,
) -> None:
    with contextmanager(start_app)(tmp_path) as dies:
        headers = dies.key(Scope.CASES_WRITE) | {"Idempotency-Key": "1"}
        first = post(dies.client, headers)
        forget_answers(dies.engine)
        with TestClient(create_app(dies.settings, scorer=dies.scorer)) as beside:
            assert post(beside, headers).json()["code"] == "still_running"
    with TestClient(create_app(dies.settings, scorer=dies.scorer)) as successor:
        again = post(successor, headers)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


@pytest.mark.slow
def test_a_server_alone_in_its_folder_frees_no_request_on_a_database_that_other_hosts_may_share(
    tmp_path: Path, postgresql_url: str
) -> None:
    with new_database(postgresql_url) as url:
        with contextmanager(start_app)(tmp_path, url) as dies:
            headers = dies.key(Scope.CASES_WRITE) | {"Idempotency-Key": "1"}
            assert post(dies.client, headers).status_code == 201
            forget_answers(dies.engine)
        with TestClient(create_app(dies.settings, scorer=dies.scorer)) as successor:
            assert post(successor, headers).json()["code"] == "still_running"


def forget_answers(engine: sa.Engine) -> None:
    """As if the server had been killed before its answers were made."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(KeptAnswer).values(status=None, body=None, running_until=utc_now() + RUNNING_LIMIT)
        )
