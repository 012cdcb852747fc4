"""The cluster path on a real local Ray, started from the shipped `serve_config.yaml`."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

# Before Ray: it sets what Ray reads when it is imported.
pytest.importorskip("app.ray_cluster", reason="needs Ray (extra cluster)", exc_type=ModuleNotFoundError)

import ray
import yaml
from ray import serve
from ray.exceptions import ActorDiedError
from ray.serve.context import _get_global_client
from ray.serve.exceptions import BackPressureError
from ray.serve.schema import ServeDeploySchema

import app.ray_serve
from app import schema
from app.accounts.keys import KeyService
from app.accounts.permissions import Scope
from app.accounts.service import AccountService
from app.cli import app as command_line
from app.clock import utc_now
from app.database import Database, open_database
from app.errors import EngineUnavailable, LeukolensError, Overloaded, ScoreFailed
from app.inference.ray_scorer import RayScorer
from app.inference.scorer import ModelRef, Question, Score
from app.main import create_app
from app.ray_cluster import joined
from app.settings import Settings
from models.bundle import Bundle
from models.classifier import Classifier
from models.decoding import decode_cell
from models.measurements import measure_cell
from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

CONFIG = Path(app.ray_serve.__file__).with_name("serve_config.yaml")
START_LIMIT_S = 120.0


@dataclass(frozen=True)
class Cluster:
    """A running Ray with two engine replicas; two versions of the small model lie below `data_dir`."""

    data_dir: Path
    first: ModelRef
    second: ModelRef

    def classifier(self, model: ModelRef) -> Classifier:
        return Classifier.open(self.data_dir / "models" / model.name / model.version, "ncnn", model.sha256)

    def deploy(self, model_id: str) -> None:
        """Apply the shipped file, with this cluster's model, folder and number of replicas; wait until it runs."""
        config = yaml.safe_load(CONFIG.read_text())
        (application,) = config["applications"]
        application["args"] = {"engine": "ncnn", "data_dir": str(self.data_dir), "batch": 4}
        (deployment,) = application["deployments"]
        deployment["user_config"] = {"model": model_id}
        deployment["autoscaling_config"] |= {"min_replicas": 2, "max_replicas": 2}
        deployment["health_check_period_s"] = 1
        _get_global_client().deploy_apps(ServeDeploySchema.model_validate(config))
        wait_until(lambda: serve.status().applications["leukolens"].status == "RUNNING")


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, serve.status()
        time.sleep(0.2)


def replicas() -> set[str]:
    """Actor names of the engine replicas that are alive."""
    names = ray.util.list_named_actors(all_namespaces=True)
    return {actor["name"] for actor in names if actor["name"].startswith("SERVE_REPLICA::leukolens#engine")}


def ref(bundle: Bundle) -> ModelRef:
    return ModelRef(bundle.manifest.name, bundle.manifest.version, bundle.sha256)


