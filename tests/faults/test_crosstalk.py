"""Under load, cancellations and bad files, every answer belongs to exactly its own picture."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, running_server
from tests.faults.crosstalk import make_uploads, send_all


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    make_bundle(tmp_path / "models")
    with running_server(tmp_path, f"{NAME}/0.1.0") as running:
        yield running


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(1_000, marks=pytest.mark.long),
        pytest.param(10_000, marks=pytest.mark.long),
    ],
)
def test_no_answer_is_swapped_or_wrong(server: Server, count: int) -> None:
    uploads = make_uploads(server.data_dir / "models" / NAME / "0.1.0", count)
    wanted = [upload.p_malignant for upload in uploads if upload.p_malignant is not None]
    assert len(set(wanted)) > 0.99 * len(wanted)  # a swap between equal answers would not show

    found = send_all(server.address, server.key("cases:read", "cases:write"), uploads)

    assert found.wrong == []
    assert found.refused == 0.05 * count
    assert found.cancelled > 0.10 * count
    assert found.stored_after_cancel > 0  # some were given up behind the door, not before it
    assert found.answered + found.late + found.refused + found.cancelled == count
