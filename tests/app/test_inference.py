"""The queue, the wire and the child processes between web and engine."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import EngineUnavailable, FileRefused, Overloaded, ScoreFailed
from app.inference.answers import message_of, outputs_of
from app.inference.decoder_pool import DecoderPool
from app.inference.engine_client import EngineClient
from app.inference.inference_protocol import HEADER_LENGTH, MalformedMessage, Message, decode, encode
from app.inference.micro_batcher import MicroBatcher
from app.inference.scorer import ModelRef, Question, Score
from models.classifier import CellOutput
from models.decision import Decision, PredictionLabel, not_assessable
from models.labels import Label
from models.measurements import MEASUREMENTS
from models.quality import Quality, QualityLevel
from tests.app.conftest import png_of

MODEL = ModelRef("m", "1.0.0", "a" * 64)
OTHER = ModelRef("m", "2.0.0", "b" * 64)


def question(number: int, model: ModelRef = MODEL) -> Question:
    return Question(np.full((450, 450, 3), number, np.uint8), dict.fromkeys(MEASUREMENTS, 0.0), model)


def score_of(asked: Question) -> Score:
    """An answer that carries its question's number, so that a swap shows."""
    empty = np.zeros(2, np.float32)
    decision, quality = Decision(PredictionLabel.HEALTHY), Quality(QualityLevel.PASSED, ())
    output = CellOutput(decision, quality, int(asked.pixels[0, 0, 0]) / 255, empty, empty, empty)
    return Score(output, asked.model, "scripted", 1, (0.4, 0.6), 1.0)


class ScriptedEngine:
    """The client's side of an engine: `answer` is called for each batch."""

    def __init__(self, streams: int, batch: int, answer: Callable[[list[Question]], list[Score]]) -> None:
        self.streams, self.batch, self.answer = streams, batch, answer
        self.batches: list[list[int]] = []
        self.is_ready = True

    async def ready(self) -> bool:
        return self.is_ready

    async def capacity(self, model: ModelRef) -> tuple[int, int]:
        return self.streams, self.batch

    async def infer(self, questions: list[Question], *, timeout_s: float) -> list[Score]:
        self.batches.append([int(each.pixels[0, 0, 0]) for each in questions])
        await asyncio.sleep(0.01)
        return self.answer(questions)


def run(
    engine: ScriptedEngine, numbers: list[int], *, limit: int = 100, deadline_s: float = 5.0
) -> list[object]:
    """Score cells 0..255 at once through a batcher; answers or exceptions, in order."""

    async def go() -> list[object]:
        batcher = MicroBatcher(engine, limit)  # type: ignore[arg-type] # the client's methods it needs
        batcher.start(MODEL)
        try:
            asked = (batcher.score(question(number), deadline_s=deadline_s) for number in numbers)
            return list(await asyncio.gather(*asked, return_exceptions=True))
        finally:
            await batcher.stop()

    return asyncio.run(go())


def test_every_cell_gets_its_own_answer_whatever_the_batches() -> None:
    engine = ScriptedEngine(2, 8, lambda questions: [score_of(each) for each in questions])
    numbers = list(range(60))
    found = run(engine, numbers)
    assert [round(score.output.p_malignant * 255) for score in found] == numbers
    assert max(len(batch) for batch in engine.batches) > 1


def test_a_batch_that_kills_its_engine_is_tried_again_cell_by_cell() -> None:
    def answer(questions: list[Question]) -> list[Score]:
        if any(each.pixels[0, 0, 0] == 3 for each in questions):
            raise httpx2.ReadError("gone")
        return [score_of(each) for each in questions]

    found = run(ScriptedEngine(1, 8, answer), list(range(6)))
    assert isinstance(found[3], EngineUnavailable)
    assert [round(score.output.p_malignant * 255) for score in found[:3] + found[4:]] == [0, 1, 2, 4, 5]


def test_a_cell_that_cannot_be_scored_fails_alone() -> None:
    def answer(questions: list[Question]) -> list[Score]:
        if any(each.pixels[0, 0, 0] == 1 for each in questions):
            raise ScoreFailed("not finite")
        return [score_of(each) for each in questions]

    found = run(ScriptedEngine(1, 4, answer), [0, 1, 2, 3])
    assert [isinstance(each, ScoreFailed) for each in found] == [False, True, False, False]


def test_a_bug_in_the_second_try_fails_its_cell_and_leaves_the_lane_open() -> None:
    raised: list[Exception] = [httpx2.ReadError("gone"), KeyError("a bug")]

    def answer(questions: list[Question]) -> list[Score]:
        if raised:
            raise raised.pop(0)
        return [score_of(each) for each in questions]

    found = run(ScriptedEngine(1, 1, answer), [0, 1])
    assert not raised
    assert isinstance(found[0], KeyError)
    assert isinstance(found[1], Score)


def test_a_full_queue_refuses_at_once() -> None:
    engine = ScriptedEngine(1, 1, lambda questions: [score_of(each) for each in questions])
    found = run(engine, list(range(10)), limit=4)
    refused = [each for each in found if isinstance(each, Overloaded)]
    assert len(refused) == 6
    assert all(each.retry_after_s for each in refused)