@contextmanager
def started() -> Iterator[None]:
    """A Ray of our own; its start has a fixed limit of 30 s, which a crowded machine may exceed once."""
    with ExitStack() as stack:
        for tries_left in (2, 1, 0):
            try:
                stack.enter_context(joined(""))
                break
            except EngineUnavailable:
                if not tries_left:
                    raise
        yield


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Ray on this machine for the tests of this file."""
    data_dir = tmp_path_factory.mktemp("data")
    first, second = (
        make_bundle(data_dir / "models", version, seed) for version, seed in (("0.1.0", 0), ("0.2.0", 1))
    )
    with started():
        serve.start(proxy_location="Disabled")
        found = Cluster(data_dir, ref(first), ref(second))
        found.deploy(f"{NAME}/0.1.0")
        assert len(replicas()) == 2
        yield found
        serve.shutdown()


def questions(numbers: range, model: ModelRef) -> list[Question]:
    cells = [decode_cell(png_of(number)).pixels for number in numbers]
    return [Question(cell, measure_cell(cell), model) for cell in cells]


async def opened(queue_limit: int = 1000) -> RayScorer:
    scorer = RayScorer("auto", "leukolens", queue_limit)
    scorer.start()
    while not await scorer.ready():
        await asyncio.sleep(0.05)
    return scorer


def ask(asked: list[Question], *, deadline_s: float = 120, queue_limit: int = 1000) -> list[Any]:
    """Score all at once; answers or refusals, in order."""

    async def go() -> list[Any]:
        scorer = await opened(queue_limit)
        scores = (scorer.score(question, deadline_s=deadline_s) for question in asked)
        try:
            return list(await asyncio.gather(*scores, return_exceptions=True))
        finally:
            await scorer.stop()

    return asyncio.run(go())


def expect_own_answers(cluster: Cluster, asked: list[Question], found: list[Any]) -> None:
    """Every answer is what the classifier alone says of the same image."""
    for question, score in zip(asked, found, strict=True):
        assert isinstance(score, Score), score
        (expected,) = cluster.classifier(question.model).classify([question.pixels], [question.measurements])
        assert score.output.p_malignant == expected.p_malignant
        assert (score.output.label, score.output.reasons) == (expected.label, expected.reasons)
        assert (score.output.embedding == expected.embedding).all()
        assert score.model == question.model
        assert score.latency_ms > 0


def test_bulk_scoring_on_the_cluster_writes_the_same_file(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEUKOLENS_DATA_DIR", str(cluster.data_dir))
    monkeypatch.setenv("LEUKOLENS_MODEL", f"{NAME}/0.1.0")
    folder = tmp_path / "cells"
    (folder / "b").mkdir(parents=True)
    for number in range(5):
        (folder / f"b/{number}.png").write_bytes(png_of(number))
        for copy in range(30):
            os.link(folder / f"b/{number}.png", folder / f"{copy}_{number}.png")
    (folder / "=words.png").write_text("words")
    os.link(folder / "b/1.png", os.fsencode(folder) + b"/no-utf8-\xff.png")
    alone, together = tmp_path / "alone.csv", tmp_path / "together.csv"
    for out, options in ((alone, []), (together, ["--cluster"])):
        done = CliRunner().invoke(command_line, ["score", str(folder), "--out", str(out), *options])
        assert done.exit_code == 0, done.output
    assert together.read_bytes() == alone.read_bytes()
    assert alone.read_bytes().count(b"\n") == 1 + 157
    together.write_bytes(alone.read_bytes()[:-5000])
    CliRunner().invoke(command_line, ["score", str(folder), "--out", str(together), "--cluster"])
    assert together.read_bytes() == alone.read_bytes()


def test_a_replica_killed_under_load_costs_no_answer_and_swaps_none(cluster: Cluster) -> None:
    asked = questions(range(40), cluster.first) * 5
    before = replicas()

    async def go() -> list[Any]:
        scorer = await opened()
        scores = [asyncio.create_task(scorer.score(each, deadline_s=120)) for each in asked]
        while sum(score.done() for score in scores) < 20:
            await asyncio.sleep(0.01)
        ray.kill(ray.get_actor(min(before), namespace="serve"), no_restart=True)
        assert sum(score.done() for score in scores) < 150, "the load was over before the kill"
        found = await asyncio.gather(*scores, return_exceptions=True)
        assert await scorer.ready()
        await scorer.stop()
        return list(found)

    found = asyncio.run(go())
    expect_own_answers(cluster, asked, found)
    wait_until(lambda: len(replicas()) == 2 and replicas() != before)


def test_two_models_are_answered_side_by_side_each_by_its_own_digest(cluster: Cluster) -> None:
    asked = [
        each
        for pair in zip(
            questions(range(10), cluster.first), questions(range(10), cluster.second), strict=True
        )
        for each in pair
    ]
    expect_own_answers(cluster, asked, ask(asked))


def test_a_new_version_is_loaded_without_restarting_a_replica(cluster: Cluster) -> None:
    """Its folder is gone before the first cell asks for it: every replica had loaded it already."""
    new = make_bundle(cluster.data_dir / "models", "0.3.0", seed=2)
    classifier = cluster.classifier(ref(new))
    before = replicas()
    cluster.deploy(f"{NAME}/0.3.0")
    shutil.rmtree(cluster.data_dir / "models" / NAME / "0.3.0")
    assert replicas() == before
    asked = questions(range(12), ref(new))
    found = ask(asked)
    expected = classifier.classify([question.pixels for question in asked])
    assert [each.output.p_malignant for each in found] == [each.p_malignant for each in expected]
    cluster.deploy(f"{NAME}/0.1.0")


def test_a_model_that_no_store_holds_is_refused_and_stops_no_other(cluster: Cluster) -> None:
    asked = questions(range(6), cluster.first)
    absent = Question(asked[2].pixels, asked[2].measurements, ModelRef(NAME, "9.9.9", "f" * 64))
    found = ask([*asked[:2], absent, *asked[3:]])
    assert isinstance(found[2], EngineUnavailable)
    expect_own_answers(cluster, [*asked[:2], *asked[3:]], [*found[:2], *found[3:]])


def test_a_late_answer_and_one_too_many_are_refused_with_retry_after(cluster: Cluster) -> None:
    asked = questions(range(3), cluster.first)
    late = ask(asked, deadline_s=0.001)
    assert all(isinstance(each, Overloaded) and each.retry_after_s for each in late), late
    found = ask(asked, queue_limit=2)
    assert [isinstance(each, Overloaded) for each in found] == [False, False, True]
    expect_own_answers(cluster, asked[:2], found[:2])


def test_the_web_app_answers_through_the_cluster(cluster: Cluster) -> None:
    settings = Settings(data_dir=cluster.data_dir, model=f"{NAME}/0.1.0", scorer="ray")
    engine = open_database(settings.database)
    schema.upgrade(engine)
    with Database(engine).unit_of_work() as session:
        given = (session, settings.secret, utc_now())
        _, token = KeyService(*given).create(AccountService(*given).site(), "lis", [Scope.CASES_WRITE])
    with TestClient(create_app(settings), base_url="http://testserver") as client:
        deadline = time.monotonic() + 30
        while client.get("/readyz").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        answer = client.post(
            "/api/v1/predictions",
            files={"image": ("cell.png", png_of(1))},
            headers={"Authorization": f"Bearer {token}"},
        )
    engine.dispose()
    assert answer.status_code == 201, answer.text
    (expected,) = cluster.classifier(cluster.first).classify([decode_cell(png_of(1)).pixels])
    assert answer.json()["probabilities"]["malignant"] == pytest.approx(expected.p_malignant, abs=1e-9)


# The scorer's rules, with scripted replicas.


class ScriptedHandle:
    """A deployment handle; each call takes the next entry: an exception is raised, a refusal answered."""

    def __init__(self, *script: Exception) -> None:
        self.script = list(script)
        self.methods: list[str] = []

    def options(self, *, method_name: str) -> "ScriptedHandle":
        self.methods.append(method_name)
        return self

    async def remote(self, _: Question) -> LeukolensError:
        entry = self.script.pop(0)
        if isinstance(entry, LeukolensError):
            return entry
        raise entry


@pytest.mark.parametrize(
    ("script", "refusal", "methods"),
    [
        ([ActorDiedError(), ActorDiedError()], EngineUnavailable, ["score", "score_alone"]),
        ([ActorDiedError(), ScoreFailed("not finite")], ScoreFailed, ["score", "score_alone"]),
        ([BackPressureError(9, 9)], Overloaded, ["score"]),
    ],
)
def test_what_befell_a_cell_decides_its_refusal(
    script: list[Exception], refusal: type[LeukolensError], methods: list[str]
) -> None:
    handle = ScriptedHandle(*script)
    scorer = RayScorer("auto", "leukolens", 10)
    scorer._handle = handle  # type: ignore[assignment]
    (asked,) = questions(range(1), ModelRef("m", "1.0.0", "a" * 64))
    with pytest.raises(refusal):
        asyncio.run(scorer.score(asked, deadline_s=5))
    assert handle.methods == methods
    handle.script = [BackPressureError(9, 9)] * 20
    for _ in range(20):  # a refused cell gives its place back
        with pytest.raises(Overloaded, match="replica's queue"):
            asyncio.run(scorer.score(asked, deadline_s=5))


def test_before_the_cluster_answers_a_cell_is_refused_with_retry_after() -> None:
    scorer = RayScorer("auto", "leukolens", 10)
    (asked,) = questions(range(1), ModelRef("m", "1.0.0", "a" * 64))
    with pytest.raises(EngineUnavailable) as refused:
        asyncio.run(scorer.score(asked, deadline_s=5))
    assert refused.value.retry_after_s
