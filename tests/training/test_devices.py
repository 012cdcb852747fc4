import subprocess
import sys
from pathlib import Path

import pytest

from training.fitting.curve import CURVE


@pytest.mark.long
def test_two_devices_train_what_one_trains(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.training.two_devices", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one" / CURVE).read_text().count("6.0") == 3
