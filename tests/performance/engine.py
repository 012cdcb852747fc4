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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from models.bundle import read_bundle
from models.decoding import decode_cell
from models.engines import Engine, Floats, open_engine
from models.networks import vgg_macs
from tests.performance.figures import Bound, Row, Spread, ratio_row

SIDE = 4096
PRODUCTS = 3


def engine_rows(bundle: Path, rounds: int, seconds: float, images: list[Path]) -> list[Row]:
    """Measure in a new process, so that its libraries share the cores with nothing of ours."""
    command = [sys.executable, "-m", "tests.performance.engine", str(bundle)]
    options = ["--rounds", str(rounds), "--seconds", str(seconds), "--images", *map(str, images)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    ceilings = [rate / found["flop"] for rate in found["matrix_flops"]]
    measure = (
        f"engine images/s, {found['bundle']} ({found['flop'] / 1e9:.1f} GFLOP) against direct convolution"
    )
    product = f"; matrix product {Spread.of([rate / 1e9 for rate in found['matrix_flops']])} GFLOP/s"
    return [ratio_row(measure + product, "/s", found["images_per_s"], ceilings, Bound(2.0, at_least=True))]


def matrix_flops() -> float:
    """Float32 operations a second of the faster library; each product counts 2 n^3."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    left, right = (random.normal(size=(SIDE, SIDE)).astype(np.float32) for _ in range(2))
    tensors = tf.constant(left), tf.constant(right)
    return max(_best(lambda: left @ right), _best(lambda: tf.matmul(*tensors).numpy()))


def _best(product: object) -> float:
    times = []
    for _ in range(PRODUCTS + 1):
        begin = time.perf_counter()
        product()  # type: ignore[operator]
        times.append(time.perf_counter() - begin)
    return 2 * SIDE**3 / min(times[1:])


def images_per_s(engine: Engine, images: list[Floats], seconds: float) -> float:
    """All streams at once, as many images as fit into the window, a different one each time."""

    def stream(first: int) -> int:
        done, position = 0, first
        while time.perf_counter() < close:
            batch = [images[(position + k * engine.streams) % len(images)] for k in range(engine.batch)]
            engine.maps(np.stack(batch))
            done, position = done + engine.batch, position + engine.batch * engine.streams
        return done

    engine.maps(images[0][None])
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
    bundle = read_bundle(chosen.bundle)
    recipe = bundle.manifest.preprocessing
    prepared = [recipe.prepare(decode_cell(path.read_bytes()).pixels) for path in chosen.images]
    engine = open_engine(bundle)
    rates, products = [], []
    for number in range(chosen.rounds):
        steps = [lambda: products.append(matrix_flops())]
        steps.insert(number % 2, lambda: rates.append(images_per_s(engine, prepared, chosen.seconds)))
        for step in steps:
            step()
    flop = 2 * vgg_macs(bundle.manifest.architecture, recipe.output_px)
    found = {"bundle": bundle.id, "flop": flop, "images_per_s": rates, "matrix_flops": products}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
