"""A training that is killed and started again gives, to the bit, the weights of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.training.patch_training import EVERY, STEPS
from training.fitting.curve import CURVE, read_curve
from training.fitting.steps import CHECKPOINT

pytestmark = pytest.mark.slow


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.training.patch_training", str(folder)]
    deterministic = os.environ | {"TF_DETERMINISTIC_OPS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, env=deterministic, text=True, stdout=subprocess.PIPE)


def batches_taken(process: subprocess.Popen[str]) -> int:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return int(output.split()[-1])


def steps_watched(folder: Path) -> int:
    file = folder / CURVE
    return int(max(read_curve(file).get("step", [0]), default=0)) if file.is_file() else 0


def test_a_killed_patch_training_goes_on_to_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    all_batches = batches_taken(start(unbroken))

    chosen = random.randrange(EVERY, STEPS // 2 + 1)
    victim = start(broken)
    deadline = time.monotonic() + 300
    while not (broken / CHECKPOINT).is_file() or steps_watched(broken) < chosen:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    victim.kill()
    victim.wait()
    assert victim.returncode == -signal.SIGKILL
    with np.load(broken / CHECKPOINT) as state:
        assert 0 < int(state["steps_done"]) < STEPS

    assert batches_taken(start(broken)) < all_batches
    with np.load(unbroken / "trained.npz") as expected, np.load(broken / "trained.npz") as found:
        assert expected.keys() == found.keys()
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert (unbroken / CURVE).read_text() == (broken / CURVE).read_text()
