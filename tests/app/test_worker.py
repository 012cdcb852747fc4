"""The engine process as an application."""

import asyncio
from pathlib import Path
from typing import NoReturn

import httpx2
import numpy as np
import pytest

from app.inference import worker
from app.inference.engine_client import EngineClient
from app.inference.scorer import ModelRef, Question
from models.drawn_cells import draw_cell
from models.measurements import measure_cell
from tests.bundles import make_bundle


def test_an_engine_that_has_no_memory_to_spare_ends_and_gives_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path)
    model = ModelRef(bundle.manifest.name, bundle.manifest.version, bundle.sha256)
    pixels = draw_cell(1)
    question = Question(pixels, measure_cell(pixels), model)
    engine = EngineClient("http://engine")
    transport = httpx2.ASGITransport(worker.create_worker([tmp_path], "ncnn"))
    monkeypatch.setattr(engine, "_http", httpx2.AsyncClient(transport=transport, base_url="http://engine"))

    def end(status: int) -> NoReturn:
        raise ProcessLookupError(f"ended with {status}")

    async def go() -> None:
        (score,) = await engine.infer([question], timeout_s=10)
        assert np.isfinite(score.output.p_malignant)
        monkeypatch.setattr(worker.os, "_exit", end)
        monkeypatch.setattr(worker, "SPARE_BYTES", 2**62)
        with pytest.raises(ProcessLookupError, match="ended with 1"):
            await engine.infer([question], timeout_s=10)

    asyncio.run(go())
