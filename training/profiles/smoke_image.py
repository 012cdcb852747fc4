r"""The whole way for a whole-image network in about a minute, on a few cells; its figures mean nothing.

python -m training all --profile smoke_image --data ../shared/data/cnmc2019 --init none --fold 0 --out RUN --store RUN/store
"""

from models.networks import Architecture
from models.preprocessing import Preprocessing
from training.profiles.honest_image import PROFILE as HONEST

PROFILE = HONEST.model_copy(
    update={
        "name": "smoke_image",
        "architecture": Architecture(name="vgg16", blocks=2),
        "preprocessing": Preprocessing(crop_px=320, output_px=64, centre="cell", mean="crop"),
        "steps": 4,
        "batch": 4,
        "watch_steps": 2,
        "views": 4,
        "max_cells": 3,
    }
)
