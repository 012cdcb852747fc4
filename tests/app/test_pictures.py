"""Pictures made from stored ones: the gallery's small ones, the map over a cell."""

import cv2
import numpy as np
import pytest

from models.drawn_cells import draw_cell
from tests.app.conftest import RunningApp
from tests.app.test_pages import cell_of


def png(app: RunningApp, headers: dict[str, str], address: str) -> np.ndarray:
    answer = app.client.get(address, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_thumbnail_is_the_whole_picture_at_half_its_size(app: RunningApp, lab: dict[str, str]) -> None:
    cell = cell_of(app, lab, seed=3)["cell_id"]
    small = png(app, lab, f"/api/v1/cells/{cell}/thumbnail.png")
    expected = cv2.resize(draw_cell(3), (225, 225), interpolation=cv2.INTER_AREA)
    assert np.array_equal(cv2.cvtColor(expected, cv2.COLOR_RGB2BGR), small)


def test_a_map_covers_the_crop_and_is_clear_elsewhere(app: RunningApp, lab: dict[str, str]) -> None:
    from app.inference.upload import encode_png, window_stored
    from tests.bundles import NAME

    cell = cell_of(app, lab, seed=4)["cell_id"]
    layer = png(app, lab, f"/api/v1/cells/{cell}/heatmap.png")
    with app.services.database.reading() as session:
        from app.registry.service import RegistryService

        manifest = (
            RegistryService(session, app.services.stores, app.services.now()).bundle(NAME, "0.1.0").manifest
        )
    top, left, side = window_stored(encode_png(draw_cell(4)), manifest.preprocessing)
    assert layer.shape == (450, 450, 4)
    inside = np.zeros((450, 450), bool)
    inside[top : top + side, left : left + side] = True
    assert layer[~inside, 3].max() == 0


@pytest.mark.parametrize("name", ["thumbnail.png", "heatmap.png"])
def test_a_stranger_gets_no_picture(app: RunningApp, lab: dict[str, str], name: str) -> None:
    cell = cell_of(app, lab)["cell_id"]
    assert app.client.get(f"/api/v1/cells/{cell}/{name}").status_code == 401
