"""The cluster entry: engine replicas on Ray Serve. `serve run app/serve_config.yaml` (Ray's own command) starts them.

A replica is one process with one loaded net for each model digest that is asked for. It decodes nothing and
knows no database: pixels come in with the question. Folders of bundles lie at the same paths on every node.
"""

import asyncio
import hashlib
import math
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import ray
from pydantic import BaseModel, PositiveInt
from ray import serve
from ray.serve import Application

from app.inference.batch import Answer, answer_batch
from app.inference.scorer import ModelRef, Question
from app.inference.worker import ModelMissing, Models
from models.bundle import MANIFEST, STORE
from models.engines import EngineName

BATCH_WAIT_S = 0.005
"""How long a batch that is not full waits for company; a batch of one, as ncnn likes it, waits for nobody."""

LONGEST_BATCH_S = 60.0
"""A batch that runs longer, the load of its model included, hangs: the health check fails and Serve replaces the replica."""


class EngineArguments(BaseModel):
    """`args` of the application in `serve_config.yaml`.

    data_dir: absolute; its `models` folder is searched before the shipped bundles. None: shipped ones only.
    batch: images an engine call carries; as many as the engine likes when None.
    """

    engine: EngineName = "auto"
    data_dir: Path | None = None
    batch: PositiveInt | None = None


class UserConfig(TypedDict):
    """`user_config` of the deployment. model: `NAME/VERSION` that is loaded before the replica calls itself ready.

    Changing it loads the new model beside the old one in running replicas, none restarts; after that,
    activating it in the registry costs nothing.
    """

    model: str


@serve.deployment(name="engine")
class Engine:
    """One replica. Calls at a time: as many as it has CPUs, a fraction counts as one."""

    def __init__(self, arguments: EngineArguments) -> None:
        # Replicas on fractions of one GPU share its memory only if none of them takes it whole.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        self._stores = [STORE] if arguments.data_dir is None else [arguments.data_dir / "models", STORE]
        self._batch = arguments.batch
        self._models = Models(self._stores, arguments.engine)
        assigned: dict[str, float] = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
        streams = max(1, math.ceil(assigned.get("CPU", 1.0)))
        self._threads = ThreadPoolExecutor(streams, thread_name_prefix="engine")
        self._running: dict[int, float] = {}
        self._together = serve.batch(
            max_batch_size=1, batch_wait_timeout_s=BATCH_WAIT_S, max_concurrent_batches=streams
        )(self._answer_together)

    async def reconfigure(self, config: UserConfig) -> None:
        """Load the model that is to answer next; running ones go on meanwhile."""
        model = self._ref(config["model"])
        loop = asyncio.get_running_loop()
        # Not in the engine's threads: a load takes seconds and every stream is wanted.
        classifier = await loop.run_in_executor(None, self._models.get, model)
        self._together.set_max_batch_size(self._batch or classifier.engine.batch)  # type: ignore[attr-defined] # set by the decorator

    async def score(self, question: Question) -> Answer:
        """Score one cell, in a batch with others."""
        answer: Answer = await self._together(question)
        return answer

    async def score_alone(self, question: Question) -> Answer:
        """Score one cell that may have killed its replica before: no other cell goes down with it."""
        return (await self._answer_together([question]))[0]

    def check_health(self) -> None:
        """Raise when a batch hangs."""
        oldest = min(list(self._running.values()), default=time.monotonic())  # engine threads write to it
        if time.monotonic() - oldest > LONGEST_BATCH_S:
            raise TimeoutError(f"A batch has been running for more than {LONGEST_BATCH_S:g} s.")

    async def _answer_together(self, questions: list[Question]) -> list[Answer]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, questions)

    def _answer(self, questions: Sequence[Question]) -> list[Answer]:
        key = id(questions)
        self._running[key] = time.monotonic()
        try:
            return answer_batch(self._models, questions)
        finally:
            del self._running[key]

    def _ref(self, model_id: str) -> ModelRef:
        name, _, version = model_id.partition("/")
        for store in self._stores:
            manifest = store / name / version / MANIFEST
            if manifest.is_file():
                return ModelRef(name, version, hashlib.sha256(manifest.read_bytes()).hexdigest())
        raise ModelMissing(f"No store here holds {model_id}.")


def build(arguments: EngineArguments) -> Application:
    """The Serve application; `import_path` of `serve_config.yaml`."""
    application: Application = Engine.bind(arguments)  # type: ignore[attr-defined] # the decorator hides it
    return application