def test_a_late_answer_is_refused_with_the_deadline() -> None:
    engine = ScriptedEngine(1, 1, lambda questions: [score_of(each) for each in questions])
    engine.is_ready = False

    def never(_: list[Question]) -> list[Score]:
        raise httpx2.ReadError("gone")

    engine.answer = never
    started = time.monotonic()
    found = run(engine, [1], deadline_s=0.3)
    assert isinstance(found[0], Overloaded)
    assert "0.3 s" in str(found[0])
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (422, b'{"error": "not finite", "kind": "FloatingPointError"}', ScoreFailed),
        (409, b'{"error": "other weights", "kind": "BundleRefused"}', EngineUnavailable),
        (404, b"Not Found", EngineUnavailable),
        (500, b"Internal Server Error", EngineUnavailable),
        (400, b"Invalid HTTP request received.", httpx2.RemoteProtocolError),
    ],
)
def test_only_what_the_engine_itself_says_of_a_cell_fails_that_cell(
    status: int, body: bytes, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = EngineClient("http://engine")
    answers = httpx2.MockTransport(lambda _: httpx2.Response(status, content=body))
    monkeypatch.setattr(engine, "_http", httpx2.AsyncClient(transport=answers, base_url="http://engine"))

    async def go() -> None:
        with pytest.raises(raised):
            await engine.infer([question(1)], timeout_s=1)
        await engine.close()

    asyncio.run(go())


def test_cells_for_two_models_never_share_a_batch() -> None:
    seen: list[set[str]] = []

    def answer(questions: list[Question]) -> list[Score]:
        seen.append({each.model.sha256 for each in questions})
        return [score_of(each) for each in questions]

    async def go() -> list[Score]:
        batcher = MicroBatcher(ScriptedEngine(1, 8, answer), 100)  # type: ignore[arg-type]
        batcher.start(MODEL)
        asked = [question(number, MODEL if number % 2 else OTHER) for number in range(20)]
        found = await asyncio.gather(*(batcher.score(each, deadline_s=5) for each in asked))
        await batcher.stop()
        return list(found)

    found = asyncio.run(go())
    assert all(len(models) == 1 for models in seen)
    assert [score.model for score in found] == [MODEL if number % 2 else OTHER for number in range(20)]


def test_a_model_named_in_a_line_is_that_model() -> None:
    model = ModelRef("vgg16-cnmc", "0.4.0", "c" * 64)
    assert ModelRef.parse(str(model)) == model


def test_a_message_comes_back_as_it_went() -> None:
    message = Message(
        tensors={
            "cell": np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3),
            "p": np.array([0.25, 1 / 3], "<f8"),
            "map": np.ones((2, 1, 4), "<f4"),
        },
        texts={"label": ["malignant", "healthy"]},
        parameters={"sha256": "abc", "n": 2},
    )
    body, headers = encode(message, "inputs")
    back = decode(body, headers[HEADER_LENGTH], "inputs")
    for name, tensor in message.tensors.items():
        np.testing.assert_array_equal(back.tensors[name], tensor)
        assert back.tensors[name].dtype == tensor.dtype
    assert (back.texts, back.parameters) == (message.texts, message.parameters)


@given(st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=5), st.integers(-5, 300).map(str)))
def test_no_bytes_make_the_reader_raise_anything_but_malformed(body: bytes, length: str | None) -> None:
    with pytest.raises(MalformedMessage):
        decode(body, length, "inputs")


def test_a_cut_message_is_malformed() -> None:
    body, headers = encode(Message({"x": np.zeros(10, "<f4")}, {}, {}), "inputs")
    for cut in (body[:-1], body + b"!"):
        with pytest.raises(MalformedMessage):
            decode(cut, headers[HEADER_LENGTH], "inputs")


# What a hostile file could make its decoder do. Built-in calls: a child may read no file of the tests.


@pytest.mark.parametrize(
    ("attack", "arguments"),
    [
        pytest.param(os.abort, (), id="crash"),
        pytest.param(time.sleep, (60,), id="hang"),
        pytest.param(bytearray, (8 * 1024**3,), id="devour"),
    ],
)
def test_a_decoder_that_dies_or_hangs_takes_nothing_with_it(
    attack: Callable[..., object], arguments: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.inference.decoder_pool.DECODE_TIMEOUT_S", 1.0)

    async def go() -> tuple[object, int]:
        pool = DecoderPool(processes=1)
        try:
            await pool.read(png_of(1))
            with pytest.raises(FileRefused) as refused:
                await pool._run(attack, *arguments)
            picture = await pool.read(png_of(1))
            return refused.value.code, len(picture.pixels)
        finally:
            pool.close()

    assert asyncio.run(go()) == ("image_unreadable", 450)


def test_a_decoder_cannot_write_a_file(tmp_path: Path) -> None:
    async def go() -> None:
        pool = DecoderPool(processes=1)
        try:
            with pytest.raises(OSError, match=r"Permission denied|File too large"):
                await pool._run(Path.write_bytes, tmp_path / "planted", b"x")
        finally:
            pool.close()

    asyncio.run(go())
    assert not any(path.stat().st_size for path in tmp_path.iterdir())


def assessed(number: int) -> CellOutput:
    decision = Decision(PredictionLabel.INDETERMINATE, ("unlike_training_cells",), (Label.MALIGNANT,))
    values = np.full(3, number, np.float32)
    return CellOutput(
        decision, Quality(QualityLevel.WARN, ("soft",)), 0.25, values[:2], values, np.eye(number)
    )


def test_a_batch_with_cells_that_were_not_assessed_travels_whole() -> None:
    stopped = Quality(QualityLevel.NOT_ASSESSABLE, ("no_cell",))
    sent = [
        CellOutput(not_assessable(stopped), stopped),
        assessed(2),
        CellOutput(not_assessable(stopped), stopped),
    ]
    body, headers = encode(message_of(sent, sha256="f"), "outputs")
    came = outputs_of(decode(body, headers[HEADER_LENGTH], "outputs"))
    assert [(each.decision, each.quality, each.p_malignant) for each in came] == [
        (each.decision, each.quality, each.p_malignant) for each in sent
    ]
    assert came[0].heatmap is None
    np.testing.assert_array_equal(came[1].embedding, sent[1].embedding)
    np.testing.assert_array_equal(came[1].heatmap, sent[1].heatmap)
