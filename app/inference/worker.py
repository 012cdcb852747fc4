"""The engine process: loads bundles, answers the Open Inference Protocol v2. No database, no image decoding."""

import asyncio
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.inference.answers import message_of
from app.inference.inference_protocol import HEADER_LENGTH, MalformedMessage, Message, decode, encode
from app.inference.scorer import ModelRef
from models.bundle import BundleRefused
from models.classifier import Classifier, EngineDisagrees
from models.engines import EngineName, EngineUnavailable
from models.measurements import MEASUREMENTS

HANGS_AFTER_S = 60.0
BROKEN_AFTER = 3
"""So many calls in a row that end in what nobody foresaw: it is the process, not their cells."""

SPARE_BYTES = 64 * 2**20
"""What must still be had when an answer is given: more than any one buffer of the ncnn engine."""

LOADED_AT_ONCE = 2
"""The serving model and the one before it, so that a switch and a switch back cost nothing."""

log = structlog.get_logger()


class ModelMissing(LookupError):
    """No store holds a bundle of that name and version."""


STATUS_OF: dict[type[Exception], int] = {
    MalformedMessage: 400,
    ModelMissing: 404,
    BundleRefused: 409,
    EngineDisagrees: 409,
    EngineUnavailable: 409,
    FloatingPointError: 422,
}
"""Refusals that are answers; any other exception is this process's own trouble."""


class Calls:
    """The calls that run now, and how the last ones ended: a process that cannot do its work must be replaced."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: dict[object, float] = {}
        self._broken = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        call = object()
        self._begun[call] = self._clock()
        try:
            yield
            self._broken = 0
        except tuple(STATUS_OF):
            raise
        except Exception:
            self._broken += 1
            raise
        finally:
            del self._begun[call]

    def work(self) -> bool:
        """Whether no call has been running for longer than any batch or load takes, and not all are broken."""
        hang = any(self._clock() - begun > HANGS_AFTER_S for begun in self._begun.values())
        return not hang and self._broken < BROKEN_AFTER


class Models:
    """Loaded classifiers by digest. Loading one never stops another from answering."""

    def __init__(self, stores: Sequence[Path], engine: EngineName) -> None:
        self._stores = stores
        self._engine: EngineName = engine
        self._loaded: OrderedDict[str, Classifier] = OrderedDict()
        self._loading = threading.Lock()

    def get(self, model: ModelRef) -> Classifier:
        """The classifier with exactly this digest, loaded when it is not.

        Raises:
            ModelMissing, BundleRefused, EngineUnavailable, EngineDisagrees.
        """
        known = self._loaded.get(model.sha256)
        if known is not None:
            return known
        with self._loading:
            if model.sha256 not in self._loaded:
                classifier = Classifier.open(self._folder(model), self._engine, model.sha256)
                log.info(
                    "model_loaded",
                    model=classifier.bundle.id,
                    sha256=model.sha256,
                    engine=classifier.engine.name,
                )
                self._loaded[model.sha256] = classifier
                while len(self._loaded) > LOADED_AT_ONCE:
                    self._loaded.popitem(last=False)
            return self._loaded[model.sha256]

    def _folder(self, model: ModelRef) -> Path:
        for store in self._stores:
            folder = store / model.name / model.version
            if folder.is_dir():
                return folder
        raise ModelMissing(f"No store here holds {model.name}/{model.version}.")


def create_worker(
    stores: Sequence[Path], engine: EngineName, first: "Future[ModelRef] | None" = None
) -> Starlette:
    """The engine process as an ASGI application.

    Args:
        stores: folders of bundles, `<name>/<version>` below each.
        first: the model that is loaded before the process calls itself ready; it may be named later.
    """
    models, calls = Models(stores, engine), Calls()
    threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="engine")
    is_ready = threading.Event()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(_end_without_memory)
        if first is not None:
            named = await asyncio.wrap_future(first)
            await asyncio.get_running_loop().run_in_executor(threads, models.get, named)
        is_ready.set()
        yield
        threads.shutdown(cancel_futures=True)

    async def live(_: Request) -> Response:
        work = calls.work()
        return JSONResponse({"live": work}, status_code=200 if work else 503)

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": is_ready.is_set()}, status_code=200 if is_ready.is_set() else 503)

    async def metadata(request: Request) -> Response:
        model = _model_of(request, request.query_params.get("sha256", ""))
        with calls.running():
            classifier = await asyncio.get_running_loop().run_in_executor(threads, models.get, model)
        return JSONResponse(
            {
                "name": model.name,
                "versions": [model.version],
                "platform": classifier.engine.name,
                "inputs": [{"name": "cell", "datatype": "UINT8", "shape": [-1, 450, 450, 3]}],
                "outputs": [{"name": "p_malignant", "datatype": "FP64", "shape": [-1]}],
                "parameters": {"streams": classifier.engine.streams, "batch": classifier.engine.batch},
            }
        )

    async def infer(request: Request) -> Response:
        message = decode(await request.body(), request.headers.get(HEADER_LENGTH), "inputs")
        model = _model_of(request, str(message.parameters.get("sha256", "")))
        with calls.running():
            body, headers = await asyncio.get_running_loop().run_in_executor(
                threads, _answer, models, model, message
            )
        return Response(body, headers=headers)

    return Starlette(
        routes=[
            Route("/v2/health/live", live),
            Route("/v2/health/ready", ready),
            Route("/v2/models/{name}/versions/{version}", metadata),
            Route("/v2/models/{name}/versions/{version}/infer", infer, methods=["POST"]),
        ],
        lifespan=lifespan,
        exception_handlers={
            **{refusal: _problem(status) for refusal, status in STATUS_OF.items()},
            MemoryError: _end_with,
        },
    )


def _problem(status: int):  # type: ignore[no-untyped-def] # Starlette's handler type is wider than any handler
    async def handle(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error), "kind": type(error).__name__}, status_code=status)

    return handle


def _end_without_memory(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What fails outside a handler, while a request is read for instance, comes to the loop."""
    error = context.get("exception")
    if isinstance(error, MemoryError):
        _end(error)
    loop.default_exception_handler(context)


