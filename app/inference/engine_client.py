"""Talks to an engine process, here or elsewhere."""

import ssl
import time

import httpx2
import numpy as np

from app.errors import EngineUnavailable, ScoreFailed
from app.inference.answers import outputs_of
from app.inference.inference_protocol import HEADER_LENGTH, MalformedMessage, Message, decode, encode
from app.inference.scorer import ModelRef, Question, Score
from models.measurements import MEASUREMENTS


class EngineClient:
    """HTTP client of one engine process.

    Args:
        url: `unix:/path/to.sock` or `http://host:port`.
    """

    def __init__(self, url: str) -> None:
        if url.startswith("unix:"):
            # No TLS here: a context of its own spares the reading of all certificates that the system trusts.
            trusts_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            transport = httpx2.AsyncHTTPTransport(uds=url.removeprefix("unix:"), verify=trusts_nobody)
            self._http = httpx2.AsyncClient(transport=transport, base_url="http://engine")
        else:
            self._http = httpx2.AsyncClient(base_url=url)

    async def ready(self) -> bool:
        """Whether the process answers and has loaded its first model."""
        return await self._ok("/v2/health/ready")

    async def live(self) -> bool:
        """Whether the process answers at all."""
        return await self._ok("/v2/health/live")

    async def capacity(self, model: ModelRef) -> tuple[int, int]:
        """How many requests at once, and how many images a request, the engine makes good use of."""
        response = await self._http.get(_path(model), params={"sha256": model.sha256}, timeout=60)
        _check(response)
        parameters = response.json()["parameters"]
        return int(parameters["streams"]), int(parameters["batch"])

    async def infer(self, questions: list[Question], *, timeout_s: float) -> list[Score]:
        """Score a batch; all questions name the same model.

        Raises:
            httpx2.TransportError: the process went away, is too slow or could not read this. EngineUnavailable: it
            cannot load the model. ScoreFailed: it answered that a cell of the batch cannot be scored.
        """
        model = questions[0].model
        rows = [[question.measurements[name] for name in MEASUREMENTS] for question in questions]
        request = Message(
            tensors={
                "cell": np.stack([question.pixels for question in questions]),
                "measurements": np.array(rows, "<f4"),
            },
            texts={},
            parameters={"sha256": model.sha256},
        )
        body, headers = encode(request, "inputs")
        started = time.perf_counter()
        response = await self._http.post(
            f"{_path(model)}/infer", content=body, headers=headers, timeout=timeout_s
        )
        _check(response)
        latency_ms = (time.perf_counter() - started) * 1000
        try:
            answer = decode(response.content, response.headers.get(HEADER_LENGTH), "outputs")
            outputs = outputs_of(answer)
            engine, version = (
                str(answer.parameters["engine"]),
                int(answer.parameters["preprocessing_version"]),
            )
            band = float(answer.parameters["band_low"]), float(answer.parameters["band_high"])
        except (MalformedMessage, KeyError, ValueError, TypeError, StopIteration) as broken:
            raise ScoreFailed(f"The engine's answer cannot be read: {broken}") from broken
        if answer.parameters.get("sha256") != model.sha256 or len(outputs) != len(questions):
            raise ScoreFailed("The engine's answer does not belong to the question.")
        return [Score(output, model, engine, version, band, latency_ms) for output in outputs]

    async def close(self) -> None:
        await self._http.aclose()

    async def _ok(self, path: str) -> bool:
        try:
            return (await self._http.get(path, timeout=2)).status_code == 200
        except httpx2.TransportError:
            return False


def _path(model: ModelRef) -> str:
    return f"/v2/models/{model.name}/versions/{model.version}"


def _check(response: httpx2.Response) -> None:
    if response.status_code == 200:
        return
    try:
        text = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        text = ""
    said = text or f"status {response.status_code}"
    if response.status_code in (404, 409):
        raise EngineUnavailable(f"The engine cannot load the model: {said}", retry_after_s=30)
    if response.status_code >= 500:
        raise EngineUnavailable(f"The engine broke off: {said}", retry_after_s=5)
    if not text:
        # Its web server spoke, not the engine: that one could not read what was sent, and judged no cell.
        raise httpx2.RemoteProtocolError(f"The engine could not read a request: {said}")
    raise ScoreFailed(f"The engine cannot score this cell: {text}")
