"""The peers: what a capable team would put online with FastAPI and Keras. Written for the benchmark only.

`predict`: the model behind `model.predict`, one call a request, in FastAPI's thread pool.
`batched`: the same model as one compiled function; waiting requests are joined to batches of up to 16.
Both decode with Pillow, prepare as the paper does, warm up before they listen, and do nothing else: no store,
no case log, no accounts, no explanation.

python -m tests.performance.keras_peer --port 9000 --weights weights.safetensors --style predict|batched
"""

import argparse
import asyncio
import contextlib
import io
import math
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, File, UploadFile
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from safetensors.numpy import load_file

from models.networks import Architecture, build_classifier

SIDE = 250
BATCH_LIMIT = 16
GATHER_S = 0.005


def prepare(data: bytes) -> np.ndarray:
    """The paper's preprocessing: centre crop, 0..1, minus the crop's channel means."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    top, left = (pixels.shape[0] - SIDE) // 2, (pixels.shape[1] - SIDE) // 2
    cell = pixels[top : top + SIDE, left : left + SIDE].astype(np.float32) / 255.0
    return cell - cell.mean(axis=(0, 1))


def load_model(path: str) -> keras.Model:
    """The paper's VGG16 with the weights of a bundle."""
    model = build_classifier(Architecture(name="vgg16"), SIDE)
    arrays = load_file(path)
    for layer in model.layers:
        prefix = f"head__{layer.name}" if layer.name.startswith("dense") else layer.name
        for variable in layer.weights:
            variable.assign(arrays[f"{prefix}__{variable.name}"].astype("float32"))
    return model


def answer(logits: np.ndarray) -> dict[str, Any]:
    malignant = 1.0 / (1.0 + math.exp(float(logits[1]) - float(logits[0])))
    return {"probabilities": {"malignant": malignant, "healthy": 1.0 - malignant}}


def predict_app(model: keras.Model) -> FastAPI:
    """One `model.predict` a request."""
    model.predict(np.zeros((1, SIDE, SIDE, 3), np.float32), verbose=0)
    app = FastAPI()

    @app.post("/predict")
    def predict(image: Annotated[UploadFile, File()]) -> dict[str, Any]:
        cell = prepare(image.file.read())
        return answer(model.predict(cell[None], verbose=0)[0])

    return app


class Batcher:
    """Joins waiting cells to one call of a compiled function, in one thread: TensorFlow uses all cores itself."""

    def __init__(self, model: keras.Model) -> None:
        signature = tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32)
        self._run = tf.function(lambda cells: model(cells, training=False), input_signature=[signature])
        for size in (1, BATCH_LIMIT):
            self._run(tf.zeros((size, SIDE, SIDE, 3)))
        self._waiting: asyncio.Queue[tuple[np.ndarray, asyncio.Future[np.ndarray]]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1)

    async def __call__(self, cell: np.ndarray) -> np.ndarray:
        place: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()
        await self._waiting.put((cell, place))
        return await place

    async def work(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    while len(batch) < BATCH_LIMIT:
                        batch.append(await self._waiting.get())
            cells = np.stack([cell for cell, _ in batch])
            logits = await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda cells=cells: self._run(cells).numpy()
            )
            for (_, place), row in zip(batch, logits, strict=True):
                place.set_result(row)


def batched_app(model: keras.Model) -> FastAPI:
    """Requests wait a moment for company."""
    batcher = Batcher(model)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker = asyncio.create_task(batcher.work())
        yield
        worker.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.post("/predict")
    async def predict(image: Annotated[UploadFile, File()]) -> dict[str, Any]:
        cell = await run_in_threadpool(prepare, await image.read())
        return answer(await batcher(cell))

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--style", choices=("predict", "batched"), required=True)
    chosen = parser.parse_args()
    model = load_model(chosen.weights)
    app = predict_app(model) if chosen.style == "predict" else batched_app(model)
    uvicorn.run(app, host="127.0.0.1", port=chosen.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
