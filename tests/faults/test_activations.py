"""The model is switched under load, once to a broken one: no request fails, each answer is its model's own."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from models.classifier import Classifier
from models.decoding import decode_cell
from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, running_server, wait_for
from tests.faults.hostile_bundles import LOAD_REFUSES
from tests.faults.steady_load import SteadyLoad

CLIENTS = 3
VERSIONS = ("0.1.0", "0.2.0", "0.3.0")
"""One more than the engine keeps loaded, so that every switch loads one and lets one go."""

BROKEN = "0.4.0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    for seed, version in enumerate((*VERSIONS, BROKEN)):
        make_bundle(tmp_path / "models", version, seed)
    LOAD_REFUSES["other weights than the golden cells'"](tmp_path / "models" / NAME / BROKEN, tmp_path)
    with running_server(tmp_path, f"{NAME}/{VERSIONS[0]}") as running:
        yield running


@pytest.fixture
def admin(server: Server) -> Iterator[httpx2.Client]:
    with server.admin() as browser:
        yield browser


def own_probabilities(server: Server) -> dict[tuple[str, int], float | None]:
    """What each model says of each client's picture, by its digest and the client's number, without a server."""
    pictures = [decode_cell(png_of(client)).pixels for client in range(CLIENTS)]
    found = {}
    for version in VERSIONS:
        classifier = Classifier.open(server.data_dir / "models" / NAME / version, "ncnn")
        for client, output in enumerate(classifier.classify_many(pictures)):
            found[classifier.bundle.sha256, client] = output.p_malignant
    return found


@pytest.mark.parametrize(
    "switches", [pytest.param(5, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.long)]
)
def test_no_request_fails_while_models_are_switched_and_each_answer_is_its_models_own(
    server: Server, admin: httpx2.Client, switches: int
) -> None:
    expected = own_probabilities(server)
    assert len(set(expected.values())) == len(expected), "a mix-up would not show"

    def activate(version: str) -> int:
        form = {"reason": "a switch under load"}
        return admin.post(f"/models/{NAME}/{version}/activate", data=form).status_code

    with SteadyLoad(server, server.key("cases:write"), CLIENTS) as load:

        def answers_since(before: int) -> set[str]:
            return {
                answer.body["model"]["version"] for answer in load.answers[before:] if answer.status == 201
            }

        for turn in range(1, switches + 1):
            before, version = len(load.answers), VERSIONS[turn % len(VERSIONS)]
            if turn == switches // 2:
                assert activate(BROKEN) == 409
                wait_for(lambda before=before: len(load.answers) > before + CLIENTS)  # type: ignore[misc]
            else:
                assert activate(version) == 303
                wait_for(lambda before=before, version=version: version in answers_since(before))  # type: ignore[misc]
    assert set(load.statuses()) == {201}
    assert {answer.body["model"]["version"] for answer in load.answers} == set(VERSIONS)
    for answer in load.answers:
        told = answer.body["probabilities"]["malignant"]
        assert told == expected[answer.body["model"]["sha256"], answer.client]
    print(f"{len(load.answers)} answers during {switches} switches")
