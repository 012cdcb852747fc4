"""What knowing its limits costs a prediction: gate, distances and sets, and the search for similar cells by itself."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundle import Bundle, read_bundle
from models.classifier import Classifier
from models.decoding import decode_cell
from models.engines import open_engine
from models.measurements import ImageArray
from models.neighbours import NeighbourSearch
from tests.performance.figures import Bound, Row, value_row

WARM_UP = 5
ROUNDS = 100
SEARCHED = 100_000
SEARCHES = 50
MOST_ADDED = Bound(10.0, at_least=False)


def limits_rows(folder: Path, images: Sequence[Path]) -> list[Row]:
    """Ask a bundle with its limits and without them, in turn, so that a busy machine meets both alike.

    Processor time of this thread is compared: waiting for others is nobody's cost.
    """
    whole = read_bundle(folder)
    cells = [decode_cell(path.read_bytes()).pixels for path in images]
    with_limits, without = (
        Classifier(bundle, open_engine(bundle, "ncnn")) for bundle in (whole, _without_limits(whole))
    )
    for cell in cells[:WARM_UP]:
        _asked(without, cell)
        _asked(with_limits, cell)
    times = np.array([(_asked(without, cell), _asked(with_limits, cell)) for cell in cells[WARM_UP:]]) * 1000
    before, after = np.quantile(times, 0.95, axis=0)
    added = float((after / before - 1) * 100)
    return [
        Row("p95 of a cell without limits", f"{before:.1f} ms", "", f"{before:.1f} ms", "processor time"),
        Row("p95 of a cell with all limits", f"{after:.1f} ms", "", f"{after:.1f} ms", "processor time"),
        value_row("p95 added by gate, distances and sets", "%", [added], MOST_ADDED),
        _search_row(whole.manifest.head.embedding_length),
    ]


def _without_limits(bundle: Bundle) -> Bundle:
    fields = {"quality": {}, "novelty": None, "conformal": None}
    return replace(bundle, manifest=bundle.manifest.model_copy(update=fields), statistics={})


def _asked(classifier: Classifier, cell: ImageArray) -> float:
    return _took(lambda: classifier.classify([cell]))


def _took(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def _search_row(width: int) -> Row:
    random = np.random.default_rng(0)
    search = NeighbourSearch(random.normal(size=(SEARCHED, width)).astype(np.float32), np.ones(width))
    asked = random.normal(size=(SEARCHES, width)).astype(np.float32)
    times = []
    for embedding in asked:
        started = time.perf_counter()
        search.nearest(embedding, 8)
        times.append((time.perf_counter() - started) * 1000)
    found = f"{np.median(times):.0f} ms, p95 {np.quantile(times, 0.95):.0f} ms"
    return Row(f"8 nearest of {SEARCHED:,} embeddings", found, "", found, "exact, float32")
