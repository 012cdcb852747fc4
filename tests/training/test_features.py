import numpy as np

from models.drawn_cells import draw_cell
from models.engines.ncnn import NcnnEngine
from models.head import Head, HeadSpec
from models.preprocessing import cell_weights
from training.fitting.features import whole_cell_features
from training.fitting.initial_weights import random_vgg_weights, rounded
from training.profiles import profile

SMOKE = profile("smoke")
WEIGHTS = random_vgg_weights(SMOKE.architecture, seed=6)
CROP = SMOKE.preprocessing.crop(draw_cell(21, radius_px=82))


def test_a_window_around_the_cell_gives_the_embedding_of_the_whole_crop() -> None:
    engine = NcnnEngine(SMOKE.architecture, rounded(WEIGHTS))
    feature_map = engine.maps(SMOKE.preprocessing.normalise(CROP)[None])[0]
    spec = HeadSpec(pooling="cell_mean_deviation", dense_layers=1, embedding_length=512)
    head = Head(spec, {"head__dense1__kernel": np.zeros((512, 2)), "head__dense1__bias": np.zeros(2)})
    expected = head(feature_map, cell_weights(CROP, feature_map.shape[-1]), {}).embedding
    found = whole_cell_features(CROP[None], WEIGHTS, SMOKE)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
