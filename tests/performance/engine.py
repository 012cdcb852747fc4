"""Engine images/s against the ceiling of direct convolution, in a process of its own.

The ceiling is what two cores could do if every multiplication of the network were made at the speed of a large
float32 matrix product: the faster of numpy's (OpenBLAS) and TensorFlow's (oneDNN or Eigen), measured in turns
with the engine. An engine passes it by needing fewer multiplications (Winograd).

python -m tests.performance.engine BUNDLE_FOLDER --rounds 3 --seconds 10
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from models.classifier import Classifier
from models.decoding import decode_cell
from models.engines import Engine, Floats
from models.measurements import ImageArray, measure_cell
from models.networks import vgg_macs
from tests.performance.figures import Bound, Row, Spread, ratio_row

SIDE = 4096
PRODUCTS = 3


def engine_rows(bundle: Path, rounds: int, seconds: float, images: list[Path]) -> list[Row]:
    """Measure in a new process, so that its libraries share the cores with nothing of ours.

    Two rows: the engine on whole crops, and the classifier, which adds preprocessing and head and may skip
    what a bundle's head never looks at.
    """
    command = [sys.executable, "-m", "tests.performance.engine", str(bundle)]
    options = ["--rounds", str(rounds), "--seconds", str(seconds), "--images", *map(str, images)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    ceilings = [rate / found["flop"] for rate in found["matrix_flops"]]
    against = f"{found['bundle']} ({found['flop'] / 1e9:.1f} GFLOP) against direct convolution"
    product = f"matrix product {Spread.of([rate / 1e9 for rate in found['matrix_flops']])} GFLOP/s"
    bound = Bound(2.0, at_least=True)
    return [
        ratio_row(f"{what} images/s, {against}; {product}", "/s", found[key], ceilings, bound)
        for what, key in (("engine", "engine_per_s"), ("classifier", "classifier_per_s"))
    ]


def matrix_flops() -> float:
    """Float32 operations a second of the faster library; each product counts 2 n^3."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    left, right = (random.normal(size=(SIDE, SIDE)).astype(np.float32) for _ in range(2))
    tensors = tf.constant(left), tf.constant(right)
    return max(_best(lambda: left @ right), _best(lambda: tf.matmul(*tensors).numpy()))


def _best(product: Callable[[], object]) -> float:
    times = []
    for _ in range(PRODUCTS + 1):
        begin = time.perf_counter()
        product()
        times.append(time.perf_counter() - begin)
    return 2 * SIDE**3 / min(times[1:])


def engine_per_s(engine: Engine, images: list[Floats], seconds: float) -> float:
    """Whole crops, already prepared."""

    def carry(first: int) -> int:
        batch = [images[(first + k * engine.streams) % len(images)] for k in range(engine.batch)]
        engine.maps(np.stack(batch))
        return len(batch)

    return _per_second(carry, engine, seconds)


def classifier_per_s(classifier: Classifier, cells: list[ImageArray], seconds: float) -> float:
    """Pixels in, predictions out, as the engine process does it: measured already by the decoder."""
    engine = classifier.engine
    measurements = [measure_cell(cell) for cell in cells]

    def carry(first: int) -> int:
        chosen = [(first + k * engine.streams) % len(cells) for k in range(engine.batch)]
        classifier.classify([cells[n] for n in chosen], [measurements[n] for n in chosen])
        return len(chosen)

    return _per_second(carry, engine, seconds)


def _per_second(carry: Callable[[int], int], engine: Engine, seconds: float) -> float:
    """All streams at once, a different image each time. carry: takes the first image's number, tells how many."""

    def stream(first: int) -> int:
        done = 0
        while time.perf_counter() < close:
            done += carry(first + done * engine.streams)
        return done

    carry(0)
    begin = time.perf_counter()
    close = begin + seconds
    with ThreadPoolExecutor(engine.streams) as pool:
        done = sum(pool.map(stream, range(engine.streams)))
    return done / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    chosen = parser.parse_args()
    classifier = Classifier.open(chosen.bundle)
    manifest = classifier.bundle.manifest
    cells = [decode_cell(path.read_bytes()).pixels for path in chosen.images]
    prepared = [manifest.preprocessing.prepare(cell) for cell in cells]
    found: dict[str, list[float]] = {"engine_per_s": [], "classifier_per_s": [], "matrix_flops": []}
    steps = [
        ("engine_per_s", lambda: engine_per_s(classifier.engine, prepared, chosen.seconds)),
        ("matrix_flops", matrix_flops),
        ("classifier_per_s", lambda: classifier_per_s(classifier, cells, chosen.seconds)),
    ]
    for number in range(chosen.rounds):
        for name, step in steps if number % 2 == 0 else reversed(steps):
            found[name].append(step())
    flop = 2 * manifest.members * vgg_macs(manifest.architecture, manifest.preprocessing.output_px)
    json.dump({"bundle": classifier.bundle.id, "flop": flop, **found}, sys.stdout)


if __name__ == "__main__":
    main()
