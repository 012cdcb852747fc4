from pathlib import Path

import pytest

from tests.training.drawn_dataset import write_drawn_dataset


@pytest.fixture(scope="session")
def drawn_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn_dataset(tmp_path_factory.mktemp("drawn") / "cells", cells_per_group=2)
