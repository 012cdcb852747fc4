"""A started server with a small model, for tests that break something around it."""

from collections.abc import Iterator

import pytest

from tests.app.conftest import app, own_app  # noqa: F401 - fixtures that tests here ask for, too
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on SQLite that the tests of a module share; each mends what it breaks."""
    data_dir = tmp_path_factory.mktemp("server")
    make_bundle(data_dir / "models")
    with running_server(data_dir, f"{NAME}/0.1.0") as running:
        yield running


@pytest.fixture(scope="module")
def lab(server: Server) -> dict[str, str]:
    """Headers of a lab system on that server."""
    return server.key("cases:read", "cases:write")