async def _end_with(_: Request, error: Exception) -> Response:
    _end(error)


def _end(error: Exception) -> NoReturn:
    """Without memory there is no recovery here: the supervisor starts a successor, and the caller asks that one."""
    try:
        log.error("engine_out_of_memory", reason=str(error))
    finally:  # there may be no memory for the line either
        os._exit(1)


def _model_of(request: Request, sha256: str) -> ModelRef:
    return ModelRef(request.path_params["name"], request.path_params["version"], sha256)


def _answer(models: Models, model: ModelRef, message: Message) -> tuple[bytes, dict[str, str]]:
    classifier = models.get(model)
    cells, measured = message.tensors["cell"], message.tensors["measurements"]
    if cells.shape[1:] != (450, 450, 3) or measured.shape != (len(cells), len(MEASUREMENTS)):
        raise MalformedMessage(
            f"Expected (n, 450, 450, 3) and (n, {len(MEASUREMENTS)}), got {cells.shape}, {measured.shape}."
        )
    measurements = [dict(zip(MEASUREMENTS, map(float, row), strict=True)) for row in measured]
    try:
        outputs = classifier.classify(list(cells), measurements)
    finally:
        _need_spare_memory()
    reply = message_of(
        outputs,
        sha256=classifier.bundle.sha256,
        engine=classifier.engine.name,
        preprocessing_version=classifier.bundle.manifest.preprocessing.version,
        band_low=classifier.bundle.manifest.band.low,
        band_high=classifier.bundle.manifest.band.high,
    )
    return encode(reply, "outputs", model_name=model.name, model_version=model.version)


def _need_spare_memory() -> None:
    """Where memory was refused to native code, answers of all threads are in doubt, finite ones, too.

    Seen when a second model was loaded without memory: the network's map for a cell of the first one held addresses of
    the heap instead of numbers, and no call had failed. An array that nobody writes to takes a range of addresses only.

    Raises:
        MemoryError: the range is not there.
    """
    np.empty(SPARE_BYTES, np.uint8)


def obey_parent() -> "Future[ModelRef]":
    """Listen to standard input, where the parent names the model to load first, in a line.

    When it closes, the parent died, however it died: so does this process.
    """
    first: Future[ModelRef] = Future()

    def listen() -> None:
        # Unbuffered: a thread that waits in a buffer holds its lock, and Python aborts when it cannot close that.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as parent:
            if line := parent.readline():
                first.set_result(ModelRef.parse(line.decode().strip()))
            while parent.read(1):
                pass
        os._exit(0)

    threading.Thread(target=listen, daemon=True, name="parent-watch").start()
    return first
